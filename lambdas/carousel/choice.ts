/** A request that waits for files. */
export interface Waiting {
  readonly id: string;
  /** When it was made; any number that grows with time. */
  readonly since: number;
  /** How many turns have passed it by. */
  readonly turnsWaited: number;
  /** The files that it still waits for. */
  readonly files: readonly string[];
  /** What one of its jobs costs at most, in dollars. */
  readonly jobDollars: number;
  /** Whether it needs all of its files at once, for one job. Then it is never chosen in part. */
  readonly whole: boolean;
}

/** What a turn does. */
export interface Choice {
  /** Files to have, in the order of the choice. */
  readonly files: readonly string[];
  /** The requests with `whole` all of whose files are among them. */
  readonly whole: readonly string[];
  /** Of the files and of all jobs that they make possible, at most. */
  readonly dollars: number;
}

/** What a turn leaves waiting, since the budget has no room for it. */
export interface LeftOut {
  readonly requests: number;
  /** Distinct files that were not chosen. */
  readonly files: number;
  readonly jobs: number;
  /** The least budget in dollars with which a turn would choose any of it. */
  readonly cheapestDollars: number;
}

/** Sums of prices are not exact. */
const TOLERANCE = 1 + 1e-9;

/**
 * Chooses the files of a turn within its budget, so that waiting requests end soon.
 *
 * First the requests that have waited for `maxWaitTurns`, the oldest first, so that no request starves. Then again and
 * again the request with the least price of files not yet chosen, divided by one more than the turns that it has waited;
 * partly if it does not fit. A file is chosen once for all requests that wait for it, and its price counts the jobs of
 * all of them.
 *
 * @param fileDollars the price of a file: 0 for a copy that lives
 * @param budget in dollars; the choice never costs more
 */
export function choose(
  waiting: readonly Waiting[],
  fileDollars: (file: string) => number,
  budget: number,
  maxWaitTurns: number,
): Choice {
  const byAge = [...waiting].sort((a, b) => a.since - b.since || (a.id < b.id ? -1 : 1));
  const sharers = new Map<string, Waiting[]>();
  for (const request of byAge) {
    for (const file of request.files) sharers.set(file, [...(sharers.get(file) ?? []), request]);
  }
  const chosen = new Set<string>();
  const whole: string[] = [];
  const limit = budget * TOLERANCE;
  let spent = 0;

  /** What choosing a file costs: its restore, and a job of every request that runs one on each file. */
  const price = (file: string): number =>
    (sharers.get(file) ?? []).reduce((sum, each) => sum + (each.whole ? 0 : each.jobDollars), fileDollars(file));
  /** The price of what a request still needs, as its own: the jobs of others do not make it later. */
  const left = new Map<string, { files: number; dollars: number }>();
  for (const request of byAge) {
    const dollars = request.files.reduce((sum, file) => sum + fileDollars(file), 0);
    const jobs = request.whole ? request.jobDollars : request.files.length * request.jobDollars;
    left.set(request.id, { files: request.files.length, dollars: dollars + jobs });
  }
  const leftOf = (request: Waiting) => left.get(request.id) ?? { files: 0, dollars: 0 };

  const add = (file: string, dollars: number) => {
    chosen.add(file);
    spent += dollars;
    for (const request of sharers.get(file) ?? []) {
      const rest = leftOf(request);
      rest.files -= 1;
      rest.dollars -= fileDollars(file) + (request.whole ? 0 : request.jobDollars);
    }
  };
  const take = (request: Waiting) => {
    const needed = request.files.filter((file) => !chosen.has(file)).sort();
    if (request.whole) {
      const dollars = needed.reduce((sum, file) => sum + price(file), request.jobDollars);
      if (spent + dollars > limit) return;
      for (const file of needed) add(file, price(file));
      spent += request.jobDollars;
      whole.push(request.id);
      return;
    }
    for (const file of needed) {
      const dollars = price(file);
      if (spent + dollars <= limit) add(file, dollars);
    }
  };

  const isOpen = (request: Waiting) => (request.whole ? !whole.includes(request.id) : leftOf(request).files > 0);
  for (const request of byAge) if (request.turnsWaited >= maxWaitTurns) take(request);
  let rest = byAge.filter(isOpen);
  while (rest.length > 0) {
    let best = rest[0] as Waiting;
    let least = Number.POSITIVE_INFINITY;
    for (const request of rest) {
      const density = leftOf(request).dollars / (1 + request.turnsWaited);
      if (density < least) [best, least] = [request, density];
    }
    take(best);
    rest = rest.filter((request) => request !== best && isOpen(request));
  }
  return { files: [...chosen], whole, dollars: spent };
}

/**
 * What a choice leaves waiting.
 *
 * @param fileDollars the price of a file, as `choose` has it
 * @returns undefined where every request is served in full
 */
export function leftOut(
  waiting: readonly Waiting[],
  { files, whole }: Pick<Choice, 'files' | 'whole'>,
  fileDollars: (file: string) => number,
): LeftOut | undefined {
  const chosen = new Set(files);
  const jobsOfFile = new Map<string, number>();
  for (const each of waiting) {
    if (each.whole) continue;
    for (const file of each.files) jobsOfFile.set(file, (jobsOfFile.get(file) ?? 0) + each.jobDollars);
  }
  const price = (file: string) => fileDollars(file) + (jobsOfFile.get(file) ?? 0);
  const left = new Set<string>();
  let requests = 0;
  let jobs = 0;
  let cheapestDollars = Number.POSITIVE_INFINITY;
  for (const each of waiting) {
    const its = each.files.filter((file) => !chosen.has(file));
    if (each.whole ? whole.includes(each.id) : its.length === 0) continue;
    requests += 1;
    jobs += each.whole ? 1 : its.length;
    for (const file of its) left.add(file);
    const needs = each.whole
      ? [each.files.reduce((sum, file) => sum + price(file), each.jobDollars)]
      : its.map((file) => price(file));
    for (const dollars of needs) cheapestDollars = Math.min(cheapestDollars, dollars);
  }
  return requests === 0 ? undefined : { requests, files: left.size, jobs, cheapestDollars };
}
