import { createHash } from 'node:crypto';
import {
  CreateTagsCommand,
  DescribeInstancesCommand,
  type EC2Client,
  type Filter,
  type Instance,
} from '@aws-sdk/client-ec2';

/** The tags by which this project knows its instances and volumes; IAM's conditions rest on `stateMachine`. */
export const Tag = {
  /** The state machine's ARN. */
  stateMachine: 'datastream:state-machine',
  /** The execution's ARN. */
  execution: 'datastream:execution',
  attempt: 'datastream:attempt',
  /** Seconds from the launch until the job is cancelled. Not the moment: a launch that is repeated must be the same. */
  timeout: 'datastream:timeout',
  /** What becomes of the instance when its attempt ends: an `InstanceEnd`. */
  end: 'datastream:end',
  /** The ID of the SSM command that is the job. */
  command: 'datastream:command',
  /** How many tags the task token is spread over. */
  tokenParts: 'datastream:token-parts',
} as const;

/** A tag's value holds 256 characters, a task token up to 2,048 (Step Functions API, SendTaskSuccess). */
const TOKEN_PART = 256;
const tokenTag = (index: number) => `datastream:token-${index}`;

export type Ec2 = Pick<EC2Client, 'send'>;

/** The value of one tag of an instance. */
export function tagOf(instance: Instance, key: string): string | undefined {
  return instance.Tags?.find((tag) => tag.Key === key)?.Value;
}

/** Every instance that matches, over all pages. */
export async function findInstances(
  ec2: Ec2,
  filters: Readonly<Record<string, readonly string[]>>,
): Promise<Instance[]> {
  const Filters: Filter[] = Object.entries(filters).map(([Name, Values]) => ({ Name, Values: [...Values] }));
  const found: Instance[] = [];
  let NextToken: string | undefined;
  do {
    const page = await ec2.send(new DescribeInstancesCommand({ Filters, NextToken }));
    found.push(...(page.Reservations ?? []).flatMap((reservation) => reservation.Instances ?? []));
    NextToken = page.NextToken;
  } while (NextToken);
  return found;
}

/** The instance with this ID, where EC2 still knows it. A filter, for an unknown ID is an empty answer and no error. */
export async function findInstance(ec2: Ec2, instanceId: string): Promise<Instance | undefined> {
  return (await findInstances(ec2, { 'instance-id': [instanceId] }))[0];
}

/** Whether EC2 will not run this instance any further. Billing ends with these states (EC2 User Guide, instance lifecycle). */
export function isDead(instance: Instance): boolean {
  return ['shutting-down', 'terminated', 'stopping', 'stopped'].includes(instance.State?.Name ?? '');
}

/** Why EC2 says that an instance is not running, as one clause. */
export function deathOf(instance: Instance): string {
  const reason = instance.StateReason?.Message ?? instance.StateTransitionReason;
  return `EC2 reports it ${instance.State?.Name}${reason ? ` (${reason})` : ''}`;
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
