import { FUNCTIONS } from '../../constructs/datastream/functions';
import { UNREADABLE_EVENT } from '../../lambdas/runtime/errors';
import { CODE, type Code, type EmbeddedCloud } from '../../local/cloud';
import type { CloudEvent } from '../../local/events';
import type { RunningExecution } from '../../local/machine';
import type { ApiFault, Faults, HttpAnswer } from '../../local/service';
import { FIRST_CODE, FIRST_DEFINITION } from '../support/first-deployment';
import { type Broken, brokenInvariants, type Evidence } from '../support/invariants';
import { begin, type Live } from '../support/scenario';
import { SCENARIOS } from './scenarios';

/** What can go wrong with a call. */
export const FAULTS = [
  'throttled',
  'refused',
  'error before',
  'error after',
  'bad gateway',
  'empty 503',
  'no ID',
  'killed',
  'slow',
  'late',
  'stale',
] as const;
export type Fault = (typeof FAULTS)[number];

/** When the user stops the execution: as the call arrives, or between its effect and its reply. */
export const STOPS = ['stop before', 'stop after'] as const;
/** What can become of an event: `late` by a minute, `very late` by twenty, `overtaken` by the one after it. */
export const DISORDERS = ['lost', 'doubled', 'late', 'very late', 'overtaken'] as const;
/**
 * What can come between, as a function is called or an event is sent: `deployed` is the next deployment, whose functions
 * can read nothing of this one's state; `upgraded` is this one, in an execution that began under the first.
 */
export const DEPLOYMENTS = ['upgraded', 'deployed'] as const;
export type Effect = Fault | (typeof STOPS)[number] | (typeof DISORDERS)[number] | (typeof DEPLOYMENTS)[number];

/** One thing that goes wrong: what, and with which call or event, e.g. `starter.RunInstances#1 killed`. */
export interface Disturbance {
  /** `caller.Operation#n`, `machine.Invoke(function)#n` or `event#n`, each counted from 1; `event#*` is all events. */
  readonly at: string;
  readonly effect: Effect;
}

/** A scenario and what goes wrong in it: all there is to repeat a run. */
export interface Run {
  readonly scenario: string;
  readonly disturbances: readonly Disturbance[];
}

/** A call or an event, as a run has met it. */
export interface Point {
  readonly at: string;
  /** Without its number, for the table. */
  readonly row: string;
  readonly operation: string;
  /** The execution had not ended yet. */
  readonly running: boolean;
}

export interface Outcome {
  /** The calls and events, in their order, and what went wrong with each. */
  readonly met: readonly (Point & { readonly effects: readonly Effect[] })[];
  readonly end: Pick<Evidence['end'], 'status' | 'error'>;
  readonly broken: readonly Broken[];
  /** Whether the outcome was held against the undisturbed one. */
  readonly outcomeHeld: boolean;
}

export function nameOf({ scenario, disturbances }: Run): string {
  return [scenario, ...disturbances.map(({ at, effect }) => `${at} ${effect}`)].join(', ');
}

/** @throws Error when it is not the name of a run */
export function parseRun(name: string): Run {
  const [scenario = '', ...rest] = name.split(', ');
  if (!Object.hasOwn(SCENARIOS, scenario)) {
    throw new Error(
      `There is no scenario '${scenario}'. Write SCENARIO, CALL#N EFFECT, with one of: ${Object.keys(SCENARIOS).join('; ')}.`,
    );
  }
  const disturbances = rest.map((each) => {
    const [, at = '', row = '', effect = ''] = POINT.exec(each) ?? [];
    const operation = /\.(\w+)/.exec(row)?.[1] ?? '';
    const effects: readonly string[] = [
      ...effectsOf({ at, operation }),
      ...(upgradable({ at, operation }) ? ['upgraded'] : []),
    ];
    if (!row || !effects.includes(effect)) {
      throw new Error(`'${each}' is no disturbance: write CALL#N, or event#N, and one of: ${effects.join('; ')}.`);
    }
    return { at, effect: effect as Effect };
  });
  // An event has one fate.
  const events = disturbances.filter(({ at }) => at.startsWith('event#')).map(({ at }) => at);
  if (events.length > 1 && (events.includes('event#*') || new Set(events).size < events.length)) {
    throw new Error(`'${name}' does two things to one event: keep one of them.`);
  }
  return { scenario, disturbances };
}

const CALLERS = ['machine', ...FUNCTIONS].join('|');
const POINT = new RegExp(`^(((?:${CALLERS})\\.\\S+|event(?=#))#(?:[1-9]\\d*|(?<=^event#)\\*)) (.+)$`);

const SSM = /^(SendCommand|ListCommands|GetCommandInvocation|CancelCommand|DescribeInstanceInformation)$/;
const SFN = /^(DescribeExecution|ListExecutions|SendTask)/;
const S3 = /Object$/;
const READ = /^(Describe|List|Get|Head)/;
/** What sees instances, commands or executions as they were. S3 is consistent, and a launch looks at nothing. */
const LAGS = /^(DescribeInst|DescribeVol|DescribeExec|List|GetCommand|SendCommand|CreateTags|TerminateInst|StopInst)/;

/** Seconds: DescribeInstances has been seen to lag by some; half a minute is beyond every Retry's first interval. */
const LAG_SECONDS = 30;
/** Beyond every function's time-out, and every state's. */
const BEYOND_MS = 1_000_000;

/** Error and HTTP status of each service: throttled, refused. HeadObject has no body, so no name. */
const ERRORS: readonly [RegExp, readonly [string, number][]][] = [
  [
    SSM,
    [
      ['ThrottlingException', 400],
      ['AccessDeniedException', 400],
    ],
  ],
  [
    SFN,
    [
      ['ThrottlingException', 400],
      ['AccessDeniedException', 400],
    ],
  ],
  [
    /^HeadObject$/,
    [
      ['UnknownError', 503],
      ['403', 403],
    ],
  ],
  [
    S3,
    [
      ['SlowDown', 503],
      ['AccessDenied', 403],
    ],
  ],
  // Step Functions' names (bp-lambda-serviceexception): it tells a refusal as any other error of Lambda.
  [
    /^Invoke$/,
    [
      ['Lambda.TooManyRequestsException', 429],
      ['Lambda.AWSLambdaException', 403],
    ],
  ],
  [
    /./,
    [
      ['RequestLimitExceeded', 503],
      ['UnauthorizedOperation', 403],
    ],
  ],
];

/** What the service answers for a fault of its own, over the wire; S3 without a body to a HEAD. */
function internalError(operation: string): HttpAnswer {
  const error = '<Error><Code>InternalServerException</Code><Message>We erred.</Message></Error>';
  if (SSM.test(operation) || SFN.test(operation)) {
    const headers = { 'content-type': 'application/x-amz-json-1.1' };
    return { status: 500, headers, body: '{"__type":"InternalServerException","message":"We erred."}' };
  }
  if (operation === 'HeadObject') return { status: 500 };
  return { status: 500, body: S3.test(operation) ? error : `<Response><Errors>${error}</Errors></Response>` };
}

/** What a load balancer answers when it has lost the service behind it. */
const BAD_GATEWAY: HttpAnswer = {
  status: 502,
  headers: { 'content-type': 'text/html' },
  body: '<html>\n<head><title>502 Bad Gateway</title></head>\n<body><center>nginx</center></body>\n</html>\n',
};

/** Replies that lack the ID of what the call has made. */
const WITHOUT_ID: Readonly<Record<string, HttpAnswer>> = {
  RunInstances: {
    status: 200,
    body: '<RunInstancesResponse><instancesSet><item><imageId>ami-1</imageId></item></instancesSet></RunInstancesResponse>',
  },
  SendCommand: { status: 200, body: '{"Command":{"Status":"Pending"}}' },
};

/** The faults that are different for this operation. */
function faultsOf(operation: string): Fault[] {
  // Step Functions tells what Lambda answers it by names of its own.
  if (operation === 'Invoke') return FAULTS.filter((fault) => !/^(stale|bad gateway|empty 503|no ID)$/.test(fault));
  return FAULTS.filter((fault) => {
    if (fault === 'stale') return LAGS.test(operation);
    if (fault === 'no ID') return operation in WITHOUT_ID;
    // What changes nothing has no effect to come before or after the reply.
    return !(READ.test(operation) && (fault === 'error after' || fault === 'late'));
  });
}

/** What can become of a call or an event, or come with it. */
export function effectsOf({ at, operation }: Pick<Point, 'at' | 'operation'>): readonly Effect[] {
  return [
    ...(at.startsWith('event#') ? DISORDERS : [...faultsOf(operation), ...STOPS]),
    ...(upgradable({ at, operation }) ? (['deployed'] as const) : []),
  ];
}

/** Whether a deployment can come with it. In between nothing reads what another deployment has left. */
export function upgradable({ at, operation }: Pick<Point, 'at' | 'operation'>): boolean {
  return operation === 'Invoke' || (at.startsWith('event#') && at !== 'event#*');
}

export const isStop = (effect: Effect) => (STOPS as readonly Effect[]).includes(effect);

const FIRST_DEPLOYMENT = { code: FIRST_CODE, machine: FIRST_DEFINITION };

const unreadable = () => async () => {
  throw Object.assign(new Error("The state is another deployment's."), { name: UNREADABLE_EVENT });
};

/** The deployment after this one, for an execution that began under this one. Relay and reaper read what any has left. */
const NEXT_CODE: Code = {
  ...CODE,
  createStarter: unreadable,
  createCommander: unreadable,
  createPoller: unreadable,
  createChecker: unreadable,
  createStopper: unreadable,
};

function apiFault(operation: string, fault: Fault): ApiFault {
  const [, names = []] = ERRORS.find(([pattern]) => pattern.test(operation)) ?? [];
  const failure = (index: number) => ({ error: names[index]?.[0], status: names[index]?.[1] });
  const invoke = operation === 'Invoke';
  switch (fault) {
    case 'throttled':
      return failure(0);
    case 'refused':
      return failure(1);
    case 'error before':
      return invoke ? { error: 'Lambda.ServiceException', status: 500 } : { http: internalError(operation) };
    case 'error after':
      return invoke
        ? { error: 'Lambda.ClientExecutionTimeoutException', after: true }
        : { http: internalError(operation), after: true };
    case 'bad gateway':
      return { http: BAD_GATEWAY, after: !READ.test(operation) };
    case 'empty 503':
      return { http: { status: 503 } };
    case 'no ID':
      return { http: WITHOUT_ID[operation], after: true };
    case 'killed':
      return invoke ? { error: 'Runtime.ExitError', after: true } : { kills: true };
    case 'slow':
      return { replyDelay: BEYOND_MS };
    case 'late':
      // After the function's end and the state's first retry.
      return { delay: invoke ? 150_000 : 140_000 };
    case 'stale':
      return { lag: LAG_SECONDS * 1000 };
  }
}

/**
 * Whether a disturbance must leave the outcome as it is: all but a stop, and a refusal of what there is no job without.
 * The first deployment's executions, which keep its definition, do not send the commands again after a refusal.
 */
function harmless({ at, effect }: Disturbance, _index: number, all: readonly Disturbance[]): boolean {
  if (isStop(effect)) return false;
  const upgraded = all.some((each) => each.effect === 'upgraded');
  return (
    effect !== 'refused' || !(upgraded ? /^(starter\.|commander\.Send|checker\.)/ : /^(starter\.|checker\.)/).test(at)
  );
}

/** A run that is under way, and the calls and events that it has met so far. */
export class Disturbed {
  readonly met: (Point & { effects: readonly Effect[] })[] = [];
  readonly disturbances: Disturbance[] = [];
  live!: Live;
  #started = false;
  #cloud?: EmbeddedCloud;
  #execution?: RunningExecution;
  #ended = false;
  #refused = false;
  readonly #counts = new Map<string, number>();
  readonly #overtaken: CloudEvent[] = [];
  readonly #again = new WeakSet<object>();

  readonly #undisturbed: Outcome['end'];

  /**
   * @param decide what goes wrong with a call or an event, as it comes
   * @param error with which it fails when nothing goes wrong; default: it succeeds
   */
  private constructor(
    private readonly decide: (point: Point) => readonly Effect[],
    error?: string,
  ) {
    this.#undisturbed = error ? { status: 'FAILED', error } : { status: 'SUCCEEDED', error };
  }

  /** @param first whether it begins under the first deployment; default: under this one */
  static async begin(scenario: string, decide: (point: Point) => readonly Effect[], first = false): Promise<Disturbed> {
    const base = SCENARIOS[scenario];
    if (!base) throw new Error(`There is no scenario '${scenario}'.`);
    const run = new Disturbed(decide, base.error);
    run.live = await begin({
      ...base,
      ...(first && { deployment: FIRST_DEPLOYMENT }),
      onStart: (cloud) => {
        run.#cloud = cloud;
        run.#started = true;
      },
      faults: (...call) => {
        if (!run.#started) return undefined;
        const [usual, injected] = [base.faults?.(...call), run.#fault(...call)];
        if (!usual || !injected) return usual ?? injected;
        // What AWS refuses takes no effect, whatever becomes of its answer.
        return { ...usual, ...injected, after: false };
      },
      deliver: (event) => run.#deliver(event, base.deliver?.(event) ?? [500]),
    });
    run.#execution = run.live.execution;
    void run.live.execution.result.then(() => {
      run.#ended = true;
    });
    return run;
  }

  /** Lets it end and judges it. */
  async finish(): Promise<Outcome> {
    const evidence = await this.live.finish();
    const { status, error } = evidence.end;
    const outcomeHeld = this.disturbances.every(harmless);
    const broken = brokenInvariants({
      ...evidence,
      refused: this.#refused,
      ...(outcomeHeld && { undisturbed: this.#undisturbed }),
    });
    return { met: this.met, end: { status, error }, broken, outcomeHeld };
  }

  #point(row: string, operation: string): Point {
    const nth = (this.#counts.get(row) ?? 0) + 1;
    this.#counts.set(row, nth);
    return { at: `${row}#${nth}`, row, operation, running: !this.#ended };
  }

  #effects(point: Point): readonly Effect[] {
    const effects = this.decide(point);
    this.met.push({ ...point, effects });
    this.disturbances.push(...effects.map((effect) => ({ at: point.at, effect })));
    return effects;
  }

  #fault(operation: string, _call: number, input: unknown, caller?: string): ReturnType<Faults> {
    const row =
      caller === undefined
        ? `machine.${operation}(${(input as { FunctionName: string }).FunctionName})`
        : `${caller}.${operation}`;
    const point = this.#point(row, operation);
    let fault: ApiFault | undefined;
    for (const effect of this.#effects(point)) {
      if (this.#deploy(effect)) continue;
      if (effect === 'stop before') this.#stop(0);
      else if (effect === 'stop after') {
        this.#stop(1);
        fault = { replyDelay: 2, ...fault };
      } else fault = { ...fault, ...apiFault(operation, effect as Fault) };
      if (row === 'checker.HeadObject' && effect === 'refused') this.#refused = true;
    }
    return fault;
  }

  /** @returns whether it is a deployment, which leaves the call or event itself as it is */
  #deploy(effect: Effect | undefined): boolean {
    if (effect === 'upgraded') this.#cloud?.deploy(CODE);
    else if (effect === 'deployed') this.#cloud?.deploy(NEXT_CODE);
    else return false;
    return true;
  }

  /** The machine's first call comes before the execution is known here. */
  #stop(milliseconds: number): void {
    if (milliseconds === 0 && this.#execution) this.#execution.stop();
    else if (this.live) this.live.cloud.clock.after(milliseconds, () => this.live.execution.stop());
    else setImmediate(() => this.live.execution.stop());
  }

  #deliver(event: CloudEvent, usual: readonly number[]): readonly number[] {
    if (this.#again.delete(event.detail)) return usual;
    const point = { ...this.#point('event', ''), row: `event ${kindOf(event)}` };
    const [effect] = this.#effects(point).filter((each) => !this.#deploy(each));
    const earlier = this.#overtaken.splice(0);
    // Half a second after the event that has overtaken it.
    for (const each of earlier) this.#emitAgain(each, 500);
    switch (effect) {
      case undefined:
        return usual;
      case 'lost':
        return [];
      case 'doubled':
        return [...usual, ...usual.map((delay) => delay + 1500)];
      case 'late':
        return [60_000];
      case 'very late':
        return [1_200_000];
      default:
        this.#overtaken.push(event);
        return [];
    }
  }

  #emitAgain({ source, 'detail-type': type, detail }: CloudEvent, milliseconds: number): void {
    const { cloud } = this.live;
    const copy = { ...detail };
    cloud.clock.after(milliseconds, () => {
      this.#again.add(copy);
      cloud.emit(source, type, copy);
    });
  }
}

function kindOf({ 'detail-type': type, detail }: CloudEvent): string {
  if (type.includes('Spot')) return 'spot warning';
  const state = String(detail.state ?? detail.status);
  return `${type.includes('Command') ? 'command' : type.includes('Execution') ? 'execution' : 'instance'} ${state}`;
}

const undisturbedOutcomes = new Map<string, Promise<Outcome>>();

/** The scenario as it is when nothing goes wrong; played once. @param first under the first deployment alone */
export function undisturbed(scenario: string, first = false): Promise<Outcome> {
  const key = `${scenario}, ${first}`;
  const known = undisturbedOutcomes.get(key) ?? Disturbed.begin(scenario, () => [], first).then((run) => run.finish());
  undisturbedOutcomes.set(key, known);
  return known;
}

/** Plays one run to its end and one reaper period beyond. */
export async function perform({ scenario, disturbances }: Run): Promise<Outcome> {
  const run = await Disturbed.begin(
    scenario,
    ({ at }) =>
      disturbances
        .filter((each) => each.at === at || (each.at === 'event#*' && at.startsWith('event#')))
        .map(({ effect }) => effect),
    disturbances.some(({ effect }) => effect === 'upgraded'),
  );
  return run.finish();
}
