import type { Bundle, Bundles, Sources } from '../../constructs/aws/bundle';
import { zip } from '../../constructs/aws/zip';

/**
 * Stands in for constructs/aws/bundle.ts where the functions' code does not matter: esbuild takes more time than all
 * that such a suite looks at. Use: `jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));`
 */
export function bundle<Name extends string>({ names }: Sources<Name>): Bundles<Name> {
  const nothing = Buffer.alloc(0);
  const empty = (name: string): Bundle => ({
    code: nothing,
    map: nothing,
    archive: zip({ [`${name}.js`]: nothing, [`${name}.js.map`]: nothing }),
  });
  const functions = Object.fromEntries(names.map((name) => [name, empty(name)])) as Record<Name, Bundle>;
  return { functions, metafile: { inputs: {}, outputs: {} } };
}
