import { DescribeImagesCommand, EC2Client, type Image, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { DescribeInstanceInformationCommand, GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { problemsOfImage } from '../../executions/checks/instance-types';
import { resolveDates } from '../../executions/datastream-command/dates';
import type { Execution } from '../../executions/model';
import { parseExecution } from '../../executions/parse';
import { AMI_ID, RESOLVE_SSM } from '../../executions/run-instances';
import { collectProblems, type Problem } from '../../files/problems';
import { isRecord } from '../../files/values';
import { CLIENT } from '../runtime/clients';
import { type Clock, systemClock } from '../runtime/clock';
import { CAPACITY_ERRORS, isThrottled } from '../runtime/errors';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { DatastreamError, ErrorName } from './errors';
import { awaitInputs, fetchHead, type InputClients, s3Signer } from './inputs';
import { type Ec2, findInstances, type Identified, identified, isDead, lossOf } from './instance';
import { STARTER_RETRY_S, STARTER_TIMEOUT_S } from './limits';
import type { Ssm } from './outcome';
import { type Launch, type LaunchDefaults, type Place, runInstancesInput, subnetsFor } from './run-instances';
import { type AttemptState, CauseOfRefusal, NextAttempt, Refused, type RefusedLaunch } from './state';
import { Tag } from './tags';

/**
 * The function waits this long; after that the state machine waits. 20 s of the function cost $0.00007, a round of the
 * state's Retry costs $0.000025.
 */
const ONLINE_WAIT_MS = 20_000;
const ONLINE_POLL_MS = 3_000;
/**
 * Few instances are Online sooner after their launch. The function does not ask SSM before that, because all functions
 * of the account share SSM's rate.
 */
const BOOT_MS = 15_000;

/**
 * EC2's message when it does not see a new instance profile or its role yet. Terraform's AWS provider waits two minutes
 * in this case (internal/service/ec2, RunInstances; IAM User Guide, Changes that I make are not always immediately
 * visible).
 */
const PROFILE_NOT_SEEN = /Invalid IAM Instance Profile|has no associated IAM Roles/i;

/** Characters kept of EC2's message. Step Functions cuts a long Cause, and a cut Cause is no valid JSON. */
const REFUSAL_KEPT = 2000;

/** How often an attempt tries all its instance types, markets and subnets. After that EC2's refusal is its outcome. */
export const LAUNCH_ROUNDS = 3;

const GRANT_PARAMETER =
  'Set the Terraform variable ami_parameter_name to this parameter and deploy again (if it is of another account, ' +
  "let lambda_role_name do ssm:GetParameters on it), or write an AMI's ID or one of AWS's public parameters as ImageId.";

const StarterEvent = z.object({
  execution: z.string(),
  /** When the execution began. Every attempt takes DATE and DAILY from this time. */
  start_time: z.iso.datetime(),
  /** When the state was entered, and how often it has been retried. An older deployment's machine gives neither. */
  entered: z.iso.datetime().optional(),
  retries: z.int().min(0).default(0),
  /** The execution file, or what NextAttempt made of it. */
  state: z.unknown(),
});

export interface StarterClients extends InputClients {
  readonly ec2: Ec2;
  readonly ssm: Ssm;
  readonly defaults: LaunchDefaults;
}

/**
 * EC2StarterFromAMI: checks the execution and its inputs, launches its instance at most once per attempt,
 * and waits for a short while until SSM reports it Online.
 *
 * @throws InvalidExecution before any launch, with every problem of the file or of the SSM parameter that it names
 * @throws InputNotAnObject the same, when the execution is no JSON object
 * @throws InputsNotReady, InputsMissing before any launch, as long as not every input exists that the file waits for
 * @throws LaunchRefused when EC2 has no capacity for a launch; the machine tries the next one at once
 * @throws NoCapacity when EC2 has refused all launches of a round; the machine waits before the next round
 * @throws InstanceNotReady when the instance is not Online yet; the state's Retry comes back to the same instance
 * @throws GivenUp when Step Functions has given this invocation up before its launch
 * @throws IamRefused when EC2 does not know the instance profile; a deployment may have created it just now
 * @throws InstanceLost, LaunchFailed when the instance ended before it was Online
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

  const file = parse(input, clients.region);
  const jobOn = (instanceType: string) => resolveDates(withType(file, instanceType), new Date(event.start_time));

  const attempts = file.n_retries_allowed + 1;
  const launch = { execution: event.execution, attempt, turn, timeoutSeconds: file.timeout_s };
  const types = [file.instance_parameters.InstanceType, ...(file.ii_instance_types ?? [])];
  const places = types.flatMap((instanceType) =>
    marketsFor(file, attempt, attempts).flatMap((market) =>
      subnetsFor(file, event.execution, attempt, clients.defaults.subnetIds).map((subnetId) => ({
        instanceType,
        market,
        subnetId,
      })),
    ),
  );

  let instance = await launched(clients.ec2, clients.defaults.stateMachineArn, launch);
  if (!instance) {
    const image = await describeImage(clients, file.instance_parameters.ImageId);
    const architecture = image?.Architecture;
    if (architecture === 'arm64' || architecture === 'x86_64') refuse(problemsOfImage(file, architecture));
    // Last: what is wrong with the file is told before hours of waiting. An instance that exists has passed this.
    await awaitInputs(jobOn(file.instance_parameters.InstanceType), new Date(event.start_time), clients, log);
    refuseGivenUp(event, clients.clock);
    instance = await launchOne(jobOn, { ...launch, rootDeviceName: image?.RootDeviceName }, places, clients, log);
  }
  const instanceId = instance.InstanceId;
  await online(instance, clients);
  // Not the time of a call: a launch in a busy account takes time, and every call must return the same start time.
  const launchedAt = instance.LaunchTime ?? clients.clock.now();
  const market = instance.InstanceLifecycle === 'spot' ? 'spot' : 'on-demand';
  const job = jobOn(instance.InstanceType ?? file.instance_parameters.InstanceType);
  log.info('instance is online', { instance_id: instanceId, instance_type: instance.InstanceType, market });
  return {
    attempt,
    attempts,
    market,
    started_at: launchedAt.toISOString(),
    deadline: new Date(launchedAt.getTime() + job.timeout_s * 1000).toISOString(),
    instance_id: instanceId,
    errors,
    job,
  };
}

/** The execution on one of its instance types. */
function withType(file: Execution, InstanceType: string): Execution {
  return { ...file, instance_parameters: { ...file.instance_parameters, InstanceType } };
}

/** @throws InvalidExecution with every problem */
function parse(input: unknown, region: string): Execution {
  const { execution, problems } = parseExecution(input, { region });
  if (execution) return execution;
  // Step Functions cannot add an error to a state that is no object (States.ResultPathMatchFailure). So the machine has
  // a Catch of its own for this name.
  throw invalid(problems, isRecord(input) ? ErrorName.InvalidExecution : ErrorName.InputNotAnObject);
}

/** @throws InvalidExecution with every problem, where there is one */
function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0) throw invalid(problems);
}

/** The log has only the paths. The values found there are the user's and stay out of the log. */
function invalid(problems: readonly Problem[], name: ErrorName = ErrorName.InvalidExecution): DatastreamError {
  const paths = problems.filter((problem) => problem.severity === 'error').map((problem) => problem.path);
  return new DatastreamError(name, describe(problems), {
    logged: `The execution is not valid at ${paths.join(', ')}; its Cause says more.`,
  });
}

function describe(problems: readonly Problem[]): string {
  const errors = problems.filter((problem) => problem.severity === 'error');
  const lines = errors.map(
    (problem) => `${problem.path}: ${problem.message}${problem.found ? ` Found: ${problem.found}` : ''}`,
  );
  return `The execution has ${errors.length} ${errors.length === 1 ? 'error' : 'errors'}; nothing was launched.\n${lines.join('\n')}`;
}

/** The instance that an earlier call launched in this attempt, found by its tags. RunInstances sets them. */
async function launched(
  ec2: Ec2,
  stateMachineArn: string,
  launch: Pick<Launch, 'execution' | 'attempt'>,
): Promise<Identified | undefined> {
  const found = await findInstances(ec2, {
    [`tag:${Tag.stateMachine}`]: [stateMachineArn],
    [`tag:${Tag.execution}`]: [launch.execution],
    [`tag:${Tag.attempt}`]: [String(launch.attempt)],
  });
  return found.find((instance) => !isDead(instance)) ?? found[0];
}

/**
 * The markets that an attempt tries. With `ii_cheapo` it tries spot first, then on-demand when EC2 has no spot
 * capacity, as upstream does. The last of several attempts tries on-demand only.
 */
function marketsFor(job: Execution, attempt: number, attempts: number): Launch['market'][] {
  if (job.ii_cheapo) return attempt > 1 && attempt === attempts ? ['on-demand'] : ['spot', 'on-demand'];
  return [job.instance_parameters.InstanceMarketOptions?.MarketType === 'spot' ? 'spot' : 'on-demand'];
}

/**
 * The image as it is now. EC2 itself names an AMI that does not exist (InvalidAMIID.NotFound).
 *
 * RunInstances gets `resolve:ssm:...` as the file has it, and EC2 resolves it. DescribeImages does not accept
 * `resolve:ssm:...`, so it is resolved here to describe the image (docs/decisions/ami-parameter.md).
 */
async function describeImage(clients: StarterClients, imageId: string): Promise<Image | undefined> {
  const id = imageId.startsWith(RESOLVE_SSM)
    ? await parameterImageId(clients, imageId.slice(RESOLVE_SSM.length))
    : imageId;
  return (await clients.ec2.send(new DescribeImagesCommand({ ImageIds: [id] }))).Images?.[0];
}

/** @throws InvalidExecution when there is no such parameter, version or label, or it holds no AMI's ID */
async function parameterImageId({ ssm, region }: StarterClients, name: string): Promise<string> {
  const { Parameters = [] } = await ssm.send(new GetParametersCommand({ Names: [name] })).catch((error: Error) => {
    // SSM's message names the parameter, but does not say what to do.
    if (error.name === 'AccessDeniedException') error.message += ` ${GRANT_PARAMETER}`;
    throw error;
  });
  const value = Parameters[0]?.Value;
  if (value !== undefined && AMI_ID.test(value)) return value;
  const problems = collectProblems();
  const path = ['instance_parameters', 'ImageId'];
  if (value === undefined) {
    problems.error(
      path,
      `SSM has no such parameter, version or label in ${region}: create it, or choose another.`,
      name,
    );
  } else {
    problems.error(path, `The SSM parameter ${name} holds no AMI's ID: store one in it, or choose another.`, value);
  }
  throw invalid(problems.inFileOrder(undefined));
}

/** How many of the attempt's launches EC2 has refused, and the state's input before the first refusal. */
function turnOf(state: unknown): { given: unknown; turn: number } {
  const again = Refused.safeParse(state);
  if (!again.success) return { given: state, turn: 0 };
  const { refused, ...given } = again.data;
  // An older deployment wrote this Cause as prose. Then the first launch is tried again: EC2 has certainly refused it.
  return { given, turn: CauseOfRefusal.safeParse(refused.Cause).data?.launch ?? 0 };
}

/**
 * Lambda may carry out an invocation after Step Functions has given it up. By then the machine may have moved on to
 * another launch of the attempt, and this one would make a second instance.
 *
 * @throws GivenUp when the invocation is older than its state can wait for it. Mostly nobody reads the error. A redriven
 *   execution has the old time of entry, so the machine enters the state anew
 */
function refuseGivenUp({ entered, retries }: z.infer<typeof StarterEvent>, clock: Clock): void {
  if (entered === undefined) return;
  const limit = STARTER_TIMEOUT_S + retries * (STARTER_TIMEOUT_S + STARTER_RETRY_S);
  if (clock.now().getTime() - new Date(entered).getTime() <= limit * 1000) return;
  throw new DatastreamError(
    ErrorName.GivenUp,
    `The state was entered at ${entered} and has given this invocation up; it launches nothing.`,
  );
}

/**
 * One launch. The next launch follows when the machine's state records that EC2 has refused this one. One call must not
 * try both. If such a call were cut off in the second launch, its retry would begin with the first launch again. By
 * then EC2 may have capacity for the first launch and may not list the second instance yet: two instances would run.
 */
async function launchOne(
  jobOn: (instanceType: string) => Execution,
  launch: Omit<Launch, keyof Place>,
  places: readonly Place[],
  clients: Pick<StarterClients, 'ec2' | 'defaults'>,
  log: Log,
): Promise<Identified> {
  const place = places[launch.turn % places.length];
  if (!place) throw new Error('An attempt has no place to launch in.');
  const { instanceType, market, subnetId } = place;
  try {
    const input = runInstancesInput(jobOn(instanceType), { ...launch, ...place }, clients.defaults);
    const { Instances = [] } = await clients.ec2.send(new RunInstancesCommand(input));
    // If the answer has no ID, the state's Retry finds the instance by its tags, or EC2 finds it by its ClientToken.
    const instance = identified(Instances[0] ?? {}, 'RunInstances');
    const { InstanceId: instance_id, ImageId: image_id } = instance;
    log.info('instance launched', { instance_id, image_id, instance_type: instanceType, market });
    return instance;
  } catch (error) {
    const { name, message } = error as Error;
    if (name === 'IdempotentParameterMismatch') {
      // EC2 has carried out this launch already and does not list the instance yet.
      throw new DatastreamError(ErrorName.InstanceNotReady, 'The instance is launched, but EC2 does not list it yet.', {
        cause: error,
      });
    }
    if (name === 'IdempotentInstanceTerminated') {
      // EC2 gives the reason for the end when it lists the instance; the reason decides whether a new attempt helps.
      throw new DatastreamError(
        ErrorName.InstanceNotReady,
        `The attempt's instance has ended, but EC2 does not list it yet: ${message}`,
        { cause: error },
      );
    }
    if (name === 'InvalidParameterValue' && PROFILE_NOT_SEEN.test(message)) {
      throw new DatastreamError(
        ErrorName.IamRefused,
        `EC2 does not take the instance profile: ${message} After a deployment IAM may need some minutes. If this ` +
          'lasts, leave IamInstanceProfile out, or write the output ec2_instance_profile_name.',
        { cause: error },
      );
    }
    const refused = launch.turn + 1;
    const all = places.length * LAUNCH_ROUNDS;
    if (refused >= all || !(CAPACITY_ERRORS as readonly string[]).includes(name)) throw error;
    log.warn('no capacity', { error_name: name, instance_type: instanceType, market, subnet_id: subnetId });
    const told: RefusedLaunch = {
      launch: refused,
      of: all,
      instance_type: instanceType,
      market,
      ...(subnetId !== undefined && { subnet_id: subnetId }),
      error: name,
      message: message.slice(0, REFUSAL_KEPT),
    };
    throw new DatastreamError(
      refused % places.length === 0 ? ErrorName.NoCapacity : ErrorName.LaunchRefused,
      JSON.stringify(told),
      { cause: error, logged: `EC2 has refused launch ${refused} of ${all}.` },
    );
  }
}

async function online(instance: Identified, { ssm, clock }: StarterClients): Promise<void> {
  const id = instance.InstanceId;
  if (isDead(instance)) {
    const { error, cause } = lossOf(instance, 'it was ready');
    throw new DatastreamError(error, cause);
  }
  const end = clock.now().getTime() + ONLINE_WAIT_MS;
  for (;;) {
    if ((await pingStatus(ssm, id)) === 'Online') return;
    const now = clock.now().getTime();
    const young = now - (instance.LaunchTime?.getTime() ?? 0) < BOOT_MS;
    const pause = young ? BOOT_MS : ONLINE_POLL_MS;
    if (now + pause > end) break;
    await clock.sleep(pause);
  }
  throw new DatastreamError(
    ErrorName.InstanceNotReady,
    `Instance ${id} is not Online in Systems Manager yet. If this lasts: the AMI needs the SSM agent, ` +
      'the instance profile the rights of AmazonSSMManagedInstanceCore, and the subnet a way to the Internet or to the SSM endpoints.',
  );
}

async function pingStatus(ssm: Ssm, instanceId: string): Promise<string | undefined> {
  try {
    const Filters = [{ Key: 'InstanceIds', Values: [instanceId] }];
    const { InstanceInformationList } = await ssm.send(new DescribeInstanceInformationCommand({ Filters }));
    return InstanceInformationList?.[0]?.PingStatus;
  } catch (error) {
    // Another call follows soon. An error would leave the instance idle for minutes, until the state's Retry.
    if (isThrottled(error)) return undefined;
    throw error;
  }
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createStarter = (clients: StarterClients, log?: Log) =>
  createHandler('starter', StarterEvent, (event, lines) => start(event, clients, lines), log);

export const handler = lazily(() => {
  const ec2 = new EC2Client(CLIENT);
  const region = environment('AWS_REGION');
  return createStarter({
    ec2,
    ssm: new SSMClient(CLIENT),
    head: fetchHead,
    signer: s3Signer(ec2.config, region),
    clock: systemClock,
    region,
    defaults: {
      stateMachineArn: environment('STATE_MACHINE_ARN'),
      securityGroupId: environment('SECURITY_GROUP_ID'),
      instanceProfileName: environment('INSTANCE_PROFILE_NAME'),
      subnetIds: environment('SUBNET_IDS').split(',').filter(Boolean),
    },
  });
});
