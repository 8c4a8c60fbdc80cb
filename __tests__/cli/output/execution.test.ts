import { type ExecutionRow, factsIn } from '../../../cli/executions';
import { executionLines, executionTable } from '../../../cli/output/execution';
import { withEnvironment } from '../../support/environment';

const NOW = new Date('2026-08-18T12:00:00Z');
const row = (change: Partial<ExecutionRow> = {}): ExecutionRow => ({
  name: 'cfe_nom_medium_range_vpu10L_init18_mem1_20260817_r2',
  status: 'FAILED',
  error: 'InsufficientInstanceCapacity',
  cause: 'x',
  attempts: 2,
  type: 'm8g.xlarge',
  market: 'spot',
  seconds: 43_200,
  dollars: null,
  object: null,
  started_at: '2026-08-18T00:00:00.000Z',
  ended_at: '2026-08-18T12:00:00.000Z',
  ...change,
});
const terminal = (columns: number) => ({ isTTY: true, columns, write: () => true });
const pipe = { write: () => true };
// biome-ignore lint/suspicious/noControlCharactersInRegex: SGR begins with one
const plain = (text: string) => text.replace(/\u001b\[\d+m/g, '');

describe('The table of executions', () => {
  it.each([80, 120])('fits a terminal of %d columns, and keeps both ends of a name', (columns) => {
    const lines = plain(
      executionTable([row(), row({ name: 'a', status: 'SUCCEEDED', error: null })], terminal(columns), NOW),
    );

    expect(lines.split('\n').filter((line) => line.length >= columns)).toEqual([]);
    expect(lines).toMatch(/^FAILED +cfe_nom\S+_r2 +08-18 00:00 +12h00m +Insuf/m);
  });

  it('is whole in a pipe', () => {
    const text = executionTable([row()], pipe, NOW);

    expect(text).toContain(`${row().name}  08-18 00:00  12h00m  InsufficientInstanceCapacity\n`);
  });

  it('counts the time of what runs until now', () => {
    const running = row({
      status: 'RUNNING',
      error: null,
      seconds: null,
      ended_at: null,
      started_at: '2026-08-18T11:57:30.000Z',
    });

    expect(executionTable([running], pipe, NOW)).toMatch(/ 2m30s\n$/);
  });
});

describe('Colours', () => {
  const table = (out: object) =>
    executionTable([row()], { ...pipe, ...out }, NOW).includes('\u001b[31mFAILED\u001b[0m');

  it('are for a terminal, where NO_COLOR is not set', () => {
    withEnvironment({ NO_COLOR: undefined, TERM: 'xterm' }, () => {
      expect(table({ isTTY: true, columns: 200 })).toBe(true);
      expect(table({})).toBe(false);
    });
    withEnvironment({ NO_COLOR: '1', TERM: 'xterm' }, () => expect(table({ isTTY: true, columns: 200 })).toBe(false));
    withEnvironment({ NO_COLOR: undefined, TERM: 'dumb' }, () =>
      expect(table({ isTTY: true, columns: 200 })).toBe(false),
    );
  });
});

test('The lines of an execution show what a terminal could take for a command as characters', () => {
  const execution = {
    name: 'a',
    status: 'FAILED' as const,
    startedAt: NOW,
    endedAt: NOW,
    input: {},
    error: 'CommandFailed',
    cause: 'red \u001b[31m\nsecond',
    facts: factsIn({ attempt: 1, attempts: 1 }),
  };

  const text = executionLines(execution, row({ dollars: 0.02 }), [], { attempts: false, next: undefined }, pipe, NOW);

  expect(text).toBe(
    'FAILED  CommandFailed  after 0s, $0.020\n  execution  a\n  started    2026-08-18T00:00:00Z\n  red \u241b[31m\n  second\n',
  );
});

test('The lines of an execution say which price is not known, and what to do', () => {
  const summary = { attempts: 1, launches: [], object: null };
  const facts = factsIn({ attempt: 1, attempts: 1, summary });
  const execution = { name: 'a', status: 'SUCCEEDED' as const, startedAt: NOW, endedAt: NOW, input: {}, facts };
  const dollars_unknown = "The price of x in y is not known: run 'datastream cost prices update --region y'.";

  const text = executionLines(
    execution,
    row({ dollars: null, dollars_unknown }),
    [],
    { attempts: false, next: undefined },
    pipe,
    NOW,
  );

  expect(text).toContain(`\n  cost       ${dollars_unknown}\n`);
});
