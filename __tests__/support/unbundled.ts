import type { Bundle, Bundles, Sources } from '../../constructs/aws/bundle';

/**
 * A stand-in for constructs/aws/bundle.ts, for suites that do not need the functions' code. esbuild takes more time
 * than the rest of such a suite. Use:
 * `jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));`
 */
export function bundle<Name extends string>({ names }: Sources<Name>): Bundles<Name> {
  const empty: Bundle = { code: Buffer.alloc(0), map: Buffer.alloc(0), archive: Buffer.from('archive') };
  const functions = Object.fromEntries(names.map((name) => [name, empty])) as Record<Name, Bundle>;
  return { functions, metafile: { inputs: {}, outputs: {} } };
}
