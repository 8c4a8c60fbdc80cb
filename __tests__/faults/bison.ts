import { RedriveExecutionCommand } from '@aws-sdk/client-sfn';
import type { ApiFault, Faults } from '../../local/service';
import type { Execution } from '../../local/sfn';
import { isPublished, type MonthOptions, OCCURRENCES, SNAPSHOT, testMonth } from '../support/bison';

/** What holds in every month, whatever goes wrong. */
export const INVARIANTS = {
  1: 'a month ends',
  2: 'SUCCEEDED only if the manifest is there; and where one is, its counts agree',
  3: 'a month that has not succeeded publishes nothing, unless it was stopped while it did',
  4: 'when a month has ended, no job, query, execution or instance of it lives',
  5: 'at most one download is asked of GBIF',
} as const;

/** The first rows of the synthetic month: enough for every step, and quick. */
export const FEW = `${OCCURRENCES.split('\n').slice(0, 121).join('\n')}\n`;

export interface Played {
  readonly status: string;
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
  readonly broken: readonly string[];
  readonly transitions: number;
  readonly month: ReturnType<typeof testMonth>['month'];
  /** Virtual minutes that it took. */
  readonly minutes: number;
}

/** A day of looks at GBIF, three attempts of twelve hours, an hour of looks at the crawl, and the jobs. */
const LONGEST_MS = 5 * 86_400_000;
/** The reaper's period and the end of an instance; a job's retry. */
const AFTERMATH_MS = 45 * 60_000;

export interface BisonScenario extends MonthOptions {
  /** Stops the execution this long after it has entered a state, for the first time. */
  readonly stopIn?: { readonly state: string; readonly after: number };
  /** Stops the execution this long after the nth call of an operation has begun. */
  readonly stopAt?: { readonly operation: string; readonly n: number; readonly after: number };
  /** Done when the execution has started. */
  readonly meanwhile?: (context: ReturnType<typeof testMonth>) => void;
  /** Redrives the execution once, when it has ended and this was done. */
  readonly redriven?: (context: ReturnType<typeof testMonth>) => void;
  readonly input?: unknown;
}

/** Plays a month to its end, and looks at what is left. */
export async function play({
  stopIn,
  stopAt,
  meanwhile,
  redriven,
  faults,
  input = {},
  ...options
}: BisonScenario = {}): Promise<Played> {
  let calls = 0;
  const context = testMonth({
    occurrences: FEW,
    chunks: 2,
    ...options,
    faults: (operation, ...call) => {
      if (operation === stopAt?.operation && ++calls === stopAt.n) stop(stopAt.after);
      return faults?.(operation, ...call);
    },
  });
  const { month, clock } = context;
  const begun = clock.now().getTime();
  let armed = stopIn;
  let entered = '';
  let stoppedInPublish = false;
  const stop = (after: number) => {
    clock.after(after, () => {
      if (execution.status !== 'RUNNING') return;
      // A call of S3 that is on its way when the user stops takes effect, and its counts were compared before.
      stoppedInPublish = entered === 'Publish';
      execution.stop();
    });
  };
  let execution = month.start(input, 'month', ({ state, type }) => {
    if (type !== 'entered') return;
    entered = state;
    if (state !== armed?.state) return;
    stop(armed.after);
    armed = undefined;
  });
  meanwhile?.(context);
  let endless = false;
  clock.after(LONGEST_MS, () => {
    endless = execution.status === 'RUNNING';
    execution.stop();
  });
  await clock.run(execution.ended);
  if (redriven) {
    redriven(context);
    const { arn } = execution;
    await clock.run(month.cloud.sfn.client().send(new RedriveExecutionCommand({ executionArn: arn })));
    execution = month.cloud.sfn.executions.get(arn) as Execution;
    await clock.run(execution.ended);
  }
  const minutes = (clock.now().getTime() - begun) / 60_000;
  const published = isPublished(month);
  await clock.run(clock.sleep(AFTERMATH_MS));
  const broken: string[] = [];
  const hold = (invariant: keyof typeof INVARIANTS, holds: boolean, what: string) => {
    if (!holds) broken.push(`${invariant}: ${what}`);
  };
  hold(1, !endless, 'the month did not end');
  const manifest = isPublished(month);
  if (execution.status === 'SUCCEEDED') hold(2, published, 'there is no manifest');
  else hold(3, !manifest || stoppedInPublish, `${execution.status}, and the manifest is there`);
  if (manifest) {
    const text = month.cloud.s3.get(month.bucket, `summary/${SNAPSHOT}/manifest.json`);
    const { counts } = JSON.parse(text) as { counts: Record<string, number> };
    hold(2, counts.annotated === counts.subset, `${counts.annotated} annotated of ${counts.subset}`);
    hold(2, counts.county_counts === counts.county, `${counts.county_counts} counted of ${counts.county}`);
  }
  hold(4, month.live.length === 0, `left: ${month.live.join(', ')}`);
  hold(5, month.gbif.downloads.length <= 1, `${month.gbif.downloads.length} downloads`);
  const { status, error, cause, used } = execution;
  return { status, error, cause, broken, transitions: used.transitions, month, minutes };
}

/** A fault in the nth call of an operation. */
export function nth(operation: string, n: number, fault: ApiFault): Faults {
  let calls = 0;
  return (name) => (name === operation && ++calls === n ? fault : undefined);
}
