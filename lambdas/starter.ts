import { DescribeImagesCommand, EC2Client, type Image, type Instance, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { DescribeInstanceInformationCommand, SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { resolveDates } from '../executions/dates';
import type { Execution, Fault, ParseOptions } from '../executions/model';
import { parseExecution } from '../executions/parse';
import { CAPACITY_ERRORS, DatastreamError, ErrorName } from './errors';
import { deathOf, type Ec2, findInstance, findInstances, isDead, Tag } from './instance';
import type { Ssm } from './outcome';
import { type Launch, type LaunchDefaults, runInstancesInput, subnetsFor } from './run-instances';
import { CLIENT, type Clock, createHandler, environment, type Log, lazily, systemClock } from './runtime';
import { type AttemptState, NextAttempt, Refused } from './state';

/** Beyond this the state machine waits instead. 20 s of the function cost $0.00007, a round of the state's Retry $0.000025. */
const ONLINE_WAIT_MS = 20_000;
const ONLINE_POLL_MS = 3_000;

const StarterEvent = z.object({
  execution: z.string(),
  /** When the execution began: DATE and DAILY are its, in every attempt. */
  start_time: z.iso.datetime(),
  /** When the state was entered: the attempt's start. */
  entered_time: z.iso.datetime(),
  /** The execution file, or what NextAttempt made of it. */
  state: z.unknown(),
});

export interface StarterClients {
  readonly ec2: Ec2;
  readonly ssm: Ssm;
  readonly clock: Clock;
  readonly region: string;
  readonly defaults: LaunchDefaults;
}

/**
 * EC2StarterFromAMI: checks the execution, launches its instance at most once per attempt,
 * and waits for a short while until SSM reports it Online.
 *
 * @throws InvalidExecution with every fault of the file, before anything is launched
 * @throws LaunchRefused when EC2 has no capacity for a launch and there is another one to try, which comes next
 * @throws InstanceNotReady when the instance is not Online yet; the state's Retry comes back to the same instance
 * @throws InstanceLost when the instance ended before it was Online
 */
export async function start(
  event: z.infer<typeof StarterEvent>,
  clients: StarterClients,
  log: Log,
): Promise<AttemptState> {
  const { given, turn } = turnOf(event.state);
  const next = NextAttempt.safeParse(given);
  const { attempt, errors, input } = next.success ? next.data : { attempt: 1, errors: [], input: given };
  log.appendKeys({ attempt });

  const job = resolveDates(parse(input, { region: clients.region }), new Date(event.start_time));

  const attempts = job.n_retries_allowed + 1;
  const deadline = new Date(Date.parse(event.entered_time) + job.timeout_s * 1000);
  const launch = { execution: event.execution, attempt, deadline };

  let instance = await launched(clients.ec2, clients.defaults.stateMachineArn, launch);
  if (!instance) {
    const image = await describeImage(clients.ec2, job.instance_parameters.ImageId);
    parse(input, { region: clients.region, imageArchitecture: architectureOf(image) });
    const launches = marketsFor(job, attempt, attempts).flatMap((market) =>
      subnetsFor(event.execution, attempt, clients.defaults.subnetIds).map((subnetId) => ({
        ...launch,
        market,
        subnetId,
        rootDeviceName: image?.RootDeviceName,
      })),
    );
    instance = await launchOne(job, launches, turn, clients, log);
  }
  const instanceId = instance.InstanceId ?? '';
  await online(instance, clients);
  const market = instance.InstanceLifecycle === 'spot' ? 'spot' : 'on-demand';
  log.info('instance is online', { instance_id: instanceId, market });
  return {
    attempt,
    attempts,
    market,
    started_at: event.entered_time,
    deadline: deadline.toISOString(),
    instance_id: instanceId,
    errors,
    job,
  };
}

/** @throws InvalidExecution with every fault */
function parse(input: unknown, options: ParseOptions): Execution {
  const { execution, faults } = parseExecution(input, options);
  if (!execution) throw new DatastreamError(ErrorName.InvalidExecution, describe(faults));
  return execution;
}

function describe(faults: readonly Fault[]): string {
  const errors = faults.filter((fault) => fault.severity === 'error');
  const lines = errors.map((fault) => `${fault.path}: ${fault.message}${fault.found ? ` Found: ${fault.found}` : ''}`);
  return `The execution has ${errors.length} ${errors.length === 1 ? 'error' : 'errors'}; nothing was launched.\n${lines.join('\n')}`;
}

/** The instance that an earlier call of this function has launched in this attempt; its tags are part of RunInstances. */
async function launched(
  ec2: Ec2,
  stateMachineArn: string,
  launch: Omit<Launch, 'market'>,
): Promise<Instance | undefined> {
  const found = await findInstances(ec2, {
    [`tag:${Tag.stateMachine}`]: [stateMachineArn],
    [`tag:${Tag.execution}`]: [launch.execution],
    [`tag:${Tag.attempt}`]: [String(launch.attempt)],
  });
  return found.find((instance) => !isDead(instance)) ?? found[0];
}

/**
 * The markets that an attempt tries. With upstream's `ii_cheapo` spot, then on-demand when EC2 has no spot capacity, as
 * upstream does; the last of several attempts is on-demand from the start.
 */
function marketsFor(job: Execution, attempt: number, attempts: number): Launch['market'][] {
  if (job.ii_cheapo) return attempt > 1 && attempt === attempts ? ['on-demand'] : ['spot', 'on-demand'];
  return [job.instance_parameters.InstanceMarketOptions?.MarketType === 'spot' ? 'spot' : 'on-demand'];
}

/** EC2 itself names an AMI that does not exist (InvalidAMIID.NotFound). */
async function describeImage(ec2: Ec2, imageId: string): Promise<Image | undefined> {
  return (await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }))).Images?.[0];
}

function architectureOf(image: Image | undefined): ParseOptions['imageArchitecture'] {
  const name = image?.Architecture;
  return name === 'arm64' || name === 'x86_64' ? name : undefined;
}

/** Which of the attempt's launches it is the turn of, from 0, and what the state was given before any was refused. */
function turnOf(state: unknown): { given: unknown; turn: number } {
  const again = Refused.safeParse(state);
  if (!again.success) return { given: state, turn: 0 };
  const { refused, ...given } = again.data;
  return { given, turn: Number(/Launch (\d+) of/.exec(refused.Cause)?.[1] ?? 0) };
}

/**
 * One launch: the next one has its turn when the machine has taken down that EC2 has refused this one. Were both tried
 * in one call of the function, a call that is cut off in the second launch would begin anew with the first one, and
 * EC2, which by then may have capacity for it and does not list the second one yet, would launch twice.
 */
async function launchOne(
  job: Execution,
  launches: readonly Launch[],
  turn: number,
  clients: Pick<StarterClients, 'ec2' | 'defaults'>,
  log: Log,
): Promise<Instance> {
  const launch = launches[turn];
  if (!launch) throw new DatastreamError(ErrorName.InstanceNotReady, 'There is no market to launch in.');
  const { market, subnetId } = launch;
  try {
    const input = runInstancesInput(job, launch, clients.defaults);
    const [instance] = (await clients.ec2.send(new RunInstancesCommand(input))).Instances ?? [];
    if (!instance) throw new DatastreamError(ErrorName.InstanceNotReady, 'RunInstances answered without an instance.');
    log.info('instance launched', { instance_id: instance.InstanceId, market });
    return instance;
  } catch (error) {
    const { name, message } = error as Error;
    if (name === 'IdempotentParameterMismatch') {
      // EC2 has carried out this launch already and does not list the instance yet.
      throw new DatastreamError(ErrorName.InstanceNotReady, 'The instance is launched, but EC2 does not list it yet.', {
        cause: error,
      });
    }
    if (turn + 1 >= launches.length || !(CAPACITY_ERRORS as readonly string[]).includes(name)) throw error;
    log.warn('no capacity, trying elsewhere', { error_name: name, market, subnet_id: subnetId });
    const place = [market, subnetId].filter(Boolean).join(', ');
    throw new DatastreamError(
      ErrorName.LaunchRefused,
      `Launch ${turn + 1} of ${launches.length} (${place}): ${name}: ${message}`,
      { cause: error },
    );
  }
}

async function online(instance: Instance, { ec2, ssm, clock }: StarterClients): Promise<void> {
  const id = instance.InstanceId ?? '';
  const end = clock.now().getTime() + ONLINE_WAIT_MS;
  for (;;) {
    const information = await ssm.send(
      new DescribeInstanceInformationCommand({ Filters: [{ Key: 'InstanceIds', Values: [id] }] }),
    );
    if (information.InstanceInformationList?.[0]?.PingStatus === 'Online') return;
    if (clock.now().getTime() + ONLINE_POLL_MS > end) break;
    await clock.sleep(ONLINE_POLL_MS);
  }
  const now = await findInstance(ec2, id);
  if (now && isDead(now)) {
    throw new DatastreamError(ErrorName.InstanceLost, `Instance ${id} ended before it was ready: ${deathOf(now)}.`);
  }
  throw new DatastreamError(
    ErrorName.InstanceNotReady,
    `Instance ${id} is not Online in Systems Manager yet. If this lasts: the AMI needs the SSM agent, ` +
      'the instance profile the rights of AmazonSSMManagedInstanceCore, and the subnet a way to the Internet or to the SSM endpoints.',
  );
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createStarter = (clients: StarterClients, log?: Log) =>
  createHandler('starter', StarterEvent, (event, lines) => start(event, clients, lines), log);

export const handler = lazily(() =>
  createStarter({
    ec2: new EC2Client(CLIENT),
    ssm: new SSMClient(CLIENT),
    clock: systemClock,
    region: environment('AWS_REGION'),
    defaults: {
      stateMachineArn: environment('STATE_MACHINE_ARN'),
      securityGroupId: environment('SECURITY_GROUP_ID'),
      instanceProfileName: environment('INSTANCE_PROFILE_NAME'),
      subnetIds: environment('SUBNET_IDS').split(',').filter(Boolean),
    },
  }),
);
