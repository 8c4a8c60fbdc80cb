import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import { Tag } from '../../lambdas/datastream/tags';
import type { Faults } from '../../local/service';
import { BUCKET, executionFile, healthyJob, type Job, KEY, type Scenario } from '../support/scenario';

/** The first calls of an operation fail. */
const failing =
  (operation: string, error: string, times = 1, message?: string): Faults =>
  (name, call) =>
    name === operation && call <= times ? { error, ...(message && { message }) } : undefined;

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
const INPUTS = ['in/1', 'in/2', 'in/3'] as const;
/** Those, signed and unsigned. */
const GATE = [`s3://${BUCKET}/in/{1..2}`, `https://${BUCKET}.s3.amazonaws.com/in/3`];
/** Two polls until SSM Online instead of nine: every pair of faults on this path is tried. */
const fast = { running: 2_000, online: 3_000, ended: 40_000 };

/** The job is done, and the instance ends itself before the orchestration ends it. */
const shuttingDown =
  (job: Job): Job =>
  async (context) => {
    const outcome = await job(context);
    const { cloud, instanceId, signal } = context;
    if (!signal.aborted) {
      cloud.clock.after(100, () => cloud.ec2.end(instanceId, 'terminate', 'Client.InstanceInitiatedShutdown'));
    }
    return outcome;
  };

/** What the faults are injected into, and the error with which it must fail when there are none; default: it succeeds. */
export const SCENARIOS: Readonly<Record<string, Scenario & { readonly error?: string }>> = {
  'main path': { file: file(), lifecycle: fast },
  'typical boot': { file: file() },
  'image of a parameter': {
    file: { ...file(), instance_parameters: { ImageId: 'resolve:ssm:/datastream/ami', InstanceType: 't4g.large' } },
    lifecycle: fast,
  },
  'no object asked for': { file: file({ ii_check_s3: false }), lifecycle: fast },
  'command fails': { error: 'CommandFailed', file: file(), job: failingJob, lifecycle: fast },
  'object missing': { error: 'ObjectNotFound', file: file(), job: async () => ({ code: 0 }), lifecycle: fast },
  'object stale': {
    error: 'ObjectStale',
    file: file(),
    before: (cloud) => cloud.s3.put(BUCKET, KEY, 'of an earlier run'),
    job: async () => ({ code: 0 }),
    lifecycle: fast,
  },
  'object of the attempt before': {
    error: 'ObjectStale',
    file: file({ n_retries_allowed: 1 }),
    job: async (context) => {
      if (context.run > 1) return { code: 0 };
      context.cloud.s3.put(BUCKET, KEY, 'of the first attempt');
      return failingJob(context);
    },
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
  'timed out': { error: 'JobTimedOut', file: file({ timeout_s: 300 }), job: endless, lifecycle: fast },
  'timed out unnoticed by SSM': {
    error: 'JobTimedOut',
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
  'instance ends itself when the job is done': {
    file: file(),
    job: shuttingDown(healthyJob),
    // So that what is announced of the instance is all there is.
    deliver: ({ source }) => (source === 'aws.ssm' ? [] : [500]),
    lifecycle: fast,
  },
  'instance ends itself when the job is over at once': {
    file: file(),
    job: shuttingDown(lasting(0)),
    deliver: () => [],
    lifecycle: fast,
  },
  'another command on the instance': {
    file: file(),
    // As one of Patch Manager, which fails while the job runs.
    meanwhile: ({ cloud }) =>
      cloud.clock.after(200_000, () => {
        for (const id of cloud.ec2.instances.keys()) {
          cloud.emit('aws.ssm', 'EC2 Command Invocation Status-change Notification', {
            'command-id': '00000000-0000-4000-8000-000000000000',
            'instance-id': id,
            'document-name': 'AWS-RunShellScript',
            status: 'Failed',
          });
        }
      }),
    lifecycle: fast,
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
  'no capacity': {
    error: 'InsufficientInstanceCapacity',
    file: file(),
    faults: failing('RunInstances', 'InsufficientInstanceCapacity', 99),
  },
  'instance profile not seen yet': {
    file: file(),
    faults: failing(
      'RunInstances',
      'InvalidParameterValue',
      3,
      'Value (profile) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name',
    ),
    lifecycle: fast,
  },
  'tags not seen by IAM yet': {
    file: file(),
    faults: failing('SendCommand', 'AccessDeniedException', 2),
    lifecycle: fast,
  },
  'commands refused': {
    error: 'IamRefused',
    file: file({ n_retries_allowed: 1 }),
    faults: failing('SendCommand', 'AccessDeniedException', 99),
    lifecycle: fast,
  },
  'KMS key without a grant': {
    error: 'LaunchFailed',
    file: file({ n_retries_allowed: 1 }),
    lifecycle: { ...fast, failure: 'Client.InternalError' },
  },
  'never Online': { error: 'InstanceNotReady', file: file(), lifecycle: { ...fast, online: 9_000_000 } },
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
  'inputs come late': {
    file: file({ ii_wait_inputs: { wait_s: 3600, uris: GATE } }),
    inputs: INPUTS,
    before: (cloud) => cloud.s3.put(BUCKET, 'in/0', 'not asked for'),
    // At a look there is none, at the next ones another one each.
    meanwhile: ({ cloud }) =>
      INPUTS.toReversed().forEach((key, index) => {
        cloud.clock.after(30_000 + index * 100_000, () => cloud.s3.put(BUCKET, key, 'input'));
      }),
    lifecycle: fast,
  },
  'inputs are there': {
    file: file({ ii_wait_inputs: { wait_s: 3600, uris: GATE }, n_retries_allowed: 1 }),
    inputs: INPUTS,
    before: (cloud) => {
      for (const key of INPUTS) cloud.s3.put(BUCKET, key, 'input');
    },
    job: (context) => (context.run === 1 ? failingJob(context) : healthyJob(context)),
    lifecycle: fast,
  },
  'inputs never come': {
    error: 'InputsMissing',
    file: file({ ii_wait_inputs: { wait_s: 300, uris: GATE }, n_retries_allowed: 1 }),
    inputs: INPUTS,
    before: (cloud) => cloud.s3.put(BUCKET, INPUTS[0], 'the first alone'),
  },
  'invalid file': { error: 'InvalidExecution', file: file({ timeout_s: -1 }) },
};

/**
 * Those that are played from the first deployment over an upgrade too: each way through the machine. Not all of them, for
 * a scenario may be about what the first deployment did wrong.
 */
export const UPGRADED: readonly string[] = [
  'main path',
  'typical boot',
  'no object asked for',
  'command fails',
  'object missing',
  'object late',
  'over at once',
  'timed out',
  'spot interrupted',
  'instance lost',
  'instance rebooted',
  'no spot capacity',
  'no capacity for a while',
  'never Online',
  'stopped instead of terminated',
  'stopped without its volumes',
  'second attempt',
  'long job',
  'no events',
];
