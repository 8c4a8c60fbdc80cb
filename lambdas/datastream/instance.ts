import { createHash } from 'node:crypto';
import {
  CreateTagsCommand,
  DescribeInstancesCommand,
  type EC2Client,
  type Filter,
  type Instance,
} from '@aws-sdk/client-ec2';
import { DatastreamError, ErrorName } from './errors';
import { Tag, TOKEN_PART, tokenTag } from './tags';

export type Ec2 = Pick<EC2Client, 'send'>;

/** An instance by which EC2 can be asked for more. */
export type Identified = Instance & { readonly InstanceId: string };

/**
 * @param answer the operation whose answer names the instance
 * @throws ServiceUnavailable when it has no ID
 */
export function identified(instance: Instance, answer: string): Identified {
  const { InstanceId } = instance;
  if (!InstanceId)
    throw new DatastreamError(ErrorName.ServiceUnavailable, `${answer} told of an instance without its ID.`);
  return { ...instance, InstanceId };
}

/** The value of one tag of an instance. */
export function tagOf(instance: Instance, key: string): string | undefined {
  return instance.Tags?.find((tag) => tag.Key === key)?.Value;
}

/** Every instance that matches, over all pages. */
export async function findInstances(
  ec2: Ec2,
  filters: Readonly<Record<string, readonly string[]>>,
): Promise<Identified[]> {
  const Filters: Filter[] = Object.entries(filters).map(([Name, Values]) => ({ Name, Values: [...Values] }));
  const found: Identified[] = [];
  let NextToken: string | undefined;
  do {
    const page = await ec2.send(new DescribeInstancesCommand({ Filters, NextToken }));
    const instances = (page.Reservations ?? []).flatMap((reservation) => reservation.Instances ?? []);
    found.push(...instances.map((instance) => identified(instance, 'DescribeInstances')));
    NextToken = page.NextToken;
  } while (NextToken);
  return found;
}

/** The instance with this ID, where EC2 still knows it. A filter, for an unknown ID is an empty answer and no error. */
export async function findInstance(ec2: Ec2, instanceId: string): Promise<Identified | undefined> {
  return (await findInstances(ec2, { 'instance-id': [instanceId] }))[0];
}

/** Whether EC2 will not run this instance any further. Billing ends with these states (EC2 User Guide, instance lifecycle). */
export function isDead(instance: Instance): boolean {
  return ['shutting-down', 'terminated', 'stopping', 'stopped'].includes(instance.State?.Name ?? '');
}

/**
 * EC2's reasons for which every further launch would end alike (EC2 API Reference, StateReason; EC2 User Guide, Instance
 * terminates immediately), and what to do. The others go by themselves: capacity, spot, EC2's own errors, the account's
 * limit of volumes, which other jobs use up; or come from outside, as a shutdown by somebody or the account's automation.
 */
const FINAL_REASONS: Readonly<Record<string, string>> = {
  'Client.InternalError':
    "Mostly a volume's KMS key may not be used: let its policy grant it to the functions' role, and for spot to " +
    'AWSServiceRoleForEC2Spot (docs/security.md, Keys).',
  'Client.InvalidSnapshot.NotFound':
    'A snapshot of the AMI, or of BlockDeviceMappings, no longer exists: write an AMI, or a snapshot, that does.',
};

/**
 * The end of an instance, as its attempt's error.
 *
 * @param before what it should have lived to see, e.g. `the job did`
 */
export function lossOf(instance: Identified, before: string): { readonly error: ErrorName; readonly cause: string } {
  const { Code = '', Message = instance.StateTransitionReason } = instance.StateReason ?? {};
  const death = `EC2 reports it ${instance.State?.Name}${Message ? ` (${Message})` : ''}`;
  const advice = FINAL_REASONS[Code];
  return {
    error: advice ? ErrorName.LaunchFailed : ErrorName.InstanceLost,
    cause: `Instance ${instance.InstanceId} ended before ${before}: ${death}.${advice ? ` ${advice}` : ''}`,
  };
}

/** Writes command and task token on the instance, where the relay finds them. One call: all tags or none. */
export async function registerToken(ec2: Ec2, instanceId: string, commandId: string, token: string): Promise<void> {
  const parts = token.match(new RegExp(`.{1,${TOKEN_PART}}`, 'gs')) ?? [];
  await ec2.send(
    new CreateTagsCommand({
      Resources: [instanceId],
      Tags: [
        { Key: Tag.command, Value: commandId },
        { Key: Tag.tokenParts, Value: String(parts.length) },
        ...parts.map((Value, index) => ({ Key: tokenTag(index), Value })),
      ],
    }),
  );
}

/** The task token that waits for this instance, if one has been registered. */
export function registeredToken(instance: Instance): string | undefined {
  const count = Number(tagOf(instance, Tag.tokenParts) ?? 0);
  const parts = Array.from({ length: count }, (_, index) => tagOf(instance, tokenTag(index)));
  return count > 0 && parts.every((part) => part !== undefined) ? parts.join('') : undefined;
}

/** A name for one attempt that is the same in every retry: at most 64 characters, as RunInstances' ClientToken wants. */
export function attemptHash(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
