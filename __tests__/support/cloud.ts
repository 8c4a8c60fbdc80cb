import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clients } from '../../cli/aws/executions';
import { virtualClock } from '../../local/clock';
import { EmbeddedCloud, type EmbeddedCloudOptions, LIKE_EC2 } from '../../local/cloud';
import { EmbeddedLogs } from '../../local/logs';
import { Service } from '../../local/service';
import { executionFile } from './scenario';

export const EXECUTION = 'arn:aws:states:us-east-1:000000000000:execution:local:one';
export const NOW = '2026-03-01T12:00:00.000Z';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'datastream-test-'));
  folders.push(folder);
  return folder;
}

/** The clients of the operator's commands, of an embedded cloud. @param logs default: CloudWatch Logs without a group */
export function operatorClients(
  cloud: EmbeddedCloud,
  clock: ReturnType<typeof virtualClock>,
  logs = new EmbeddedLogs(clock, new Service(clock, 80)),
): Clients {
  return {
    sfn: cloud.sfn.client(),
    ssm: cloud.ssm.client(),
    ec2: cloud.ec2.client(),
    s3: cloud.s3.client(),
    logs: logs.client() as Clients['logs'],
  };
}

/** An embedded cloud on virtual time, with helpers that call its functions. Its jobs succeed after a minute. */
export function testCloud(options: Partial<EmbeddedCloudOptions> = {}) {
  const clock = options.clock ?? virtualClock(new Date(NOW));
  const cloud = new EmbeddedCloud({
    folder: newFolder(),
    clock,
    region: 'us-east-1',
    lifecycle: LIKE_EC2,
    latency: 80,
    shell: async ({ signal }) => {
      await clock.sleep(60_000, signal);
      return { code: 0, stdout: 'done', stderr: '' };
    },
    ...options,
  });
  cloud.sfn.note(EXECUTION, 'RUNNING');
  const call = (name: string, event: unknown) =>
    clock.run(cloud.invoke(name, event)) as Promise<Record<string, unknown>>;
  const wait = (milliseconds: number) => clock.run(clock.sleep(milliseconds));
  /** Calls the starter until the instance is Online, as the Retry of EC2StarterFromAMI does. */
  const start = async (file: unknown = executionFile()): Promise<Record<string, unknown>> => {
    const event = { execution: EXECUTION, start_time: NOW, state: file };
    for (let round = 0; round < 5; round++) {
      try {
        return await call('starter', event);
      } catch (error) {
        if ((error as Error).name !== 'InstanceNotReady') throw error;
      }
    }
    throw new Error('The instance did not come Online.');
  };
  const instances = () => [...cloud.ec2.instances.values()];
  return { cloud, clock, call, wait, start, instances };
}

/** The error that a function threw: its name, and the message that Step Functions would show. */
export async function failureOf(promise: Promise<unknown>): Promise<{ name: string; message: string }> {
  const error = await promise.then(
    () => {
      throw new Error('It succeeded.');
    },
    (reason: Error) => reason,
  );
  const { errorMessage } = JSON.parse(error.message) as { errorMessage: string };
  return { name: error.name, message: errorMessage };
}
