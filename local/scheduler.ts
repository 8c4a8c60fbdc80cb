import type { Line, Matrix } from '../executions/matrix/expand';
import { cronOf } from '../executions/matrix/schedule';
import { SCHEDULED_TIME, type ScheduleInput, scheduleInput, scheduleName } from '../lambdas/datastream/schedule-input';
import type { LocalClock } from './clock';

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

/** What calls the planner as Lambda does, asynchronously. */
export interface PlannerHost {
  readonly clock: LocalClock;
  invokeAsync(name: 'planner', event: ScheduleInput): Promise<void>;
}

/** EventBridge Scheduler with the schedules of a matrix, whose target is the planner. */
export class EmbeddedScheduler {
  readonly schedules: ReadonlyMap<string, Schedule>;

  /** @param fires default: each schedule once, at its time */
  constructor(
    private readonly host: PlannerHost,
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
    const now = this.host.clock.now().getTime();
    this.#runFrom(Math.ceil(now / MINUTE_MS) * MINUTE_MS, until);
  }

  #runFrom(from: number, until: Date): void {
    let time = from;
    const all = [...this.schedules.values()];
    while (time < until.getTime() && !all.some(({ isDue }) => isDue(new Date(time)))) time += MINUTE_MS;
    if (time >= until.getTime()) return;
    this.host.clock.after(time - this.host.clock.now().getTime(), () => {
      for (const schedule of all) this.#fire(schedule, new Date(time));
      this.#runFrom(time + MINUTE_MS, until);
    });
  }

  #fire({ name, state, input, isDue }: Schedule, time: Date): void {
    if (state === 'DISABLED' || !isDue(time)) return;
    const event: ScheduleInput = JSON.parse(input.replace(SCHEDULED_TIME, time.toISOString().replace('.000Z', 'Z')));
    for (const delay of this.fires(name, time)) {
      this.host.clock.after(delay, () => void this.host.invokeAsync('planner', event));
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
