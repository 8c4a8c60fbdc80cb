import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { isRecord, record, text } from '../files/values';
import type { DeployedFunction } from '../pipelines/deployment';

/** Objects of buckets, on AWS or in the embedded cloud's folders. */
export interface Objects {
  /** The objects below a prefix, by key. */
  list(bucket: string, prefix: string): Promise<readonly { readonly key: string; readonly modified: Date }[]>;
  /** An object's text; undefined if it is not there. */
  read(bucket: string, key: string): Promise<string | undefined>;
  remove(bucket: string, key: string): Promise<void>;
}

/** @param folder contains a folder for each bucket */
export function folderObjects(folder: string): Objects {
  return {
    list: async (bucket, prefix) => {
      const root = path.join(folder, bucket);
      if (!existsSync(root)) return [];
      return readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((each) => each.isFile())
        .map(({ parentPath, name }) => path.join(parentPath, name))
        .map((file) => ({ key: path.relative(root, file).split(path.sep).join('/'), modified: statSync(file).mtime }))
        .filter(({ key }) => key.startsWith(prefix))
        .sort((a, b) => (a.key < b.key ? -1 : 1));
    },
    read: async (bucket, key) => {
      const file = path.join(folder, bucket, key);
      return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    },
    remove: async (bucket, key) => rmSync(path.join(folder, bucket, key), { force: true }),
  };
}

/** A run, as the handler has written it. */
export interface RunRecord {
  readonly key: string;
  /** `killed` where the handler did not live to write the end, `interrupted` where this computer's user ended it. */
  readonly status: 'running' | 'succeeded' | 'failed' | 'killed' | 'interrupted';
  readonly started: string;
  readonly seconds?: number;
  readonly codeVersion: string;
  /** Inputs of all runs of the pipeline; of a run without success, those of the part that it was at. */
  readonly inputs: number;
  /** The first of the inputs. */
  readonly firstInput?: string;
  readonly error?: string;
}

/** An event that failed for good, as Lambda has kept it. */
export interface FailedEvent {
  readonly function: DeployedFunction;
  readonly key: string;
  /** When it failed for good the first time, before any `rerun`. */
  readonly time: string;
  readonly error: string;
  readonly event: unknown;
}

/** Lambda's longest run, in milliseconds, and a minute. */
const LONGEST_RUN_MS = 960_000;
const DAY_MS = 86_400_000;

/**
 * The last runs of a function, the newest first.
 *
 * @param most how many
 * @param days how far to look back: each day is one call of S3
 */
export async function lastRuns(
  objects: Objects,
  bucket: string,
  name: string,
  { now, most, days }: { readonly now: Date; readonly most: number; readonly days: number },
): Promise<RunRecord[]> {
  const runs: RunRecord[] = [];
  for (let back = 0; back < days && runs.length < most; back += 1) {
    const day = new Date(now.getTime() - back * DAY_MS).toISOString().slice(0, 10);
    const keys = (await objects.list(bucket, `runs/${name}/${day}/`))
      .map(({ key }) => key)
      .sort()
      .reverse();
    for (const key of keys.slice(0, most - runs.length)) {
      const run = runOf(key, await objects.read(bucket, key), now);
      if (run) runs.push(run);
    }
  }
  return runs;
}

function runOf(key: string, content: string | undefined, now: Date): RunRecord | undefined {
  const value = parsed(content);
  const { status, started = '', ended } = value;
  if (!['running', 'succeeded', 'failed', 'interrupted'].includes(String(status))) return undefined;
  const begin = Date.parse(String(started));
  const lost = status === 'running' && now.getTime() - begin > LONGEST_RUN_MS;
  const seconds = typeof ended === 'string' ? (Date.parse(ended) - begin) / 1000 : undefined;
  const { name, message } = record(value.error);
  const inputs = [value.runs ?? value.inputs ?? []].flat(2);
  const [firstInput] = inputs;
  return {
    key,
    status: lost ? 'killed' : (status as RunRecord['status']),
    started: String(started),
    ...(seconds !== undefined && { seconds }),
    codeVersion: text(value.code_version) ?? 'unknown',
    inputs: inputs.length,
    ...(firstInput !== undefined && { firstInput: String(firstInput) }),
    ...(name !== undefined && { error: `${name}: ${message}` }),
  };
}

/** The events of a function that failed for good, the oldest first. */
export async function failedEvents(objects: Objects, bucket: string, each: DeployedFunction): Promise<FailedEvent[]> {
  const found: FailedEvent[] = [];
  for (const { key } of await objects.list(bucket, `aws/lambda/async/${each.name}/`)) {
    const value = parsed(await objects.read(bucket, key));
    if (!('requestPayload' in value)) continue;
    const { errorType, errorMessage } = record(value.responsePayload);
    const { condition } = record(value.requestContext);
    const error = [errorType, errorMessage].filter((part) => part !== undefined).join(': ') || String(condition ?? '');
    const time = text(record(value.requestPayload).failed_first) ?? String(value.timestamp ?? '');
    found.push({ function: each, key, time, error, event: value.requestPayload });
  }
  return found;
}

/** What the last build of a pipeline has left. */
export async function lastBuild(
  objects: Objects,
  bucket: string,
  pipeline: string,
): Promise<{ readonly commit: string; readonly digest: string; readonly time: Date } | undefined> {
  const key = `built/${pipeline}`;
  const [object] = (await objects.list(bucket, key)).filter((each) => each.key === key);
  const { commit, digest } = parsed(object && (await objects.read(bucket, key)));
  return object && { commit: String(commit ?? 'unknown'), digest: String(digest ?? ''), time: object.modified };
}

/** A time to the second, as the tables have it. */
export const toSecond = (time: string) => time.replace(/^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d).*$/, '$1Z');

function parsed(content: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(content ?? '{}');
    return isRecord(value) ? value : {};
  } catch {
    // Somebody else's object: it has nothing to show.
    return {};
  }
}
