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

/** An instance with an ID, which further calls of EC2 need. */
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

/** The instance with this ID, if EC2 still knows it. With a filter, an unknown ID gives an empty answer, no error. */
export async function findInstance(ec2: Ec2, instanceId: string): Promise<Identified | undefined> {
  return (await findInstances(ec2, { 'instance-id': [instanceId] }))[0];
}

/** Whether the instance is ending or has ended. EC2 does not bill these states (EC2 User Guide, instance lifecycle). */
export function isDead(instance: Instance): boolean {
  return ['shutting-down', 'terminated', 'stopping', 'stopped'].includes(instance.State?.Name ?? '');
}

/**
 * EC2's reasons that would end every further launch in the same way, and what to do (EC2 API Reference, StateReason;
 * EC2 User Guide, Instance terminates immediately). Other reasons are temporary: capacity, spot, EC2's own errors, the
 * account's volume limit. Or they come from outside: a user or the account's automation ends the instance.
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
 * @param before what should have happened before the instance ended, e.g. `the job did`
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

/** Writes the command's ID and the task token as tags of the instance, for the relay. One call: all tags or none. */
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

/** A name for one attempt, the same in every retry. RunInstances' ClientToken allows at most 64 characters. */
export function attemptHash(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
