import { LIVE } from '../../lambdas/carousel/follower';
import type { EmbeddedCarousel, EmbeddedCarouselOptions } from '../../local/carousel';
import type { Faults } from '../../local/service';
import { type Run, testCarousel } from '../support/carousel';

/** The Carousel's invariants. */
export const INVARIANTS = {
  1: 'a file is never restored again while a copy of it lives',
  2: 'at most one live job for each pair of request and file',
  3: 'nothing is asked of S3 beyond the plan, which is within the budget',
  4: 'every turn ends',
  5: 'SUCCEEDED only if every file was verified, and every job has succeeded and written its object',
  6: 'after a turn has ended, none of its jobs lives, and the next turn can begin',
} as const;

export interface CarouselScenario {
  readonly faults?: Faults;
  readonly deliver?: EmbeddedCarouselOptions['deliver'];
  readonly options?: Partial<EmbeddedCarouselOptions> & { readonly storageClass?: string };
  readonly input?: unknown;
  /** Stops the turn after so many virtual milliseconds. */
  readonly stopAfter?: number;
  /** Stops the turn at the call for which it returns something: before its effect, or with `replyDelay` after it. */
  readonly stopAt?: (operation: string) => { readonly replyDelay: number | undefined } | undefined;
  /** Stops the turn 200 ms after it has entered this state. */
  readonly stopIn?: string;
  readonly files?: number;
  /** Something that must not happen, done 20 minutes after the start: the check itself is under test then. */
  readonly sabotage?: (cloud: EmbeddedCarousel, keys: readonly string[]) => Promise<unknown>;
}

export interface Played {
  readonly status: string;
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
  readonly broken: readonly string[];
  readonly calls: (operation: string) => number;
  readonly runs: readonly Run[];
  readonly events: number;
  readonly cloud: EmbeddedCarousel;
}

/** The longest time that a turn may take: its hours, two looks and the retries of its report. */
const LONGEST_MS = (96 + 8) * 3_600_000;

/** Plays a turn of two requests that share files, and then looks at what is left. */
export async function play(scenario: CarouselScenario = {}): Promise<Played> {
  const { faults, deliver, options, input, stopAfter, files = 4, sabotage, stopIn, stopAt } = scenario;
  let armed = false;
  const carousel = await testCarousel(files, {
    latency: 80,
    ...options,
    ...(deliver && { deliver }),
    // What a test prepares, and what it asks afterwards, is not disturbed.
    faults: (operation, call, given, caller) => {
      if (!armed || (caller === undefined && operation !== 'Invoke')) return undefined;
      const stop = stopAt?.(operation);
      if (stop?.replyDelay === undefined) {
        if (stop) execution.stop();
        return faults?.(operation, call, given, caller);
      }
      clock.after(stop.replyDelay / 2, () => execution.stop());
      return { replyDelay: stop.replyDelay };
    },
  });
  const { cloud, clock, keys, request, run, ledger, runs } = carousel;
  const broken: string[] = [];
  const hold = (invariant: keyof typeof INVARIANTS, holds: boolean, what: string) => {
    if (!holds) broken.push(`${invariant}: ${what}`);
  };
  await request(keys.slice(0, 3));
  await request(keys.slice(1));
  armed = true;
  const execution = cloud.start(input ?? { requests: 'waiting' }, 'turn-1', ({ state }) => {
    if (state === stopIn) clock.after(200, () => execution.stop());
  });
  let endless = false;
  if (sabotage) clock.after(20 * 60_000, () => void sabotage(cloud, keys));
  if (stopAfter !== undefined) clock.after(stopAfter, () => execution.stop());
  clock.after(LONGEST_MS, () => {
    endless = true;
    execution.stop();
  });
  // The live jobs of a pair are counted whenever one begins.
  const pairs = () => {
    const names = cloud.batch.live.map(({ tags }) => tags['carousel:job'] ?? '');
    hold(2, new Set(names).size === names.length, `live jobs ${names.join(', ')}`);
  };
  const watch = () => {
    pairs();
    if (execution.status === 'RUNNING') clock.after(60_000, watch);
  };
  watch();
  await run(execution.ended);
  hold(4, !endless, 'the turn did not end');
  // The reaper's period, its retries, and a claim's life.
  await run(clock.sleep(40 * 60_000));
  const left = cloud.batch.live.filter(({ status }) => (LIVE as readonly string[]).includes(status));
  hold(6, left.length === 0, `${left.length} jobs live after the turn`);
  const lock = await run(ledger.get({ pk: 'turn', sk: 'running' }));
  hold(6, lock === undefined, `the turn ${String(lock?.turn)} is still in the way of the next`);
  const jobs = await run(ledger.query('turn#turn-1', 'job#'));
  const turnFiles = await run(ledger.query('turn#turn-1', 'file#'));
  const planned = new Set(turnFiles.map(({ key }) => key));
  const begun = cloud.s3.restoresBegun.map(({ key }) => key);
  hold(
    3,
    begun.every((key) => planned.has(key)),
    'a restore beside the plan',
  );
  // S3 itself answers 409 while a restore runs, and extends a copy that lives: a second begin is a second retrieval.
  hold(1, new Set(begun).size === begun.length, `${begun.length} restores of ${new Set(begun).size} files`);
  if (execution.status === 'SUCCEEDED') {
    hold(
      5,
      turnFiles.every(({ state }) => state === 'VERIFIED'),
      'a file was not verified',
    );
    hold(
      5,
      jobs.every(({ state }) => state === 'SUCCEEDED'),
      'a job did not succeed',
    );
    for (const { output } of jobs) {
      hold(5, cloud.s3.list('outputs', String(output)).length === 1, `no object ${String(output)}`);
    }
  }
  hold(5, runs.every(({ readable }) => readable) || execution.status !== 'SUCCEEDED', 'a job could not read its file');
  const played = {
    status: execution.status,
    error: execution.error,
    cause: execution.cause,
    broken,
    calls: (operation: string) => cloud.calls(operation),
    runs,
    events: execution.used.events,
    cloud,
  };
  cloud.close();
  return played;
}
