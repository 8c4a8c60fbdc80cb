import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FUNCTION_MEMORY_MB } from '../constructs/datastream/functions';
import { LONGEST_EXECUTION_SECONDS } from '../executions/ssm-limits';
import { virtualClock } from '../local/clock';
import { EmbeddedCloud, LIKE_EC2 } from '../local/cloud';
import type { Lifecycle } from '../local/ec2';
import { type ExecutionEnd, startExecution } from '../local/machine';
import { type Cost, costOf } from '../prices/orchestration';
import type { Figure } from './report';

/** Milliseconds of every API call. */
const LATENCY = 80;

export interface Measured {
  readonly end: ExecutionEnd;
  /** The cost of the orchestration, with the relay's calls for the instance's end, but without the reaper's calls. */
  readonly cost: Cost;
  /** The number of AWS API calls of these functions. */
  readonly calls: number;
  /** From the start of the execution to the start of the commands, without boot and registration. */
  readonly secondsToCommand: number;
  readonly secondsFromJobEndToTerminate: number;
  /** The number of HEAD requests for the job's inputs. */
  readonly heads: number;
}

export interface Job {
  /** How long the commands run. */
  readonly seconds: number;
  /** The number of attempts. All attempts except the last exit with 1. Default: 1. */
  readonly attempts?: number;
  /** Whether EventBridge delivers events. Default: it delivers every event, half a second later. */
  readonly events?: boolean;
  /** Default: `LIKE_EC2`. */
  readonly lifecycle?: Lifecycle;
  /** The output of the commands. Default: none. */
  readonly output?: string;
  /** After how many seconds the last of 18 inputs exists, and for how many the file waits. Default: no gate. */
  readonly inputs?: { readonly after: number; readonly wait_s: number };
}

/** After this time the relay has received the events of the instance's end. */
const AFTERMATH_MS = 120_000;

/** Measures a job in virtual time, with EC2's boot times and 80 ms for each API call. */
export async function measure(job: Job): Promise<Measured> {
  const { seconds, attempts = 1, events = true, lifecycle = LIKE_EC2, output = '', inputs } = job;
  const folder = mkdtempSync(join(tmpdir(), 'datastream-bench-'));
  try {
    const clock = virtualClock(new Date('2026-01-01T00:00:00Z'));
    const moments = { started: 0, jobEnded: 0, terminated: 0 };
    let run = 0;
    let calls = 0;
    let heads = 0;
    const cloud = new EmbeddedCloud({
      folder,
      clock,
      region: 'us-east-1',
      lifecycle,
      latency: LATENCY,
      ...(!events && { deliver: () => [] }),
      shell: async ({ signal }) => {
        moments.started ||= clock.now().getTime();
        run++;
        await clock.sleep(seconds * 1000, signal);
        cloud.s3.put('bench', 'done', '');
        moments.jobEnded = clock.now().getTime();
        return { code: run < attempts ? 1 : 0, stdout: output, stderr: output };
      },
      faults: (operation, _call, _input, caller) => {
        if (caller !== undefined && caller !== 'reaper') calls++;
        if (caller === 'starter' && operation === 'HeadObject') heads++;
        if (operation === 'TerminateInstances') moments.terminated = clock.now().getTime();
        return undefined;
      },
    });
    for (let n = 1; n <= 18 && inputs; n++) {
      const put = () => cloud.s3.put('bench', `in/f${String(n).padStart(3, '0')}.nc`, '');
      if (n < 18 || inputs.after === 0) put();
      else clock.after(inputs.after * 1000, put);
    }
    const execution = startExecution(cloud, {
      commands: ['./job'],
      run_options: {
        ii_terminate_instance: true,
        ii_check_s3: { bucket: 'bench', prefix: 'done' },
        timeout_s: Math.min(Math.max(seconds * 2, 3600), LONGEST_EXECUTION_SECONDS),
        n_retries_allowed: attempts - 1,
        ...(inputs && { ii_wait_inputs: { wait_s: inputs.wait_s, uris: ['s3://bench/in/f{001..018}.nc'] } }),
      },
      instance_parameters: { ImageId: 'ami-0123456789abcdef0', InstanceType: 't4g.large' },
    });
    const end = await clock.run(execution.result);
    await clock.run(clock.sleep(AFTERMATH_MS));
    const boot = (lifecycle.running + lifecycle.online) / 1000;
    return {
      end,
      // The reaper is called without a job too, so its calls do not count.
      cost: costOf(
        end.transitions,
        cloud.invocations.filter((each) => each.function !== 'reaper'),
        FUNCTION_MEMORY_MB,
      ),
      calls,
      heads,
      secondsToCommand: (moments.started - end.startedAt.getTime()) / 1000 - boot,
      secondsFromJobEndToTerminate: (moments.terminated - moments.jobEnded) / 1000,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The cost of upstream's orchestration for the same job. Upstream's Lambda functions wait while the job runs. They take
 * about 0.9 GB-s, and 0.125 GB-s for each second of the job. These figures were measured on upstream's code. The price
 * of a GB-s on x86 is $0.0000166667. The state transitions are not included, so the result is a lower bound.
 */
export function upstreamDollars(jobSeconds: number): number {
  return (0.9 + 0.125 * jobSeconds) * 0.0000166667;
}

/** The jobs of the report and of the README, with the seconds that their commands run. */
export const LENGTHS = [
  ['1 minute', 60],
  ['8 minutes', 480],
  ['1 hour', 3600],
  ['24 hours', 86_400],
] as const;

/**
 * As much output as SSM keeps. This character takes six bytes in JSON. The escape sequences of terminal colours begin
 * with it. So no job's output makes a larger state.
 */
const LONG_OUTPUT = '\u001b'.repeat(24_000);
/** A job of this length, with its boot, fits into the longest `timeout_s`. */
const TWO_DAYS_SECONDS = LONGEST_EXECUTION_SECONDS - 120;
/** Boots of 15 s to 90 s. After half of that time EC2 reports `running`. */
const BOOTS = Array.from({ length: 26 }, (_, index) => ({
  running: 7_500 + index * 1_500,
  online: 7_500 + index * 1_500,
  ended: 40_000,
}));

/** All figures of the orchestration. They are counts or virtual times, so they are the same on every computer. */
export async function orchestrationFigures(): Promise<Figure[]> {
  return [...(await costs()), ...(await waits()), ...(await additions()), ...(await histories())];
}

async function costs(): Promise<Figure[]> {
  const section = 'cost of a healthy job’s orchestration, list prices of us-east-1, without the instance';
  const figures: Figure[] = [];
  const dollars: number[] = [];
  for (const [length, seconds] of LENGTHS) {
    const { cost, calls } = await measure({ seconds });
    const { transitions, requests, gbSeconds } = cost;
    dollars.push(cost.dollars);
    const limit = seconds === 480 ? '; at most $0.0004' : '';
    figures.push(
      {
        section,
        name: length,
        value: cost.dollars,
        unit: '$',
        beside: `upstream’s functions alone: $${upstreamDollars(seconds).toFixed(5)}${limit}`,
      },
      { section, name: `${length}: state transitions`, value: transitions, unit: '' },
      { section, name: `${length}: Lambda requests`, value: requests, unit: '' },
      { section, name: `${length}: Lambda, with a cold start for each request`, value: gbSeconds, unit: 'GB-s' },
      { section, name: `${length}: API calls of the functions`, value: calls, unit: '' },
    );
  }
  const [hour = 0, day = 0] = dollars.slice(2);
  return [
    ...figures,
    { section, name: 'each further hour', value: (day - hour) / 23, unit: '$', beside: 'under $0.0002' },
    { section, name: 'the reaper, in 31 days without a job', value: reaperMonth(), unit: '$' },
    {
      section,
      name: 'a call of the relay for an instance that belongs to no job',
      value: costOf(0, [{ milliseconds: 100 }], FUNCTION_MEMORY_MB).dollars,
      unit: '$',
    },
  ];
}

/** The waits of the report: when the last of 18 inputs comes, and the file's `wait_s`, in seconds. */
export const WAITS = [
  ['there at the start', { after: 0, wait_s: 43_200 }],
  ['two hours late', { after: 7_200, wait_s: 43_200 }],
  ['never, a wait of a day', { after: 90_000, wait_s: 86_400 }],
] as const;

/** What a wait for inputs adds to a job of a minute; a job that is never launched has no other cost. */
async function waits(): Promise<Figure[]> {
  const section = 'what a wait for 18 inputs adds, without the requests to S3';
  const { cost: ungated } = await measure({ seconds: 60 });
  const limits = ['', 'at most $0.001', 'at most $0.01'];
  const figures: Figure[] = [];
  for (const [index, [name, inputs]] of WAITS.entries()) {
    const { end, cost, heads } = await measure({ seconds: 60, inputs });
    const without = end.status === 'SUCCEEDED' ? ungated : { dollars: 0, transitions: 0 };
    const beside = limits[index] || undefined;
    figures.push(
      { section, name, value: cost.dollars - without.dollars, unit: '$', ...(beside && { beside }) },
      { section, name: `${name}: state transitions`, value: cost.transitions - without.transitions, unit: '' },
      { section, name: `${name}: requests to S3`, value: heads, unit: '' },
      {
        section,
        name: `${name}: events of the execution`,
        value: end.history.events,
        unit: '',
        beside: 'limit 25,000',
      },
    );
  }
  return figures;
}

function reaperMonth(): number {
  const calls = (31 * 24 * 60) / 10;
  return costOf(
    0,
    Array.from({ length: calls }, () => ({ milliseconds: 200 })),
    FUNCTION_MEMORY_MB,
  ).dollars;
}

async function additions(): Promise<Figure[]> {
  const section = `what the orchestration adds, with ${LATENCY} ms for each API call and 500 ms for an event`;
  const slowest = Math.max(
    ...(await Promise.all(BOOTS.map((lifecycle) => measure({ seconds: 60, lifecycle })))).map(
      ({ secondsToCommand }) => secondsToCommand,
    ),
  );
  const [healthy, deaf, worst] = [
    await measure({ seconds: 480 }),
    await measure({ seconds: 480, events: false }),
    await measure({ seconds: 5, events: false }),
  ];
  return [
    {
      section,
      name: 'start to the commands’ start, beyond boot and registration of 35 s',
      value: healthy.secondsToCommand,
      unit: 's',
    },
    { section, name: 'the same, the longest for boots of 15 s to 90 s', value: slowest, unit: 's' },
    {
      section,
      name: 'end of the commands to TerminateInstances, with events',
      value: healthy.secondsFromJobEndToTerminate,
      unit: 's',
      beside: 'under 2 s',
    },
    {
      section,
      name: 'the same, a job of 8 minutes, every event lost',
      value: deaf.secondsFromJobEndToTerminate,
      unit: 's',
    },
    {
      section,
      name: 'the same, a job that ends just after a check by EC2Poller, every event lost',
      value: worst.secondsFromJobEndToTerminate,
      unit: 's',
      beside: 'reconcile interval: 900 s',
    },
  ];
}

async function histories(): Promise<Figure[]> {
  const section = 'history and state, when the commands write as much as SSM keeps';
  const jobs: readonly (readonly [string, Job])[] = [
    ['24 hours, one attempt', { seconds: 86_400 }],
    ['14 days, seven attempts of 48 hours, the last of which succeeds', { seconds: TWO_DAYS_SECONDS, attempts: 7 }],
    ['22 days, the eleven attempts of 48 hours that a file can ask for', { seconds: TWO_DAYS_SECONDS, attempts: 11 }],
  ];
  const figures: Figure[] = [];
  for (const [name, job] of jobs) {
    const { end } = await measure({ ...job, output: LONG_OUTPUT });
    if (end.status !== 'SUCCEEDED') throw new Error(`${name}: ${end.status} ${end.error}: ${end.cause}`);
    figures.push(
      { section, name: `${name}: events`, value: end.history.events, unit: '', beside: 'limit 25,000' },
      {
        section,
        name: `${name}: largest input or output of a state`,
        value: end.history.largestBytes,
        unit: 'bytes',
        beside: 'limit 262,144',
      },
    );
  }
  return figures;
}
