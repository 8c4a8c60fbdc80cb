import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import { Tag } from '../../lambdas/instance';
import type { Faults } from '../../local/service';
import { BUCKET, executionFile, healthyJob, type Job, KEY, type Scenario } from '../support/scenario';

/** The first calls of an operation fail. */
const failing =
  (operation: string, error: string, times = 1): Faults =>
  (name, call) =>
    name === operation && call <= times ? { error } : undefined;

const failingJob: Job = async ({ cloud, signal }) => {
  await cloud.clock.sleep(60_000, signal);
  return { code: 3, stderr: 'datastream: command 1 of 1 exited with code 3\n' };
};

const endless: Job = async ({ cloud, signal }) => {
  await cloud.clock.sleep(90_000_000, signal);
  return { code: 0 };
};

const lasting =
  (seconds: number): Job =>
  async ({ cloud, signal }) => {
    await cloud.clock.sleep(seconds * 1000, signal);
    if (!signal.aborted) cloud.s3.put(BUCKET, KEY, 'result');
    return { code: 0 };
  };

/** Every file names a prefix for its output, so that the execution is stored there. */
const file = (options: Record<string, unknown> = {}) =>
  executionFile(options, {
    commands: ["runuser -l ec2-user -c './job --S3_BUCKET scenario-bucket --S3_PREFIX run'"],
  });

const spot = file({ ii_cheapo: true, n_retries_allowed: 2 });
/** Two polls until SSM Online instead of nine: every pair of faults on this path is tried. */
const fast = { running: 2_000, online: 3_000, ended: 40_000 };

/** What the faults are injected into. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'main path': { file: file(), lifecycle: fast },
  'typical boot': { file: file() },
  'image of a parameter': {
    file: { ...file(), instance_parameters: { ImageId: 'resolve:ssm:/datastream/ami', InstanceType: 't4g.large' } },
    lifecycle: fast,
  },
  'no object asked for': { file: file({ ii_check_s3: false }), lifecycle: fast },
  'command fails': { file: file(), job: failingJob, lifecycle: fast },
  'object missing': { file: file(), job: async () => ({ code: 0 }), lifecycle: fast },
  'object stale': {
    file: file(),
    before: (cloud) => cloud.s3.put(BUCKET, KEY, 'of an earlier run'),
    job: async () => ({ code: 0 }),
    lifecycle: fast,
  },
  'object late': {
    file: file(),
    job: async ({ cloud }) => {
      cloud.clock.after(12_000, () => cloud.s3.put(BUCKET, KEY, 'late'));
      return { code: 0 };
    },
    lifecycle: fast,
  },
  'over at once': { file: file(), job: lasting(0), lifecycle: fast },
  'timed out': { file: file({ timeout_s: 300 }), job: endless, lifecycle: fast },
  'timed out unnoticed by SSM': {
    file: file({ timeout_s: 300 }),
    job: endless,
    lifecycle: fast,
    // A command that is marked as ended changes no more: neither SSM's time-out nor a report of the agent comes.
    meanwhile: ({ cloud: { ssm, clock } }) =>
      clock.after(250_000, () => {
        for (const command of ssm.commands.values()) command.endedAt = clock.now();
      }),
  },
  'spot interrupted': {
    file: spot,
    lifecycle: fast,
    meanwhile: ({ cloud }) => {
      for (const seconds of [200, 500]) {
        cloud.clock.after(seconds * 1000, () => {
          const running = [...cloud.ec2.instances.values()].find(({ api }) => api.State.Name === 'running');
          if (running) cloud.ec2.interrupt(running.api.InstanceId);
        });
      }
    },
  },
  'instance lost': {
    file: file({ n_retries_allowed: 1 }),
    lifecycle: fast,
    meanwhile: ({ cloud }) =>
      cloud.clock.after(200_000, () => {
        for (const id of cloud.ec2.instances.keys()) cloud.ec2.end(id, 'terminate', 'Server.InternalError');
      }),
  },
  'instance rebooted': {
    file: file({ n_retries_allowed: 1 }),
    lifecycle: fast,
    meanwhile: ({ cloud }) =>
      cloud.clock.after(200_000, () => {
        for (const id of cloud.ec2.instances.keys()) cloud.ec2.reboot(id);
      }),
  },
  'no spot capacity': { file: spot, faults: failing('RunInstances', 'InsufficientInstanceCapacity'), lifecycle: fast },
  'no capacity for a while': {
    file: spot,
    // On-demand in subnet-a alone, and that in the second round at the earliest.
    faults: (operation, call, input) => {
      if (operation !== 'RunInstances') return undefined;
      const { InstanceMarketOptions, SubnetId } = input as RunInstancesCommandInput;
      const capacity = call > 4 && !InstanceMarketOptions && SubnetId === 'subnet-a';
      return capacity ? undefined : { error: 'InsufficientInstanceCapacity' };
    },
    subnetIds: ['subnet-a', 'subnet-b'],
    lifecycle: fast,
  },
  'no spot capacity in the second attempt': {
    file: spot,
    job: (context) => (context.run === 1 ? failingJob(context) : healthyJob(context)),
    faults: (operation, _call, input) => {
      if (operation !== 'RunInstances') return undefined;
      const { InstanceMarketOptions, TagSpecifications } = input as RunInstancesCommandInput;
      const second = TagSpecifications?.[0]?.Tags?.some(({ Key, Value }) => Key === Tag.attempt && Value === '2');
      return second && InstanceMarketOptions ? { error: 'InsufficientInstanceCapacity' } : undefined;
    },
    lifecycle: fast,
  },
  'no capacity': { file: file(), faults: failing('RunInstances', 'InsufficientInstanceCapacity', 99) },
  'never Online': { file: file(), lifecycle: { ...fast, online: 9_000_000 } },
  'stopped instead of terminated': {
    file: file({ ii_terminate_instance: false, ii_delete_volume: false }),
    lifecycle: fast,
  },
  'stopped without its volumes': {
    file: file({ ii_terminate_instance: false, ii_delete_volume: true }),
    lifecycle: fast,
  },
  'second attempt': {
    file: file({ n_retries_allowed: 1 }),
    job: (context) => (context.run === 1 ? failingJob(context) : healthyJob(context)),
    lifecycle: fast,
  },
  'long job': { file: file({ timeout_s: 7200 }), job: lasting(3000), lifecycle: fast },
  'no events': { file: file(), deliver: () => [], lifecycle: fast },
  'invalid file': { file: file({ timeout_s: -1 }) },
};
