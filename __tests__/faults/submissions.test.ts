import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import { countsOf } from '../../lambdas/datastream/results';
import type { ApiFault, Faults } from '../../local/service';
import { brokenInSubmission, playSubmission, type SubmissionScenario } from '../support/submission';

/** Four jobs, two at once, of which one fails. */
const SCENARIO: SubmissionScenario = {
  names: ['a', 'b', 'c', 'd'],
  concurrency: 2,
  tolerate: 25,
  fails: (name) => name === 'b',
};

/** A call that the submission machine makes, or the function that it calls. */
interface Call {
  readonly operation: string;
  /** Of this operation and caller, from 1. */
  readonly number: number;
  readonly caller?: string;
}

/** The machine itself calls StartExecution and, after a failure, DescribeExecution; Lambda's Invoke for its function. */
function isOfSubmission(operation: string, input: unknown, caller: string | undefined): boolean {
  if (caller !== undefined) return caller === 'results';
  const { FunctionName = '' } = input as { FunctionName?: string };
  return ['StartExecution', 'DescribeExecution'].includes(operation) || FunctionName === 'results';
}

/** Counts the submission's calls, and asks for the fault of each. */
function onCalls(decide: (call: Call) => ApiFault | undefined): Faults {
  const counts = new Map<string, number>();
  return (operation, _, input, caller) => {
    if (!isOfSubmission(operation, input, caller)) return undefined;
    const key = `${operation} ${caller}`;
    const number = (counts.get(key) ?? 0) + 1;
    counts.set(key, number);
    return decide({ operation, number, ...(caller !== undefined && { caller }) });
  };
}

/** What happens to a call. After `replyDelay` its job has ended. */
const EFFECTS: Readonly<Record<string, ApiFault>> = {
  throttled: { error: 'ThrottlingException', message: 'Rate exceeded' },
  'its reply lost': { error: 'NetworkError', after: true },
  late: { delay: 30_000 },
  'its reply late': { replyDelay: 700_000 },
  'its reply lost, and that noticed late': { error: 'NetworkError', after: true, replyDelay: 700_000 },
  'the function killed': { kills: true },
};

const called = ({ operation, number, caller }: Call) => `${operation} ${number}${caller ? ` of ${caller}` : ''}`;

async function undisturbed(): Promise<Call[]> {
  const calls: Call[] = [];
  const faults = onCalls((call) => {
    calls.push(call);
    return undefined;
  });
  const played = await playSubmission({ ...SCENARIO, faults });
  expect(brokenInSubmission(SCENARIO, played)).toEqual([]);
  return calls;
}

test('every call of a submission, disturbed in every way: each job once, and every result', async () => {
  const calls = await undisturbed();
  const broken: string[] = [];

  // Each job's start twice for the one that fails, and Results with its reads and its write.
  expect(calls.map(called)).toEqual(
    expect.arrayContaining(['StartExecution 5', 'DescribeExecution 1', 'Invoke 1', 'PutObject 1 of results']),
  );
  for (const wanted of calls) {
    for (const [effect, fault] of Object.entries(EFFECTS)) {
      if (fault.kills && wanted.caller === undefined) continue;
      const faults = onCalls((call) => (called(call) === called(wanted) ? fault : undefined));
      const played = await playSubmission({ ...SCENARIO, faults });
      const told = brokenInSubmission(SCENARIO, played);
      const counts = JSON.stringify(countsOf(played.rows ?? []));
      if (counts !== '{"SUCCEEDED":3,"FAILED":1}') told.push(counts);
      if (played.submission.status !== 'SUCCEEDED') told.push(`the submission is ${played.submission.status}`);
      broken.push(...told.map((sentence) => `${called(wanted)}, ${effect}: ${sentence}`));
    }
  }

  expect(broken).toEqual([]);
});

test('a submission that is stopped at any of its calls: no job runs on, and every result can be told', async () => {
  const calls = await undisturbed();
  const broken: string[] = [];

  for (const wanted of calls) {
    for (const after of [0, 60_000, 300_000]) {
      let stop = () => {};
      const scenario: SubmissionScenario = {
        ...SCENARIO,
        collect: true,
        faults: onCalls((call) => {
          if (called(call) === called(wanted)) stop();
          return undefined;
        }),
        meanwhile: ({ clock, sfn }, { arn }) => {
          stop = () =>
            clock.after(after, () => void sfn.client().send(new StopExecutionCommand({ executionArn: arn })));
        },
      };
      const played = await playSubmission(scenario);
      broken.push(
        ...brokenInSubmission(scenario, played).map((told) => `${called(wanted)}, ${after} ms later: ${told}`),
      );
    }
  }

  expect(broken).toEqual([]);
});

test('what breaks the invariants is found', async () => {
  const played = await playSubmission(SCENARIO);
  const rows = played.rows?.map((row) => (row.name === 'b' ? { ...row, status: 'SUCCEEDED' as const } : row));

  expect(brokenInSubmission(SCENARIO, { ...played, rows })).toEqual([
    'b is SUCCEEDED in the results, and FAILED in truth',
  ]);
  expect(brokenInSubmission(SCENARIO, { ...played, rows: played.rows?.slice(1) })).toContain(
    'the results are not those of the items',
  );
  expect(brokenInSubmission(SCENARIO, { ...played, runs: new Map([['a', 2]]) })).toEqual(['a ran 2 times']);
});
