import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { itemsOf } from '../executions/submission/items';
import { keysOf } from '../executions/submission/keys';
import { virtualClock } from '../local/clock';
import { EmbeddedCloud, LIKE_EC2, SUBMISSIONS_BUCKET } from '../local/cloud';
import { PRICES } from '../prices/orchestration';
import type { Figure } from './report';

const JOBS = 20;

/** What a submission adds to the executions of its jobs. */
export async function submissionFigures(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'datastream-bench-'));
  try {
    const clock = virtualClock(new Date('2026-01-01T00:00:00Z'));
    const cloud = new EmbeddedCloud({
      folder,
      clock,
      region: 'us-east-1',
      lifecycle: LIKE_EC2,
      latency: 80,
      shell: async ({ signal }) => {
        await clock.sleep(480_000, signal);
        return { code: 0, stdout: '', stderr: '' };
      },
    });
    const id = 'bench';
    const input = {
      commands: ['./job'],
      run_options: { ii_terminate_instance: true, ii_check_s3: false },
      instance_parameters: { ImageId: 'ami-0123456789abcdef0', InstanceType: 't4g.large' },
    };
    const jobs = Array.from({ length: JOBS }, (_, index) => ({ name: `job_${index}`, input }));
    cloud.s3.put(SUBMISSIONS_BUCKET, keysOf(id).items, JSON.stringify(itemsOf(jobs, 5)));
    const submission = cloud.sfn.start({
      stateMachineArn: cloud.submissionsArn,
      name: id,
      input: { id, concurrency: 5, tolerate: 0 },
    });
    await clock.run(submission.ended);
    if (submission.status !== 'SUCCEEDED')
      throw new Error(`The submission is ${submission.status}: ${submission.cause}`);
    // The states of each child, and its start, which the submission counts itself; not the submission's own four states.
    const children = [...cloud.sfn.mapRuns.values()].flatMap((run) => run.children);
    const states = children.map((child) => ('used' in child ? (child.used as { transitions: number }).transitions : 0));
    const aJob = (states.reduce((sum, each) => sum + each) + children.length) / JOBS;
    const section = 'a submission, beside the executions of its jobs';
    return [
      { section, name: 'state transitions of a job that succeeds', value: aJob, unit: '' },
      { section, name: '1,000 such jobs', value: 1000 * aJob * PRICES.transition, unit: '$' },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
