import { formatPath, type Path, shorten } from '../../files/problems';
import { isRecord } from '../../files/values';
import type { Job, Line, Matrix } from './expand';
import { cronOf } from './schedule';

/** A value of an execution file before and after; undefined where it is absent. */
interface Change {
  readonly path: Path;
  readonly before: unknown;
  readonly after: unknown;
}

/** Differences of more places than this in a line are only counted. */
const MOST_PLACES = 8;

/**
 * What a change of a matrix means, as lines of text: which lines come and go, whose schedule differs, and what differs in
 * the execution files of how many jobs. Empty where nothing differs.
 */
export function differences(before: Matrix, after: Matrix): string[] {
  const texts: string[] = [];
  if (before.startsPerSecond !== after.startsPerSecond) {
    texts.push(`starts_per_second: ${before.startsPerSecond} becomes ${after.startsPerSecond}`);
  }
  const [old, current] = [linesByName(before), linesByName(after)];
  for (const [name, line] of old) {
    const now = current.get(name);
    if (now) texts.push(...ofLine(name, line, now));
    else texts.push(`${name}: is removed, ${jobs(line.jobs.length)}`);
  }
  for (const [name, line] of current) {
    if (!old.has(name)) texts.push(`${name}: is new, ${jobs(line.jobs.length)}, ${cronOf(line)} UTC`);
  }
  return texts;
}

const linesByName = ({ lines }: Matrix) => new Map(lines.map((line) => [`${line.stream}/${line.line}`, line]));
const jobs = (count: number) => `${count} ${count === 1 ? 'job' : 'jobs'}`;

function ofLine(name: string, before: Line, after: Line): string[] {
  const texts: string[] = [];
  const say = (text: string) => texts.push(`${name}: ${text}`);
  if (cronOf(before) !== cronOf(after)) say(`${cronOf(before)} becomes ${cronOf(after)} UTC`);
  else if (before.lagMinutes !== after.lagMinutes || before.cycles.join() !== after.cycles.join()) {
    say('starts at the same times, of other cycles');
  }
  if (before.catchUpHours !== after.catchUpHours) {
    say(`catch_up_h: ${before.catchUpHours} becomes ${after.catchUpHours}`);
  }
  if (before.pin.join('\n') !== after.pin.join('\n')) say('pin differs');
  const [old, current] = [jobsByName(before), jobsByName(after)];
  for (const [what, some] of [
    ['removed', before.jobs.filter((job) => !current.has(job.name))],
    ['new', after.jobs.filter((job) => !old.has(job.name))],
  ] as const) {
    const [first] = some;
    if (first)
      say(
        `${jobs(some.length)} ${some.length === 1 ? 'is' : 'are'} ${what}: ${first.name}${some.length > 1 ? ', ...' : ''}`,
      );
  }
  const changes = after.jobs.flatMap((job) => {
    const was = old.get(job.name);
    return was ? changesOf(was.input, job.input, []).map((change) => ({ job, change })) : [];
  });
  return [...texts, ...inputTexts(name, changes)];
}

const jobsByName = ({ jobs }: Line) => new Map(jobs.map((job) => [job.name, job]));

/** One text for each place in the execution files, with how many values it has had where it is not one. */
function inputTexts(name: string, changes: readonly { readonly job: Job; readonly change: Change }[]): string[] {
  const byPlace = new Map<string, typeof changes>();
  for (const each of changes) {
    const place = formatPath(each.change.path);
    byPlace.set(place, [...(byPlace.get(place) ?? []), each]);
  }
  const texts = Array.from(byPlace, ([place, of]) => {
    const [first] = of;
    if (!first) return '';
    const [from, to] = shown(first.change);
    const isSame = of.every(({ change }) => same(shown(change), [from, to]));
    const example = isSame ? '' : ` in ${first.job.name}`;
    return `${name}: ${jobs(of.length)}: ${place}: ${from} becomes ${to}${example}`;
  });
  if (texts.length <= MOST_PLACES) return texts;
  return [...texts.slice(0, MOST_PLACES), `${name}: ${texts.length - MOST_PLACES} further places differ`];
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

function changesOf(before: unknown, after: unknown, path: Path): Change[] {
  if (same(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return before.flatMap((each, index) => changesOf(each, after[index], [...path, index]));
  }
  if (isRecord(before) && isRecord(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => changesOf(before[key], after[key], [...path, key]));
  }
  return [{ path, before, after }];
}

/** How far a long text is shown on each side of what differs. */
const AROUND = 12;

/** Two values; of long texts what differs in them. */
function shown({ before, after }: Change): [string, string] {
  const value = (each: unknown) => (each === undefined ? 'nothing' : shorten(each));
  if (typeof before !== 'string' || typeof after !== 'string' || Math.max(before.length, after.length) < 70) {
    return [value(before), value(after)];
  }
  let start = 0;
  while (start < before.length && before[start] === after[start]) start += 1;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const cut = (text: string) => {
    const [from, to] = [Math.max(start - AROUND, 0), Math.min(text.length - end + AROUND, text.length)];
    return shorten(`${from > 0 ? '…' : ''}${text.slice(from, to)}${to < text.length ? '…' : ''}`);
  };
  return [cut(before), cut(after)];
}
