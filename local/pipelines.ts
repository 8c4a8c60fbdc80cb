import { randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomically } from '../files/write-file';
import { type DeployedFunction, deploymentOf } from '../pipelines/deployment';
import type { PipelinesConfig } from '../pipelines/model';
import {
  functionEnvironment,
  matchesObject,
  type ObjectEvent,
  objectInput,
  objectPattern,
  watched,
} from '../pipelines/rules';
import type { LocalClock } from './clock';

/** How often Lambda calls a function for an event that it refuses: once, and once more (the deployed configuration). */
const ATTEMPTS = 2;

/** A run that starts runs that start runs, this often: more is a loop. */
const LONGEST_CHAIN = 50;

/** One call of a function. */
export interface Call {
  readonly environment: Readonly<Record<string, string>>;
  readonly event: unknown;
  readonly requestId: string;
  /** Called with each piece of the function's output. */
  readonly heard: (text: string) => void;
}

/** A call that is under way. */
export interface Started {
  /** Resolves when the function has ended. */
  readonly ended: Promise<{ readonly ok: boolean; readonly output: string }>;
  /** Ends the function at once. */
  kill(): void;
}

/** What has become of one event at one function. */
export interface LocalRun {
  readonly function: DeployedFunction;
  readonly ok: boolean;
  /** What the last attempt printed. */
  readonly output: string;
  readonly attempts: number;
  /** The key of the failed event in the bucket of records; undefined after a success. */
  readonly failureKey?: string;
}

export interface EmbeddedPipelinesOptions {
  readonly config: PipelinesConfig;
  readonly branch: string;
  /** Contains a folder for each bucket. */
  readonly folder: string;
  readonly clock: LocalClock;
  readonly start: (call: Call) => Started;
  /** As the deployment has it; default: 900. */
  readonly timeoutSeconds?: number;
  readonly heard?: (run: DeployedFunction, text: string) => void;
  /** Aborted, it ends the run that is under way, keeps its event, and starts no other. */
  readonly interrupted?: AbortSignal;
}

/** Buckets, EventBridge and Lambda of a branch's deployment, on this computer. Buckets are folders. */
export class EmbeddedPipelines {
  readonly functions: readonly DeployedFunction[];
  readonly recordsBucket: string;
  readonly #options: EmbeddedPipelinesOptions;

  constructor(options: EmbeddedPipelinesOptions) {
    this.#options = options;
    const { functions, recordsBucket } = deploymentOf(options.config, options.branch);
    this.functions = functions;
    this.recordsBucket = recordsBucket;
  }

  /** The functions that a rule calls when an object arrives. */
  matching(bucket: string, key: string): DeployedFunction[] {
    const event = this.#objectEvent(bucket, key);
    return this.functions.filter(({ pipeline, site }) => {
      if (pipeline.trigger !== 'S3') return false;
      const { bucket: from, prefix } = watched(this.#options.config, pipeline, site);
      return matchesObject(objectPattern(from, prefix), event);
    });
  }

  /** Puts a file into the input bucket, and runs what it starts, and what that starts. */
  async arrive(file: string, key: string): Promise<LocalRun[]> {
    const { folder, config } = this.#options;
    const target = path.join(folder, config.inputBucketName, key);
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(file, target);
    return this.#settle([{ bucket: config.inputBucketName, key }]);
  }

  /** Runs functions of Cron pipelines as their rules do, and what they start. */
  async fire(functions: readonly DeployedFunction[]): Promise<LocalRun[]> {
    const runs: LocalRun[] = [];
    for (const each of functions) {
      if (this.#options.interrupted?.aborted) break;
      const time = this.#options.clock.now().toISOString();
      const event = { id: randomUUID(), 'detail-type': 'Scheduled Event', source: 'aws.events', time, detail: {} };
      runs.push(...(await this.#follow(() => this.invoke(each, event), LONGEST_CHAIN)));
    }
    return runs;
  }

  /** Calls a function as Lambda does for an event: a second time if it fails, and then it keeps the event. */
  async invoke(target: DeployedFunction, event: unknown): Promise<LocalRun> {
    const requestId = randomUUID();
    let output = '';
    let ok = false;
    let attempts = 0;
    while (attempts < ATTEMPTS && !this.#options.interrupted?.aborted) {
      attempts += 1;
      ({ ok, output } = await this.#attempt(target, event, requestId));
      if (ok) return { function: target, ok, output, attempts };
    }
    if (this.#options.interrupted?.aborted) this.#recordInterruption(target, requestId);
    const failureKey = this.#keep(target, event, requestId, output);
    return { function: target, ok, output, attempts, failureKey };
  }

  async #attempt(target: DeployedFunction, event: unknown, requestId: string) {
    const { clock, start, heard = () => {}, timeoutSeconds = 900, interrupted } = this.#options;
    const call = { environment: this.#environment(target), event, requestId };
    const { ended, kill } = start({ ...call, heard: (text) => interrupted?.aborted || heard(target, text) });
    let cancel = () => {};
    let stop = () => {};
    const killed = new Promise<{ ok: boolean; output: string }>((resolve) => {
      const end = (output: string) => {
        kill();
        resolve({ ok: false, output });
      };
      cancel = clock.after(timeoutSeconds * 1000, () => end(`Task timed out after ${timeoutSeconds}.00 seconds`));
      stop = () => end('interrupted');
    });
    interrupted?.addEventListener('abort', stop);
    try {
      return await Promise.race([killed, ended]);
    } finally {
      cancel();
      interrupted?.removeEventListener('abort', stop);
    }
  }

  #environment({ name, pipeline, site }: DeployedFunction): Record<string, string> {
    const { config, branch, folder } = this.#options;
    const root = path.resolve(folder);
    return {
      ...functionEnvironment({ config, pipeline, site, branch, name, records: this.recordsBucket }),
      AWS_LAMBDA_FUNCTION_NAME: name,
      TSDAT_LOCAL_FOLDER: root,
      // tsdat's own variable: where its storage in folders is (tsdat.io.storage.FileSystem).
      TSDAT_STORAGE_ROOT: path.join(root, config.outputBucketName, 'storage/root'),
    };
  }

  /** Ends the record of a run that was ended before it could. */
  #recordInterruption({ name }: DeployedFunction, requestId: string): void {
    const { clock, folder } = this.#options;
    const runs = path.join(folder, this.recordsBucket, 'runs', name);
    for (const key of contentOf(runs).keys()) {
      if (!key.endsWith('.json')) continue;
      const file = path.join(runs, key);
      const record = JSON.parse(readFileSync(file, 'utf8'));
      if (record.request !== requestId || record.status !== 'running') continue;
      const ended = clock.now().toISOString();
      writeFileAtomically(file, `${JSON.stringify({ ...record, status: 'interrupted', ended }, null, 2)}\n`);
    }
  }

  /** Writes the event as Lambda does (Lambda Developer Guide, "Retaining records of asynchronous invocations"). */
  #keep({ name }: DeployedFunction, requestPayload: unknown, requestId: string, output: string): string {
    const { clock, config, folder } = this.#options;
    const timestamp = clock.now().toISOString();
    const day = timestamp.slice(0, 10);
    const time = timestamp.slice(0, 19).replace(/:/g, '.');
    const key = `aws/lambda/async/${name}/${day.replace(/-/g, '/')}/${time}-${requestId}`;
    const record = {
      version: '1.0',
      timestamp,
      requestContext: {
        requestId,
        functionArn: `arn:aws:lambda:${config.region}:${config.accountId}:function:${name}:$LATEST`,
        condition: 'RetriesExhausted',
        approximateInvokeCount: ATTEMPTS,
      },
      requestPayload,
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
      responsePayload: { errorMessage: output.trim().split('\n').at(-1) ?? '' },
    };
    const file = path.join(folder, this.recordsBucket, key);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`);
    return key;
  }

  /** Runs what objects start, until nothing starts any more. */
  async #settle(objects: readonly { bucket: string; key: string }[], left = LONGEST_CHAIN): Promise<LocalRun[]> {
    const runs: LocalRun[] = [];
    for (const { bucket, key } of objects) {
      const input = objectInput(this.#objectEvent(bucket, key));
      for (const each of this.matching(bucket, key)) {
        if (this.#options.interrupted?.aborted) return runs;
        runs.push(...(await this.#follow(() => this.invoke(each, input), left)));
      }
    }
    return runs;
  }

  /** Runs a function, and what its output starts. */
  async #follow(run: () => Promise<LocalRun>, left: number): Promise<LocalRun[]> {
    const { folder, config } = this.#options;
    const root = path.join(folder, config.outputBucketName);
    const before = contentOf(root);
    const first = await run();
    if (left === 0)
      throw new Error(`${first.function.name} has started itself ${LONGEST_CHAIN} times: see its input_bucket_path.`);
    const written = [...contentOf(root)].filter(([key, time]) => before.get(key) !== time).map(([key]) => key);
    const objects = written.map((key) => ({ bucket: config.outputBucketName, key }));
    return [first, ...(await this.#settle(objects, left - 1))];
  }

  #objectEvent(bucket: string, key: string): ObjectEvent {
    const time = this.#options.clock.now().toISOString();
    return {
      id: randomUUID(),
      time,
      source: 'aws.s3',
      'detail-type': 'Object Created',
      detail: { bucket: { name: bucket }, object: { key } },
    };
  }
}

/** The time of each file below a folder, by its key. */
function contentOf(root: string): Map<string, number> {
  if (!existsSync(root)) return new Map();
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  return new Map(
    files.map(({ parentPath, name }) => {
      const file = path.join(parentPath, name);
      return [path.relative(root, file).split(path.sep).join('/'), statSync(file).mtimeMs];
    }),
  );
}
