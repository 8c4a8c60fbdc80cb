import type { Line, Matrix } from '../executions/matrix/expand';
import { cronOf } from '../executions/matrix/schedule';
import { SCHEDULED_TIME, type ScheduleInput, scheduleInput, scheduleName } from '../lambdas/datastream/schedule-input';
import type { EmbeddedCloud } from './cloud';

const MINUTE_MS = 60_000;

/**
 * Returns the delays of a schedule's deliveries in milliseconds, after its time. A schedule may fire once, several times
 * or never: EventBridge Scheduler delivers at least once, within a minute, and drops what it cannot deliver.
 */
export type Firing = (schedule: string, scheduled: Date) => readonly number[];

/** A schedule, as Terraform deploys it. */
interface Schedule {
  readonly name: string;
  readonly isDue: (time: Date) => boolean;
  state: 'ENABLED' | 'DISABLED';
  input: string;
}

/** EventBridge Scheduler with the schedules of a matrix, whose target is the planner. */
export class EmbeddedScheduler {
  readonly schedules: ReadonlyMap<string, Schedule>;

  /** @param fires default: each schedule once, at its time */
  constructor(
    private readonly cloud: EmbeddedCloud,
    { lines }: Matrix,
    private readonly fires: Firing = () => [0],
  ) {
    this.schedules = new Map(lines.map((line) => [scheduleName(line), scheduleOf(line)]));
  }

  /**
   * Fires every schedule at its times, from the next full minute on.
   *
   * @param until no schedule has its time then or later
   */
  run(until: Date): void {
    const now = this.cloud.clock.now().getTime();
    const next = new Date(Math.ceil(now / MINUTE_MS) * MINUTE_MS);
    if (next >= until) return;
    this.cloud.clock.after(next.getTime() - now, () => {
      for (const schedule of this.schedules.values()) this.#fire(schedule, next);
      // The next full minute, not this one again.
      this.cloud.clock.after(1, () => this.run(until));
    });
  }

  #fire({ name, state, input, isDue }: Schedule, time: Date): void {
    if (state === 'DISABLED' || !isDue(time)) return;
    const event: ScheduleInput = JSON.parse(input.replace(SCHEDULED_TIME, time.toISOString().replace('.000Z', 'Z')));
    for (const delay of this.fires(name, time)) {
      this.cloud.clock.after(delay, () => void this.cloud.invokeAsync('planner', event));
    }
  }
}

const scheduleOf = (line: Line): Schedule => ({
  name: scheduleName(line),
  isDue: readCron(cronOf(line)),
  state: 'ENABLED',
  input: scheduleInput(line),
});

/**
 * When a cron expression of UTC is due: a minute, and hours or `*`, of every day.
 * @throws Error for another expression
 */
export function readCron(expression: string): (time: Date) => boolean {
  const [, minute, hours] = /^cron\((\d+) (\*|[\d,]+) \* \* \? \*\)$/.exec(expression) ?? [];
  if (minute === undefined || hours === undefined) {
    throw new Error(`${expression} is no schedule of a matrix: write cron(MINUTE HOURS * * ? *).`);
  }
  const isHour = hours === '*' ? () => true : (hour: number) => hours.split(',').map(Number).includes(hour);
  return (time) => time.getUTCMinutes() === Number(minute) && isHour(time.getUTCHours());
}
