import type { ApiFault, Faults } from '../../local/service';
import { DEFAULTS } from '../support/carousel';
import { type CarouselScenario, play } from './carousel';

/** What may go wrong with a call. */
const KINDS: Readonly<Record<string, ApiFault>> = {
  'a fault of AWS': { error: 'InternalError', status: 500 },
  'a lost reply': { error: 'TimeoutError', after: true },
  throttling: { error: 'ThrottlingException' },
  'the death of the function before the effect': { error: 'InternalError', status: 500, kills: true },
  'the death of the function after the effect': { after: true, kills: true },
  'a reply after 20 minutes': { replyDelay: 20 * 60_000 },
};

/** A turn of some minutes: every call is the same as in one of days. */
const QUICK: CarouselScenario = { files: 3, options: { defaults: { ...DEFAULTS, tier: 'Expedited' } } };

/** A fault in the nth call of an operation since the turn's start. */
function nth(operation: string, n: number, fault: ApiFault): Faults {
  let calls = 0;
  return (name) => (name === operation && ++calls === n ? fault : undefined);
}

/** A share of the matrix, such as `1/4`. Default: all of it in CI, a sixth elsewhere. */
const [PART = 1, PARTS = 1] = (process.env.CAROUSEL_FAULTS ?? (process.env.CI ? '1/1' : '1/6')).split('/').map(Number);

async function callsOfHealthyTurn(): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const count: Faults = (name) => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    return undefined;
  };
  const { status, broken } = await play({ ...QUICK, faults: count });
  expect({ status, broken }).toEqual({ status: 'SUCCEEDED', broken: [] });
  return counts;
}

describe.each(Object.entries(KINDS))('every call with %s', (_kind, fault) => {
  test('breaks no invariant, and the turn succeeds', async () => {
    const counts = await callsOfHealthyTurn();
    const cells = [...counts].flatMap(([operation, calls]) =>
      Array.from({ length: calls }, (_, index) => [operation, index + 1] as const),
    );
    const found: string[] = [];
    for (const [index, [operation, n]] of cells.entries()) {
      if (index % PARTS !== PART - 1) continue;
      const { broken, status, error, cause } = await play({ ...QUICK, faults: nth(operation, n, fault) });
      for (const each of broken) found.push(`${operation} ${n}: ${each}`);
      if (status !== 'SUCCEEDED') found.push(`${operation} ${n}: ${status} ${error} ${cause}`);
    }

    expect(cells.length).toBeGreaterThan(80);
    expect(found).toEqual([]);
  });
});
