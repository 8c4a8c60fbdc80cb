import { StopExecutionCommand, UpdateMapRunCommand } from '@aws-sdk/client-sfn';
import { countsOf } from '../../lambdas/datastream/results';
import { PRICES } from '../../prices/orchestration';
import { brokenInSubmission, playSubmission, type SubmissionScenario } from '../support/submission';

const names = (count: number) => Array.from({ length: count }, (_, index) => `job_${String(index).padStart(4, '0')}`);
const indexOf = (name: string) => Number(name.slice(4));

/** Plays a submission whose invariants must hold. */
async function play(scenario: SubmissionScenario) {
  const played = await playSubmission(scenario);
  expect(brokenInSubmission(scenario, played)).toEqual([]);
  return { ...played, rows: played.rows ?? [] };
}

test('two thousand jobs, 3 % of which fail: at most fifty at once, each once, and every result', async () => {
  const fails = (name: string) => indexOf(name) % 100 < 3;

  const { submission, rows, runs, mostAtOnce } = await play({
    names: names(2000),
    concurrency: 50,
    tolerate: 5,
    fails,
  });

  expect([submission.status, submission.error]).toEqual(['SUCCEEDED', undefined]);
  expect(submission.output).toMatchObject({ results: { counts: { SUCCEEDED: 1940, FAILED: 60 } } });
  expect(mostAtOnce).toBe(50);
  expect(runs.size).toBe(2000);
  expect(rows.filter(({ name, status }) => (status === 'FAILED') !== fails(name))).toEqual([]);
  expect(rows[3]).toEqual({
    name: 'job_0003',
    status: 'SUCCEEDED',
    error: null,
    cause: null,
    attempts: 1,
    type: 't4g.large',
    market: 'on-demand',
    seconds: expect.any(Number),
    // 8 minutes of work, and the time until it begins, with a volume of 32 GB and an address; and the state machine.
    dollars: expect.closeTo(((0.0672 + (32 * 0.08) / 720 + 0.005) * 518) / 3600 + 0.00031, 4),
    object: null,
  });
  expect(rows[0]).toMatchObject({ error: 'CommandFailed', attempts: 1, type: 't4g.large' });
}, 600_000);

test('each job costs two transitions and the start of its child beside its own', async () => {
  const count = 20;

  const { submission, cloud } = await play({ names: names(count), concurrency: 5, tolerate: 0 });

  const children = [...cloud.sfn.executions.values()].filter((each) => 'mapRunArn' in each && each.mapRunArn);
  const transitions = children.map((child) => ('used' in child ? child.used.transitions : 0));
  expect(transitions).toEqual(Array(count).fill(2));
  // Jobs, Results, AllOrSome, Done; and the start of each child.
  expect(submission.used.transitions).toBe(4 + count);
  expect(1000 * 3 * PRICES.transition).toBeCloseTo(0.075);
});

test('the first jobs start one after the other, so that EC2 launches them without a refusal', async () => {
  const { cloud } = await play({ names: names(40), concurrency: 40, tolerate: 0 });

  const launches = [...cloud.ec2.instances.values()].map(({ api }) => api.LaunchTime?.getTime() ?? 0);
  const seconds = (Math.max(...launches) - Math.min(...launches)) / 1000;
  expect(seconds).toBeGreaterThanOrEqual(Math.floor(39 / 1.5));
});

test('more failures than are tolerated: no more are started, and the results are there', async () => {
  const { submission, rows, runs } = await play({
    names: names(100),
    concurrency: 10,
    tolerate: 5,
    fails: (name) => indexOf(name) < 20,
  });

  expect([submission.status, submission.error]).toEqual(['FAILED', 'States.ExceedToleratedFailureThreshold']);
  expect(runs.size).toBeLessThan(30);
  expect(countsOf(rows).FAILED).toBeGreaterThan(5);
  expect(countsOf(rows).NOT_STARTED).toBeGreaterThan(70);
});

test('a new limit holds while the submission runs', async () => {
  let raised = 0;
  const { mostAtOnce, cloud } = await play({
    names: names(60),
    concurrency: 5,
    tolerate: 0,
    meanwhile: (cloud) =>
      cloud.clock.after(600_000, () => {
        const [run] = cloud.sfn.mapRuns.values();
        raised = run?.counts.running ?? 0;
        void cloud.sfn.client().send(new UpdateMapRunCommand({ mapRunArn: run?.arn, maxConcurrency: 20 }));
      }),
  });

  expect(raised).toBe(5);
  expect(mostAtOnce).toBe(20);
  expect([...cloud.sfn.mapRuns.values()][0]?.counts.succeeded).toBe(60);
});

test('stopped in the middle: its jobs are stopped, their instances end, and every result can be told', async () => {
  const scenario: SubmissionScenario = {
    names: names(30),
    concurrency: 10,
    tolerate: 0,
    meanwhile: (cloud, { arn }) =>
      cloud.clock.after(700_000, () => {
        void cloud.sfn.client().send(new StopExecutionCommand({ executionArn: arn }));
      }),
    collect: true,
  };

  const { submission, rows } = await play(scenario);

  expect(submission.status).toBe('ABORTED');
  const counts = countsOf(rows);
  expect(counts).toEqual({ SUCCEEDED: 10, ABORTED: 10, NOT_STARTED: 10 });
});

test('a name that an earlier execution has is refused, and told', async () => {
  const { rows, runs, submission } = await play({
    names: names(5),
    concurrency: 5,
    tolerate: 100,
    before: (cloud) => {
      cloud.sfn.start({ stateMachineArn: cloud.stateMachineArn, name: 'job_0002', input: {} });
    },
  });

  expect(submission.status).toBe('SUCCEEDED');
  expect(rows[2]).toMatchObject({ status: 'FAILED', error: 'NameTaken', dollars: 0 });
  expect([...runs.keys()].sort()).toEqual(['job_0000', 'job_0001', 'job_0003', 'job_0004']);
});

test('what EC2 lets through a second is enough for fifty jobs at once', async () => {
  const limits = { RunInstances: { burst: 5, perSecond: 2 } };

  const { submission, cloud } = await play({ names: names(50), concurrency: 50, tolerate: 0, limits });

  expect(submission.status).toBe('SUCCEEDED');
  expect(cloud.calls('RunInstances')).toBe(50);
});

describe('from outside,', () => {
  test('a job that is stopped from outside counts as failed, and the others go on', async () => {
    const { submission, rows } = await play({
      names: names(6),
      concurrency: 2,
      tolerate: 20,
      meanwhile: (cloud) =>
        cloud.clock.after(200_000, () => {
          const job = cloud.sfn.executions.get(
            `${cloud.stateMachineArn.replace(':stateMachine:', ':execution:')}:job_0001`,
          );
          if (job && 'stop' in job) job.stop();
        }),
    });

    expect([submission.status, countsOf(rows)]).toEqual(['SUCCEEDED', { SUCCEEDED: 5, ABORTED: 1 }]);
  });

  test('a child that dies with its start: its job is stopped with it, and told', async () => {
    const { submission, rows } = await play({
      names: names(6),
      concurrency: 2,
      tolerate: 20,
      meanwhile: (cloud) =>
        cloud.clock.after(200_000, () => {
          const child = [...cloud.sfn.mapRuns.values()][0]?.children[1];
          child?.stop();
        }),
    });

    expect(submission.status).toBe('SUCCEEDED');
    expect(countsOf(rows)).toEqual({ SUCCEEDED: 5, ABORTED: 1 });
  });
});
