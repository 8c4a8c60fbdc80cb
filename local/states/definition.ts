/** A state machine in the Amazon States Language, with JSONPath as its query language. */
export interface Definition {
  readonly Comment?: string;
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
  /** Seconds after which the execution ends TIMED_OUT. Default: never. */
  readonly TimeoutSeconds?: number;
  readonly QueryLanguage?: string;
}

/** An entry of `Retry`. Defaults: 1 s, rate 2, 3 attempts, no longest interval, no jitter. */
export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
  readonly MaxAttempts?: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: string;
}

/** An entry of `Catch`. */
export interface Catcher {
  readonly ErrorEquals: readonly string[];
  readonly ResultPath?: string | null;
  readonly Next: string;
}

/** A comparison, or `And`, `Or` or `Not` of comparisons, by the names of the Amazon States Language. */
export type Rule = Readonly<Record<string, unknown>>;

/** What reads the items of a distributed Map, or writes its results. */
export interface MapResource {
  readonly Resource: string;
  readonly Parameters?: unknown;
}

export interface ItemReader extends MapResource {
  readonly ReaderConfig?: {
    readonly InputType?: string;
    readonly CSVHeaderLocation?: string;
    readonly CSVHeaders?: readonly string[];
    readonly MaxItems?: number;
    readonly MaxItemsPath?: string;
  };
}

/** What a Map does with each item. */
export interface ItemProcessor extends Definition {
  readonly ProcessorConfig?: { readonly Mode?: string; readonly ExecutionType?: string };
}

/** A state, with the fields of every type of state. */
export interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly End?: boolean;
  readonly QueryLanguage?: string;
  readonly InputPath?: string | null;
  readonly OutputPath?: string | null;
  readonly ResultPath?: string | null;
  readonly Parameters?: unknown;
  readonly ResultSelector?: unknown;
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly Catcher[];
  // Task
  readonly Resource?: string;
  readonly TimeoutSeconds?: number;
  readonly TimeoutSecondsPath?: string;
  readonly HeartbeatSeconds?: number;
  readonly HeartbeatSecondsPath?: string;
  // Pass
  readonly Result?: unknown;
  // Choice
  readonly Choices?: readonly Rule[];
  readonly Default?: string;
  // Wait
  readonly Seconds?: number;
  readonly SecondsPath?: string;
  readonly Timestamp?: string;
  readonly TimestampPath?: string;
  // Fail
  readonly Error?: string;
  readonly ErrorPath?: string;
  readonly Cause?: string;
  readonly CausePath?: string;
  // Parallel
  readonly Branches?: readonly Definition[];
  // Map
  readonly ItemProcessor?: ItemProcessor;
  /** The older name of ItemProcessor. */
  readonly Iterator?: ItemProcessor;
  readonly ItemsPath?: string;
  readonly ItemSelector?: unknown;
  readonly ItemReader?: ItemReader;
  readonly ResultWriter?: MapResource;
  readonly MaxConcurrency?: number;
  readonly MaxConcurrencyPath?: string;
  readonly ToleratedFailurePercentage?: number;
  readonly ToleratedFailurePercentagePath?: string;
  readonly ToleratedFailureCount?: number;
  readonly ToleratedFailureCountPath?: string;
  readonly Label?: string;
}

const TYPES = ['Task', 'Pass', 'Choice', 'Wait', 'Succeed', 'Fail', 'Parallel', 'Map'];

/** Fields of the language that this interpreter does not carry out. Ignored, they would change what a machine does. */
const NOT_CARRIED_OUT = ['Assign', 'Arguments', 'Output', 'Items', 'ItemBatcher', 'Credentials'];

/** The machines inside a state: the branches of Parallel, or what a Map does with each item. */
export function machinesIn({ Branches = [], ItemProcessor, Iterator: iterator }: State): readonly Definition[] {
  return [...Branches, ...[ItemProcessor ?? iterator ?? []].flat()];
}

/**
 * What keeps the interpreter from running a definition: JSONata, fields and states that it does not know, and states
 * that lead nowhere. It is no whole check of a definition, as ValidateStateMachineDefinition is one.
 *
 * @param knows whether there is an integration for a Task's Resource
 */
export function problemsOf(definition: Definition, knows: (resource: string) => boolean): string[] {
  const { States, StartAt, QueryLanguage } = definition;
  const problems: string[] = [];
  const target = (from: string, name: string | undefined) => {
    if (name !== undefined && !Object.hasOwn(States, name)) {
      problems.push(`${from} is '${name}', and no state has this name: name one of ${Object.keys(States).join(', ')}.`);
    }
  };
  if (QueryLanguage === 'JSONata') problems.push('QueryLanguage is JSONata: write the definition with JSONPath.');
  target('StartAt', StartAt);
  for (const [name, state] of Object.entries(States)) {
    const { Type, Resource = '', Next, End, Default, Catch = [], Choices = [] } = state;
    if (state.QueryLanguage === 'JSONata') problems.push(`${name}: QueryLanguage is JSONata: write it with JSONPath.`);
    if (!TYPES.includes(Type)) problems.push(`${name}: Type is '${Type}': name one of ${TYPES.join(', ')}.`);
    for (const field of NOT_CARRIED_OUT.filter((each) => each in state)) {
      problems.push(`${name}: ${field} is not carried out here: write the state without it.`);
    }
    for (const { Resource: resource } of [state, state.ItemReader ?? {}, state.ResultWriter ?? {}]) {
      if (resource !== undefined && !knows(resource)) {
        problems.push(`${name}: Resource is '${Resource || resource}', and nothing here carries it out.`);
      }
    }
    target(`${name}.Next`, Next);
    target(`${name}.Default`, Default);
    for (const each of [...Catch, ...Choices]) target(`${name}: Next`, each.Next as string | undefined);
    if (Next === undefined && End !== true && !['Choice', 'Succeed', 'Fail'].includes(Type)) {
      problems.push(`${name} has no Next: write one, or End: true.`);
    }
    problems.push(...machinesIn(state).flatMap((machine) => problemsOf(machine, knows)));
  }
  return problems;
}
