import type { Line } from '../../../executions/matrix/expand';
import { budgetOf } from '../../../lambdas/datastream/budget';
import { expanded, line, matrixFile, stream, withLine } from '../../support/matrices';
import { Rounds } from '../../support/rounds';

/** Two jobs at 01:30 and two at 13:30, 600 s each, of m8g.xlarge. Each round catches up a day. */
const matrix = expanded(withLine({ catch_up_h: 24 }));
const [only] = matrix.lines as readonly [Line];
const at = (time: string, day = '2026-08-18') => new Date(`${day}T${time}:00Z`);
/** What a round of two jobs costs. */
const ROUND = budgetOf(matrix, 100, 'us-east-1')(only, at('01:30')).dollars ?? 0;

test('a job counts as on-demand, for all of its timeout_s, with volume and address', () => {
  // m8g.xlarge $0.17952 an hour, 8 GB of gp3 at $0.08 a month of 720 h, an IPv4 address at $0.005 an hour.
  const hours = 600 / 3600;
  const instances = 2 * hours * (0.17952 + (8 * 0.08) / 720 + 0.005);

  expect(ROUND).toBeGreaterThan(instances);
  expect(ROUND).toBeLessThan(instances + 0.001);
});

test('the rounds of a day start in their order as long as they fit, each day anew', () => {
  const budget = budgetOf(matrix, 1.5 * ROUND, 'us-east-1');

  expect(budget(only, at('01:30'))).toEqual({ allowed: true, dollars: ROUND, before: 0 });
  expect(budget(only, at('13:30'))).toEqual({ allowed: false, dollars: ROUND, before: ROUND });
  expect(budget(only, at('01:30', '2026-08-19')).allowed).toBe(true);
});

test('a round that does not fit does not count: a smaller one after it may fit', () => {
  const two = expanded(
    matrixFile({
      streams: {
        large: stream({
          name: 'large_${place}_${init}',
          lines: { all: line({ cycles: ['00'], vars: { timeout_s: 7200 } }) },
        }),
        small: stream({ name: 'small_${place}_${init}', lines: { all: line({ cycles: ['12'] }) } }),
      },
    }),
  );
  const [large, small] = two.lines as readonly [Line, Line];
  const budget = budgetOf(two, 1.5 * ROUND, 'us-east-1');

  expect(budget(large, at('01:30')).allowed).toBe(false);
  expect(budget(small, at('13:30'))).toMatchObject({ allowed: true, before: 0 });
});

test('a round whose price is not known is refused, with what to do', () => {
  const unknown = expanded(withLine({ vars: { instance_type: 'm8g.xlarge' } }));
  const [its] = unknown.lines as readonly [Line];

  expect(budgetOf(unknown, 100, 'eu-north-9')(its, at('01:30'))).toEqual({
    allowed: false,
    before: 0,
    unknown:
      "The price of m8g.xlarge in eu-north-9 is not known: run 'datastream cost prices update --region eu-north-9'. Then deploy again.",
  });
});

describe('under a budget for one round of two', () => {
  const budget = budgetOf(matrix, 1.5 * ROUND, 'us-east-1');
  const FROM = at('00:55');
  let now = () => FROM;
  const raisedAt = () => now() > at('20:00');
  const started = async (options: object) => {
    const rounds = new Rounds(matrix, FROM, { budget, ...options });
    now = () => rounds.cloud.clock.now();
    await rounds.play(25);
    return { rounds, names: rounds.started.map(({ name }) => name).sort() };
  };
  const WANTED = ['a_00_20260818', 'a_00_20260819', 'b_00_20260818', 'b_00_20260819'].map(
    (name) => `job_short_${name}`,
  );

  test('the other is refused as a whole, on each day, and no later round catches it up', async () => {
    const { rounds, names } = await started({});

    expect(names).toEqual(WANTED);
    const planners = rounds.cloud.invocations.filter((each) => each.function === 'planner');
    expect(planners.map(({ result }) => (result as { refused: number }).refused)).toEqual([0, 2, 0]);
    expect(rounds.cloud.deadLetters).toEqual([]);
  });

  test('rounds that fire twice, or whose planner is killed and called again, come to the same', async () => {
    const twice = await started({ fires: () => [0, 90_000] });
    const killed = await started({
      faults: (operation: string, call: number) =>
        operation === 'StartExecution' && call === 2 ? { kills: true } : undefined,
    });

    expect(twice.names).toEqual(WANTED);
    expect(killed.names).toEqual(WANTED);
  });

  test('a greater budget lets the next round catch up what was refused', async () => {
    const raised = budgetOf(matrix, 3 * ROUND, 'us-east-1');
    const { names } = await started({
      budget: (...round: Parameters<typeof raised>) => (raisedAt() ? raised(...round) : budget(...round)),
    });

    expect(names).toEqual([...WANTED, 'job_short_a_12_20260818', 'job_short_b_12_20260818'].sort());
  });
});
