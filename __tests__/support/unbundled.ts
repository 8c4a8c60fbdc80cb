import type { Bundle, Bundles, Sources } from '../../constructs/aws/bundle';
import { zip } from '../../constructs/aws/zip';

/**
 * A stand-in for constructs/aws/bundle.ts, for suites that do not need the functions' code. esbuild takes more time
 * than the rest of such a suite. Use:
 * `jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));`
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
