/** The file beside the planner's code: the matrix and its templates' texts, `{value, templates}`. */
export const MATRIX_FILE = 'matrix.json';

/** In the place of it EventBridge Scheduler puts the schedule's time (User Guide, adding context attributes). */
export const SCHEDULED_TIME = '<aws.scheduler.scheduled-time>';

/** What a schedule sends to the planner. */
export interface ScheduleInput {
  readonly stream: string;
  readonly line: string;
  readonly scheduled: string;
  /** Scheduled times before this one are not caught up. */
  readonly not_before?: string;
}

/**
 * The input of a line's schedule. Its shape outlives deployments: Terraform writes it once, and leaves what
 * `datastream schedule` makes of it.
 */
export function scheduleInput(line: { readonly stream: string; readonly line: string }, notBefore?: Date): string {
  const input: ScheduleInput = {
    stream: line.stream,
    line: line.line,
    scheduled: SCHEDULED_TIME,
    ...(notBefore && { not_before: notBefore.toISOString() }),
  };
  return JSON.stringify(input);
}

/** The name of a line's schedule, in a group of its own. Neither a stream nor a line has a dot in its name. */
export const scheduleName = ({ stream, line }: { readonly stream: string; readonly line: string }) =>
  `${stream}.${line}`;
