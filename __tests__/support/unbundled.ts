import type { Bundle, Bundles, FunctionName } from '../../constructs/aws/bundle';

/**
 * Stands in for constructs/aws/bundle.ts where the functions' code does not matter: esbuild takes more time than all
 * that such a suite looks at. Use: `jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));`
 */
export const { FUNCTIONS } =
  jest.requireActual<typeof import('../../constructs/aws/bundle')>('../../constructs/aws/bundle');

export function bundle(): Bundles {
  const empty: Bundle = { code: Buffer.alloc(0), map: Buffer.alloc(0), archive: Buffer.from('archive') };
  const functions = Object.fromEntries(FUNCTIONS.map((name) => [name, empty])) as Record<FunctionName, Bundle>;
  return { functions, metafile: { inputs: {}, outputs: {} } };
}
