import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { virtualClock } from '../local/clock';
import { EmbeddedCloud, LIKE_EC2 } from '../local/cloud';
import { type ExecutionEnd, startExecution } from '../local/machine';

/** A healthy job of a given length on virtual time, with EC2's boot times and 80 ms for each API call. */
export async function measure(
  jobSeconds: number,
): Promise<{ end: ExecutionEnd; secondsFromJobEndToTerminate: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'datastream-bench-'));
  try {
    const clock = virtualClock(new Date('2026-01-01T00:00:00Z'));
    const moments = { jobEnded: 0, terminated: 0 };
    const cloud = new EmbeddedCloud({
      folder,
      clock,
      region: 'us-east-1',
      lifecycle: LIKE_EC2,
      latency: 80,
      shell: async ({ signal }) => {
        await clock.sleep(jobSeconds * 1000, signal);
        cloud.s3.put('bench', 'done', '');
        moments.jobEnded = clock.now().getTime();
        return { code: 0, stdout: '', stderr: '' };
      },
      faults: (operation) => {
        if (operation === 'TerminateInstances') moments.terminated = clock.now().getTime();
        return undefined;
      },
    });
    const execution = startExecution(cloud, {
      commands: ['./job'],
      run_options: {
        ii_terminate_instance: true,
        ii_check_s3: { bucket: 'bench', prefix: 'done' },
        timeout_s: Math.max(jobSeconds * 2, 3600),
      },
      instance_parameters: { ImageId: 'ami-0123456789abcdef0', InstanceType: 't4g.large' },
    });
    const end = await clock.run(execution.result);
    return { end, secondsFromJobEndToTerminate: (moments.terminated - moments.jobEnded) / 1000 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * What upstream's orchestration costs for the same job: its Lambdas wait while the job runs, about
 * 0.9 + 0.125 GB-s for each second on x86 at $0.0000166667, measured on its own code; its state
 * transitions are left out, so this is a lower bound.
 */
export function upstreamDollars(jobSeconds: number): number {
  return (0.9 + 0.125 * jobSeconds) * 0.0000166667;
}
