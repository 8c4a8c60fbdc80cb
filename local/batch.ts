import { randomUUID } from 'node:crypto';
import {
  type BatchClient,
  DescribeJobDefinitionsCommand,
  DescribeJobQueuesCommand,
  DescribeJobsCommand,
  type JobStatus,
  ListJobsCommand,
  SubmitJobCommand,
  type SubmitJobCommandInput,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import type { LocalClock } from './clock';
import type { Emit } from './events';
import { History } from './history';
import { awsError, type Caller, type Service } from './service';

/** A job definition, as far as it decides what runs. */
export interface EmbeddedDefinition {
  readonly command: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly attempts: number;
}

/** Runs a container. */
export type Container = (container: {
  readonly definition: string;
  /** The definition's command with the values of its parameters. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly jobId: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Aborted when the job is terminated or times out. */
  readonly signal: AbortSignal;
  /** Of a child of an array. */
  readonly arrayIndex?: number;
}) => Promise<{
  readonly code: number;
  readonly reason?: string;
  /** EC2 took the host. */
  readonly hostLost?: boolean;
}>;

/** An attempt that has ended (AWS Batch API, AttemptDetail). */
interface Attempt {
  readonly startedAt: number;
  readonly stoppedAt: number;
  readonly statusReason?: string;
  readonly exitCode?: number;
}

interface Shown {
  readonly jobId: string;
  readonly jobName: string;
  readonly jobQueue: string;
  readonly jobDefinition: string;
  readonly createdAt: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
  status: JobStatus;
  statusReason?: string;
  startedAt?: number;
  stoppedAt?: number;
  attempts: number;
  /** The attempts that have ended. */
  ended: readonly Attempt[];
  exitCode?: number;
  readonly arrayIndex?: number;
  readonly arraySize?: number;
  /** How many children are in each state. */
  statusSummary?: Readonly<Record<string, number>>;
}

interface EmbeddedJob extends Shown {
  readonly abort: AbortController;
  readonly history: History<Shown>;
  readonly children: EmbeddedJob[];
  /** Called when it has ended. */
  readonly waiting: (() => void)[];
}

/** How long a job waits for an instance, in milliseconds: AWS Batch scales up within some minutes. */
export const LIKE_BATCH = 120_000;

/** The reason that retry strategies look for (AWS Batch User Guide, Automated job retries). */
const HOST_LOST = 'Host EC2 (instance i-00000000000000000) terminated.';

/** Array jobs have 2 to 10,000 children (User Guide, array jobs). */
const LARGEST_ARRAY = 10_000;

/** AWS Batch: queues of jobs, retries, time-outs and arrays. The given container stands for ECS. */
export class EmbeddedBatch {
  readonly jobs = new Map<string, EmbeddedJob>();
  readonly #definitions = new Map<string, EmbeddedDefinition>();
  readonly #queues = new Map<string, { readonly priority: number; readonly state: 'ENABLED' | 'DISABLED' }>();

  constructor(
    private readonly clock: LocalClock,
    private readonly emit: Emit,
    private readonly service: Service,
    private readonly container: Container,
    private readonly startMs = LIKE_BATCH,
  ) {
    service
      .on(DescribeJobDefinitionsCommand, ({ jobDefinitionName }) => ({
        jobDefinitions: [...this.#definitions]
          .filter(([name]) => jobDefinitionName === undefined || name === jobDefinitionName)
          .map(([name, { parameters, command }]) => ({
            ...{ jobDefinitionName: name, jobDefinitionArn: `arn:aws:batch:::job-definition/${name}:1`, revision: 1 },
            ...{ status: 'ACTIVE', type: 'container', parameters, containerProperties: { command: [...command] } },
          })),
      }))
      .on(DescribeJobQueuesCommand, ({ jobQueues = [] }) => ({
        jobQueues: jobQueues.flatMap((name) => {
          const queue = this.#queues.get(name);
          if (!queue) return [];
          return [{ jobQueueName: name, jobQueueArn: name, ...queue, status: 'VALID', computeEnvironmentOrder: [] }];
        }),
      }))
      .on(SubmitJobCommand, (input) => this.#submit(input))
      .on(DescribeJobsCommand, ({ jobs = [] }, lag) => ({
        jobs: jobs.flatMap((id) => {
          const job = this.jobs.get(id)?.history.read(lag);
          return job ? [detailOf(job)] : [];
        }),
      }))
      .on(ListJobsCommand, ({ jobStatus, filters = [], arrayJobId }, lag) => {
        const [filter] = filters;
        const all = [...this.jobs.values()].flatMap(({ history }) => history.read(lag) ?? []);
        const matches = (job: Shown) => {
          if (arrayJobId !== undefined) {
            return job.jobId.startsWith(`${arrayJobId}:`) && job.status === (jobStatus ?? 'RUNNING');
          }
          if (job.jobId.includes(':')) return false;
          if (!filter) return job.status === (jobStatus ?? 'RUNNING');
          const [name = ''] = filter.values ?? [];
          return name.endsWith('*') ? job.jobName.startsWith(name.slice(0, -1)) : job.jobName === name;
        };
        return {
          jobSummaryList: all.filter(matches).map(({ jobId, jobName, status }) => ({ jobId, jobName, status })),
        };
      })
      .on(TerminateJobCommand, ({ jobId = '', reason }) => {
        const job = this.jobs.get(jobId);
        for (const each of job ? [...job.children, job] : []) {
          each.abort.abort();
          this.#end(each, 'FAILED', reason);
        }
        return {};
      });
  }

  /** @param caller the function that uses the client; default: none */
  client(caller?: Caller): Pick<BatchClient, 'send'> {
    return this.service.client(caller) as Pick<BatchClient, 'send'>;
  }

  define(name: string, definition: EmbeddedDefinition): void {
    this.#definitions.set(name, definition);
  }

  /** Jobs need no queue that is known here; what lists queues lists those. */
  queue(name: string, priority: number, state: 'ENABLED' | 'DISABLED' = 'ENABLED'): void {
    this.#queues.set(name, { priority, state });
  }

  /** Resolves when a job has ended, with what DescribeJobs tells of it. */
  async untilEnded(jobId: string): Promise<ReturnType<typeof detailOf> | undefined> {
    const job = this.jobs.get(jobId);
    if (job && !job.stoppedAt) await new Promise<void>((resolve) => job.waiting.push(resolve));
    return job && detailOf(job);
  }

  /** The jobs that have not ended. */
  get live(): readonly Shown[] {
    return [...this.jobs.values()].filter(({ status }) => status !== 'SUCCEEDED' && status !== 'FAILED');
  }

  #submit(input: SubmitJobCommandInput) {
    const { jobName = '', jobQueue = '', jobDefinition = '', parameters = {}, tags = {}, arrayProperties } = input;
    // A name without a revision is the newest, and here there is one.
    const definition = this.#definitions.get(jobDefinition.replace(/:1$/, ''));
    if (!definition) throw awsError('ClientException', `JobDefinition not found: ${jobDefinition}`);
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(jobName))
      throw awsError('ClientException', `Invalid job name: ${jobName}`);
    const size = arrayProperties?.size;
    if (size !== undefined && (size < 2 || size > LARGEST_ARRAY)) {
      throw awsError('ClientException', `Array size must be from 2 to ${LARGEST_ARRAY}.`);
    }
    const environment = Object.fromEntries(
      (input.containerOverrides?.environment ?? []).map(({ name = '', value = '' }) => [name, value]),
    );
    const make = (jobId: string, rest: Partial<Shown> = {}): EmbeddedJob => {
      const job: EmbeddedJob = {
        jobId,
        jobName,
        jobQueue,
        jobDefinition,
        createdAt: this.clock.now().getTime(),
        tags,
        parameters: { ...definition.parameters, ...parameters },
        status: 'SUBMITTED',
        attempts: 0,
        ended: [],
        ...rest,
        abort: new AbortController(),
        children: [],
        waiting: [],
        history: new History(this.clock, () => {
          if (job.children.length > 0) job.statusSummary = tally(job.children);
          const { abort: _abort, history: _history, children: _children, waiting: _waiting, ...shown } = job;
          return shown;
        }),
      };
      this.jobs.set(jobId, job);
      job.history.record();
      return job;
    };
    const job = make(randomUUID(), size === undefined ? {} : { arraySize: size });
    if (size === undefined) this.clock.after(this.startMs, () => void this.#run(job, definition, environment));
    else {
      job.children.push(
        ...Array.from({ length: size }, (_, index) => make(`${job.jobId}:${index}`, { arrayIndex: index })),
      );
      this.clock.after(this.startMs, () => void this.#runArray(job, definition, environment));
    }
    return { jobId: job.jobId, jobName, jobArn: `arn:aws:batch:us-east-1:000000000000:job/${job.jobId}` };
  }

  async #runArray(
    job: EmbeddedJob,
    definition: EmbeddedDefinition,
    environment: Record<string, string>,
  ): Promise<void> {
    // It may have been terminated while it waited.
    if (job.stoppedAt) return;
    this.#change(job, 'PENDING');
    await Promise.all(
      job.children.map((child) =>
        this.#run(child, definition, {
          ...environment,
          AWS_BATCH_JOB_ARRAY_INDEX: String(child.arrayIndex),
          AWS_BATCH_JOB_ARRAY_SIZE: String(job.children.length),
        }),
      ),
    );
    const failed = job.children.some(({ status }) => status === 'FAILED');
    this.#end(job, failed ? 'FAILED' : 'SUCCEEDED', failed ? 'Array Child Job failed' : undefined);
  }

  async #run(job: EmbeddedJob, definition: EmbeddedDefinition, environment: Record<string, string>): Promise<void> {
    while (!job.stoppedAt) {
      job.attempts++;
      job.startedAt = this.clock.now().getTime();
      this.#change(job, 'RUNNING');
      let late = false;
      const attempt = new AbortController();
      const stop = () => attempt.abort();
      job.abort.signal.addEventListener('abort', stop);
      const overtime = this.clock.after(definition.timeoutSeconds * 1000, () => {
        late = true;
        attempt.abort();
      });
      const { code, reason, hostLost } = await this.container({
        definition: job.jobDefinition,
        command: definition.command.map((word) => {
          const ref = /^Ref::(.+)$/.exec(word)?.[1];
          return ref === undefined ? word : (job.parameters[ref] ?? word);
        }),
        environment: {
          ...definition.environment,
          ...environment,
          AWS_BATCH_JOB_ID: job.jobId,
          AWS_BATCH_JOB_ATTEMPT: String(job.attempts),
        },
        jobId: job.jobId,
        attempt: job.attempts,
        signal: attempt.signal,
        ...(job.arrayIndex !== undefined && { arrayIndex: job.arrayIndex }),
      });
      overtime();
      job.abort.signal.removeEventListener('abort', stop);
      const ended = { startedAt: job.startedAt, stoppedAt: this.clock.now().getTime() };
      job.ended = [...job.ended, { ...ended, ...(hostLost ? { statusReason: HOST_LOST } : { exitCode: code }) }];
      if (job.stoppedAt) return;
      if (hostLost && job.attempts < definition.attempts) {
        this.#change(job, 'RUNNABLE');
        await this.clock.sleep(this.startMs, job.abort.signal);
        continue;
      }
      if (!hostLost) job.exitCode = code;
      if (late) this.#end(job, 'FAILED', 'Job attempt duration exceeded timeout');
      else if (hostLost) this.#end(job, 'FAILED', HOST_LOST);
      else
        this.#end(
          job,
          code === 0 ? 'SUCCEEDED' : 'FAILED',
          reason ?? (code === 0 ? undefined : 'Essential container in task exited'),
        );
    }
  }

  #end(job: EmbeddedJob, status: JobStatus, reason?: string): void {
    if (job.stoppedAt) return;
    job.stoppedAt = this.clock.now().getTime();
    if (reason !== undefined) job.statusReason = reason;
    this.#change(job, status);
    for (const tell of job.waiting.splice(0)) tell();
  }

  #change(job: EmbeddedJob, status: JobStatus): void {
    job.status = status;
    job.history.record();
    this.emit('aws.batch', 'Batch Job State Change', { ...detailOf(job), jobQueue: job.jobQueue });
  }
}

function detailOf({ exitCode, ended, arrayIndex, arraySize, statusSummary, ...job }: Shown) {
  const {
    jobId,
    jobName,
    jobQueue,
    jobDefinition,
    createdAt,
    tags,
    parameters,
    status,
    statusReason,
    startedAt,
    stoppedAt,
  } = job;
  return {
    ...{ jobId, jobName, jobQueue, jobDefinition, createdAt, tags: { ...tags }, parameters: { ...parameters } },
    ...{ status, statusReason, startedAt, stoppedAt },
    container: { exitCode, reason: undefined, logStreamName: logStreamOf(job, ended.length || 1) },
    attempts: ended.map(({ exitCode: code, ...attempt }, index) => ({
      ...attempt,
      container: { exitCode: code, logStreamName: logStreamOf(job, index + 1) },
    })),
    ...((arrayIndex !== undefined || arraySize !== undefined) && {
      arrayProperties: {
        index: arrayIndex,
        size: arraySize,
        ...(statusSummary && { statusSummary: { ...statusSummary } }),
      },
    }),
  };
}

/** How many children are in each state, as DescribeJobs has it. */
function tally(children: readonly Shown[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of children) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** `definition/default/task`: AWS Batch makes one for each attempt. */
const logStreamOf = ({ jobDefinition, jobId }: Pick<Shown, 'jobDefinition' | 'jobId'>, attempt: number) =>
  `${jobDefinition}/default/${jobId.replace(':', '-')}-${attempt}`;
