import {
  GetScheduleCommand,
  type GetScheduleCommandOutput,
  ListScheduleGroupsCommand,
  ListSchedulesCommand,
  ListTagsForResourceCommand,
  type SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { record, text } from '../../files/values';
import { scheduleInput } from '../../lambdas/datastream/schedule-input';
import { Tag } from '../../lambdas/datastream/tags';

/** The schedule of a line of a matrix. */
export interface LineSchedule {
  readonly stream: string;
  readonly line: string;
  readonly state: 'ENABLED' | 'DISABLED';
  readonly cron: string;
  /** Scheduled times before this one are not caught up. */
  readonly notBefore?: string;
  readonly api: GetScheduleCommandOutput;
}

/** The schedules of a state machine's matrix, in the order of their names; the group carries the machine's tag. */
export async function findSchedules(scheduler: SchedulerClient, stateMachineArn: string): Promise<LineSchedule[]> {
  const found: LineSchedule[] = [];
  for (const group of await groupsOf(scheduler, stateMachineArn)) {
    let NextToken: string | undefined;
    do {
      const page = await scheduler.send(new ListSchedulesCommand({ GroupName: group, NextToken }));
      for (const { Name } of page.Schedules ?? []) {
        const api = await scheduler.send(new GetScheduleCommand({ GroupName: group, Name }));
        const line = lineOf(api);
        if (line) found.push(line);
      }
      NextToken = page.NextToken;
    } while (NextToken);
  }
  const nameOf = ({ stream, line }: LineSchedule) => `${stream}/${line}`;
  return found.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

async function groupsOf(scheduler: SchedulerClient, stateMachineArn: string): Promise<string[]> {
  const groups: string[] = [];
  let NextToken: string | undefined;
  do {
    const page = await scheduler.send(new ListScheduleGroupsCommand({ NextToken }));
    for (const { Arn, Name = '' } of page.ScheduleGroups ?? []) {
      // AWS's own group cannot have tags.
      if (Name === 'default') continue;
      const { Tags = [] } = await scheduler.send(new ListTagsForResourceCommand({ ResourceArn: Arn }));
      if (Tags.some(({ Key, Value }) => Key === Tag.stateMachine && Value === stateMachineArn)) groups.push(Name);
    }
    NextToken = page.NextToken;
  } while (NextToken);
  return groups;
}

/** What the schedule stands for; undefined for one of no line, as the reaper's. */
function lineOf(api: GetScheduleCommandOutput): LineSchedule | undefined {
  const input = inputOf(api.Target?.Input);
  const [stream, line, notBefore] = [text(input.stream), text(input.line), text(input.not_before)];
  if (stream === undefined || line === undefined) return undefined;
  return {
    stream,
    line,
    state: api.State === 'DISABLED' ? 'DISABLED' : 'ENABLED',
    cron: api.ScheduleExpression ?? '',
    ...(notBefore !== undefined && { notBefore }),
    api,
  };
}

function inputOf(json = ''): Readonly<Record<string, unknown>> {
  try {
    return record(JSON.parse(json));
  } catch {
    return {};
  }
}

/**
 * Pauses or resumes a schedule. UpdateSchedule replaces all of it, so what Terraform has written is written again.
 *
 * @param notBefore of a schedule that is resumed: earlier scheduled times are not caught up; default: they are
 */
export async function setState(
  scheduler: SchedulerClient,
  schedule: LineSchedule,
  state: LineSchedule['state'],
  notBefore?: Date,
): Promise<void> {
  const { $metadata, Arn, CreationDate, LastModificationDate, Target, ...kept } = schedule.api;
  if (!Target) throw new Error(`The schedule ${kept.Name} has no target: deploy again.`);
  const Input = state === 'ENABLED' ? scheduleInput(schedule, notBefore) : Target.Input;
  await scheduler.send(
    new UpdateScheduleCommand({
      ...kept,
      Name: kept.Name,
      ScheduleExpression: kept.ScheduleExpression,
      FlexibleTimeWindow: kept.FlexibleTimeWindow,
      State: state,
      Target: { ...Target, Input },
    }),
  );
}
