import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { itemsOf } from '../../executions/submission/items';
import { keysOf } from '../../executions/submission/keys';
import { tagOf } from '../../lambdas/datastream/instance';
import type { ResultRow } from '../../lambdas/datastream/result-row';
import { collectResults, writeResults } from '../../lambdas/datastream/results';
import { Tag } from '../../lambdas/datastream/tags';
import { virtualClock } from '../../local/clock';
import { EmbeddedCloud, type EmbeddedCloudOptions, LIKE_EC2, SUBMISSIONS_BUCKET } from '../../local/cloud';
import type { Execution } from '../../local/sfn';
import { executionFile } from './scenario';

/** A submission on virtual time. */
export interface SubmissionScenario {
  /** Names of the jobs. */
  readonly names: readonly string[];
  readonly concurrency: number;
  /** Percentage. */
  readonly tolerate: number;
  /** Which jobs' commands exit with 1. Default: none. */
  readonly fails?: (name: string) => boolean;
  /** Seconds of a job. Default: 480. */
  readonly seconds?: (name: string) => number;
  readonly faults?: EmbeddedCloudOptions['faults'];
  readonly limits?: EmbeddedCloudOptions['limits'];
  /** Makes the results afterwards, as the command does for a submission that was stopped. */
  readonly collect?: boolean;
  /** Called a minute before the submission starts. */
  readonly before?: (cloud: EmbeddedCloud) => void;
  /** What happens from outside while it runs. */
  readonly meanwhile?: (cloud: EmbeddedCloud, submission: Execution) => void;
}

/** What was seen of it, one reaper period after its end. */
export interface PlayedSubmission {
  readonly submission: Execution;
  readonly cloud: EmbeddedCloud;
  /** Of results.json; undefined where there is none. */
  readonly rows: readonly ResultRow[] | undefined;
  /** How often each job's commands ran. */
  readonly runs: ReadonlyMap<string, number>;
  /** Most jobs' executions that ran at once. */
  readonly mostAtOnce: number;
  /** Instances that still run. */
  readonly running: readonly string[];
}

export const SUBMISSION_ID = 'test-submission';

/** Execution files as in the items: those of jobs that check no object. */
export const jobsNamed = (names: readonly string[]) =>
  names.map((name) => ({ name, input: executionFile({ ii_check_s3: false }), source: 'test' }));

/** Plays a submission to its end, and one reaper period beyond. */
export async function playSubmission(scenario: SubmissionScenario): Promise<PlayedSubmission> {
  const folder = mkdtempSync(join(tmpdir(), 'datastream-submission-'));
  try {
    const clock = virtualClock(new Date('2026-03-01T12:00:00.000Z'));
    const runs = new Map<string, number>();
    let mostAtOnce = 0;
    const ofJobs = () =>
      [...cloud.sfn.executions.values()].filter((each) => each.stateMachineArn === cloud.stateMachineArn);
    const cloud: EmbeddedCloud = new EmbeddedCloud({
      folder,
      clock,
      region: 'us-east-1',
      lifecycle: LIKE_EC2,
      latency: 80,
      ...(scenario.limits && { limits: scenario.limits }),
      ...(scenario.faults && { faults: scenario.faults }),
      shell: async ({ instanceId, signal }) => {
        const instance = cloud.ec2.instances.get(instanceId);
        const name = (instance && tagOf(instance.api, Tag.execution)?.split(':').at(-1)) ?? '';
        runs.set(name, (runs.get(name) ?? 0) + 1);
        mostAtOnce = Math.max(mostAtOnce, ofJobs().filter(({ status }) => status === 'RUNNING').length);
        await clock.sleep((scenario.seconds?.(name) ?? 480) * 1000, signal);
        return { code: scenario.fails?.(name) ? 1 : 0, stdout: '', stderr: '' };
      },
    });
    const { items, results } = keysOf(SUBMISSION_ID);
    const { names, concurrency, tolerate } = scenario;
    cloud.s3.put(SUBMISSIONS_BUCKET, items, JSON.stringify(itemsOf(jobsNamed(names), concurrency)));
    scenario.before?.(cloud);
    await clock.run(clock.sleep(60_000));
    const submission = cloud.sfn.start({
      stateMachineArn: cloud.submissionsArn,
      name: SUBMISSION_ID,
      input: { id: SUBMISSION_ID, concurrency, tolerate },
    });
    scenario.meanwhile?.(cloud, submission);
    await clock.run(submission.ended);
    await clock.run(clock.sleep(720_000));
    if (scenario.collect) {
      const clients = { s3: cloud.s3.client(), sfn: cloud.sfn.client(), bucket: SUBMISSIONS_BUCKET };
      const event = { id: SUBMISSION_ID, started_at: submission.startDate.toISOString() };
      const collected = collectResults(event, { ...clients, stateMachineArn: cloud.stateMachineArn });
      await clock.run(collected.then((made) => writeResults(SUBMISSION_ID, made, clients)));
    }
    const [written] = cloud.s3.list(SUBMISSIONS_BUCKET, results);
    const rows = written === undefined ? undefined : JSON.parse(cloud.s3.get(SUBMISSIONS_BUCKET, results));
    const running = [...cloud.ec2.instances.values()]
      .filter(({ api }) => ['pending', 'running'].includes(api.State.Name))
      .map(({ api }) => api.InstanceId);
    return { submission, cloud, rows, runs, mostAtOnce, running };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * What is broken of a submission, whatever has happened to it: each job runs at most once, no instance is left, and the
 * results have each job with the status that its execution has.
 */
export function brokenInSubmission({ names }: SubmissionScenario, played: PlayedSubmission): string[] {
  const { rows, runs, running, cloud } = played;
  const statuses = new Map(
    [...cloud.sfn.executions.values()]
      .filter((each) => each.stateMachineArn === cloud.stateMachineArn)
      .map(({ name, status }) => [name, status]),
  );
  return [
    ...[...runs].filter(([, count]) => count > 1).map(([name, count]) => `${name} ran ${count} times`),
    ...(running.length > 0 ? [`${running.length} instances still run`] : []),
    ...(rows?.map(({ name }) => name).join() === names.join() ? [] : ['the results are not those of the items']),
    ...(rows ?? [])
      .filter(({ name, status, error }) => error !== 'NameTaken' && status !== (statuses.get(name) ?? 'NOT_STARTED'))
      .map(({ name, status }) => `${name} is ${status} in the results, and ${statuses.get(name)} in truth`),
  ];
}
