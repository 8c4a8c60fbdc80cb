import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type ProcessId, stillRuns, thisProcess } from '../files/processes';
import { isRecord } from '../files/values';
import { writeFileAtomically } from '../files/write-file';

/** How an execution stands. */
export type RecordedStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';

/** An instance of an execution. */
export interface RecordedInstance {
  readonly instance_id: string;
  readonly attempt: number;
  readonly state: string;
}

/** An execution of the embedded cloud, as it is kept between commands: plain JSON. Dates are ISO 8601. */
export interface ExecutionRecord {
  /** The shape of the record. A later shape has a higher number. */
  readonly version: 1;
  readonly name: string;
  readonly status: RecordedStatus;
  readonly started_at: string;
  readonly ended_at?: string;
  /** The execution file. */
  readonly input: unknown;
  /** The state that was entered last. */
  readonly state?: string;
  /** What that state was given. */
  readonly state_input?: unknown;
  readonly output?: unknown;
  readonly error?: string;
  readonly cause?: string;
  readonly instances: readonly RecordedInstance[];
  /** The folder with a folder for each instance, its disk; they are deleted at the end, unless they are to be kept. */
  readonly disks?: string;
  /** What the orchestration would cost on AWS; absent while it runs. */
  readonly orchestration_dollars?: number;
  /** The process in which the execution runs. */
  readonly process: ProcessId;
}

/** The streams of a job's output. */
export const STREAMS = ['stdout', 'stderr'] as const;
export type Stream = (typeof STREAMS)[number];

/** Names that are folders too. Step Functions accepts more characters, CloudWatch Logs accepts these. */
export const RECORD_NAME = /^[A-Za-z0-9_-]{1,80}$/;

/** A process of another host or container that shares the folder is gone when it has shown no sign of life for so long. */
const LAST_SIGN_MS = 30_000;

const RECORD = 'execution.json';
const STOP = 'stop';
const EXIT_CODE = 'exit-code';

/**
 * The executions of the embedded cloud, below `.datastream/executions`: a folder each, with its record, and the whole
 * output of each attempt's job in `attempt-N/stdout.log` and `stderr.log`, and its exit code in `attempt-N/exit-code`.
 */
export class Records {
  readonly #folder: string;

  /** @param folder the folder of the embedded cloud, such as `.datastream` */
  constructor(folder: string) {
    this.#folder = join(folder, 'executions');
  }

  /**
   * Begins a record, whose execution runs in this process.
   *
   * @returns undefined where an execution has the name already
   * @throws an error of the disk
   */
  begin(name: string, input: unknown, startedAt: Date): Recording | undefined {
    mkdirSync(this.#folder, { recursive: true });
    try {
      // A folder is made by one process alone.
      mkdirSync(join(this.#folder, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
      throw error;
    }
    return new Recording(join(this.#folder, name), {
      version: 1,
      name,
      status: 'RUNNING',
      started_at: startedAt.toISOString(),
      input,
      instances: [],
      process: thisProcess(),
    });
  }

  /** The record of an execution, as it stands; undefined where there is none. */
  read(name: string): ExecutionRecord | undefined {
    if (!RECORD_NAME.test(name)) return undefined;
    const file = join(this.#folder, name, RECORD);
    const record = recordIn(file);
    if (record?.status !== 'RUNNING' || isAlive(record, file)) return record;
    // Its process may have written the end after the record was read, and ended then.
    const last = recordIn(file) ?? record;
    return last.status === 'RUNNING' ? lost(last, file) : last;
  }

  /** All records, the youngest first. */
  list(): ExecutionRecord[] {
    const names = existsSync(this.#folder) ? readdirSync(this.#folder) : [];
    return names
      .flatMap((name) => this.read(name) ?? [])
      .sort((a, b) => b.started_at.localeCompare(a.started_at) || b.name.localeCompare(a.name));
  }

  /** Asks the process in which the execution runs to stop it. */
  askToStop(name: string): void {
    writeFileSync(join(this.#folder, name, STOP), '');
  }

  /** The file with a stream of an attempt's job. It grows while the job runs, and may not exist. */
  outputFile(name: string, attempt: number, stream: Stream): string {
    return outputIn(join(this.#folder, name), attempt, stream);
  }

  /** The exit code of an attempt's job, -1 after a signal; undefined while it runs, and where its process was killed. */
  exitCode(name: string, attempt: number): number | undefined {
    const file = join(this.#folder, name, attemptFolder(attempt), EXIT_CODE);
    return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
  }
}

/** The record of an execution that runs in this process. */
export class Recording {
  readonly #outputs: (() => void)[] = [];

  constructor(
    private readonly folder: string,
    private record: ExecutionRecord,
  ) {
    this.update({});
  }

  /** The place for disks of instances that are to be kept: it goes with the record. */
  get kept(): string {
    return join(this.folder, 'instances');
  }

  /** The execution's name. */
  get name(): string {
    return this.record.name;
  }

  /** Changes the record. */
  update(change: Partial<ExecutionRecord>): void {
    this.record = { ...this.record, ...change };
    writeFileAtomically(join(this.folder, RECORD), `${JSON.stringify(this.record, null, 2)}\n`);
  }

  /**
   * From now on keeps the output of an attempt's job.
   *
   * @param logs the folder on the instance's disk in which the script writes `stdout.log` and `stderr.log`
   * @param onGain called with what a stream has gained, as it is kept
   */
  keepOutput(attempt: number, logs: string, onGain: (stream: Stream, bytes: Buffer) => void = () => {}): void {
    mkdirSync(join(this.folder, attemptFolder(attempt)), { recursive: true });
    for (const stream of STREAMS) {
      const file = outputIn(this.folder, attempt, stream);
      this.#outputs.push(
        follower(join(logs, `${stream}.log`), (bytes) => {
          appendFileSync(file, bytes);
          onGain(stream, bytes);
        }),
      );
    }
  }

  /** Keeps the exit code of an attempt's job, whose output is kept. */
  keepExitCode(attempt: number, code: number): void {
    writeFileAtomically(join(this.folder, attemptFolder(attempt), EXIT_CODE), `${code}\n`);
  }

  /** Copies what the jobs have written since the last call, and shows that the process is alive. */
  beat(): void {
    for (const copy of this.#outputs) copy();
    const now = new Date();
    utimesSync(join(this.folder, RECORD), now, now);
  }

  /** Whether another process has asked to stop the execution. */
  get mustStop(): boolean {
    return existsSync(join(this.folder, STOP));
  }
}

const attemptFolder = (attempt: number) => `attempt-${attempt}`;

const outputIn = (folder: string, attempt: number, stream: Stream) =>
  join(folder, attemptFolder(attempt), `${stream}.log`);

/** Reads a growing file: each call what is new. */
function follower(from: string, take: (bytes: Buffer) => void): () => void {
  const chunk = Buffer.alloc(1_048_576);
  let position = 0;
  return () => {
    if (!existsSync(from)) return;
    const file = openSync(from, 'r');
    try {
      for (;;) {
        const bytes = readSync(file, chunk, 0, chunk.length, position);
        if (bytes === 0) return;
        take(chunk.subarray(0, bytes));
        position += bytes;
      }
    } finally {
      closeSync(file);
    }
  };
}

/** @returns undefined where the file is no record: its process ended before it had written one, or a user made it */
function recordIn(file: string): ExecutionRecord | undefined {
  try {
    const found: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isRecord(found) && found.version === 1 ? (found as unknown as ExecutionRecord) : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(record: ExecutionRecord, file: string): boolean {
  return stillRuns(record.process) ?? Date.now() - statSync(file).mtimeMs < LAST_SIGN_MS;
}

/** An execution whose process ended before it. */
function lost(record: ExecutionRecord, file: string): ExecutionRecord {
  return {
    ...record,
    status: 'FAILED',
    ended_at: statSync(file).mtime.toISOString(),
    error: 'ProcessEnded',
    cause: `The process that ran this execution (${record.process.pid}) was killed, or its computer was restarted, before the job ended. Run the job again.`,
    instances: record.instances.map((each) => ({ ...each, state: 'terminated' })),
  };
}
