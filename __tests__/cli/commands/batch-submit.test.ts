import { DescribeJobsCommand } from '@aws-sdk/client-batch';
import { type BatchSubmitOptions, batchSubmit } from '../../../cli/commands/batch-submit';
import { type Container, EmbeddedBatch } from '../../../local/batch';
import { virtualClock } from '../../../local/clock';
import { type Faults, Service } from '../../../local/service';
import { inNewFolders } from '../../support/cli';
import { documentIn } from '../../support/output-schema';

const NOW = new Date('2025-11-02T06:00:00Z');

/** A queue of priority 10, a disabled one, and a definition with two parameters of which one has no default. */
function account(faults?: Faults) {
  const clock = virtualClock(NOW);
  const environments: Parameters<Container>[0]['environment'][] = [];
  const container: Container = async ({ environment }) => {
    environments.push(environment);
    return { code: 0 };
  };
  const batch = new EmbeddedBatch(clock, () => {}, new Service(clock, 10, faults), container, 1000);
  batch.queue('bison', 10);
  batch.queue('old', 1, 'DISABLED');
  batch.define('annotate', {
    command: ['annotate', 'Ref::date', 'Ref::month'],
    parameters: { month: '11' },
    timeoutSeconds: 60,
    attempts: 3,
  });
  batch.define('calc_stats', { command: ['stats'], parameters: {}, timeoutSeconds: 60, attempts: 1 });
  const submit = async (definition: string, options: Partial<BatchSubmitOptions> = {}) => {
    const told = { out: '', err: '' };
    const stream = (name: 'out' | 'err') => ({ write: (text: string) => (told[name] += text) });
    const all = { queue: 'bison', region: 'us-east-1', parameter: {}, env: {}, ...options };
    const code = await clock.run(batchSubmit(definition, all, stream('out'), stream('err'), batch.client(), NOW));
    return { code, ...told };
  };
  return { clock, batch, environments, submit };
}

test('submits a job of any definition, and tells of its queue and priority', async () => {
  const { clock, batch, environments, submit } = account();
  const { code, out, err } = await submit('annotate', {
    parameter: { date: '2025_11_01' },
    env: { DEBUG: '1' },
    array: 3,
  });
  const id = /^job (\S+):/.exec(out)?.[1] ?? '';

  expect([code, err]).toEqual([0, '']);
  expect(out).toBe(`job ${id}: annotate-20251102-060000 of annotate:1 with 3 children, in bison (priority 10)\n`);
  await clock.run(clock.sleep(5000));
  expect(environments.map(({ DEBUG }) => DEBUG)).toEqual(['1', '1', '1']);
  const { jobs } = await clock.run(batch.client().send(new DescribeJobsCommand({ jobs: [id] })));
  expect(jobs?.[0]).toMatchObject({ status: 'SUCCEEDED', parameters: { date: '2025_11_01', month: '11' } });
});

test('prints one JSON document', async () => {
  const { submit } = account();
  const { out } = await submit('calc_stats:1', { json: true, name: 'by-hand' });

  expect(documentIn('batch submit', out)).toMatchObject({
    name: 'by-hand',
    definition: 'calc_stats:1',
    queue: 'bison',
    priority: 10,
    children: null,
  });
});

test.each<[string, string, Partial<BatchSubmitOptions>, string]>([
  ['an unknown definition', 'anotate', {}, "There is no active job definition 'anotate': write annotate.\n"],
  [
    'an unknown revision',
    'annotate:7',
    {},
    'annotate has no active revision 7: write one of 1, or none for the newest.\n',
  ],
  [
    'all that is wrong at once',
    'annotate',
    { queue: 'old', parameter: { moth: '1' }, name: 'a name' },
    "annotate has no parameter 'moth': write month.\n" +
      'annotate needs the parameter date: write --parameter date=VALUE.\n' +
      'The queue old is DISABLED: enable it, or write another one.\n' +
      "--name is 'a name': write at most 128 letters, digits, '-' and '_'.\n",
  ],
  [
    'an unknown queue',
    'calc_stats',
    { queue: 'bisn' },
    "There is no job queue 'bisn': write the name of one that is there.\n",
  ],
])('submits nothing with %s', async (_what, definition, options, problems) => {
  const { batch, submit } = account();

  expect(await submit(definition, options)).toEqual({ code: 1, out: '', err: `${problems}Nothing was submitted.\n` });
  expect(batch.jobs.size).toBe(0);
});

test('says in a sentence that AWS refuses', async () => {
  const { submit } = account(() => ({
    error: 'AccessDeniedException',
    message: 'User is not authorized',
    status: 403,
  }));

  expect(await submit('annotate')).toEqual({
    code: 5,
    out: '',
    err: 'These credentials have no permission for this: User is not authorized.\n',
  });
});

describe('the command', () => {
  const folders = inNewFolders();

  test.each([
    [['annotate', '--queue', 'q', '--array', '1'], "'1' is no size of an array: write a whole number from 2 to 10000."],
    [
      ['annotate', '--queue', 'q', '--parameter', 'date'],
      "'date' is no name with a value: write --parameter NAME=VALUE.",
    ],
    [['annotate', '--queue', 'q', '--env', 'A=1', '--env', 'A=2'], 'A stands twice: write --env A=… once.'],
    [['annotate', '--queue', 'q'], 'The region is not known: write --region, or set AWS_REGION.'],
    [['annotate'], 'Write --queue. Without it: Which BISON is meant is not known'],
  ])('with %j tells what to write', (args, message) => {
    const { status, stderr } = folders.datastream('batch', 'submit', ...args);

    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
