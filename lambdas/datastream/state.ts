import * as z from 'zod';
import { Execution, RetryBackoff } from '../../executions/model';
import { readRetryBackoff } from '../../executions/retry-backoff';
import { ErrorName } from './errors';

/** An error as Step Functions catches it. */
export const CaughtError = z.object({ Error: z.string(), Cause: z.string().default('') });

/** What a schema makes of a text that holds it as JSON. */
const json = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue('This is no JSON.');
        return z.NEVER;
      }
    })
    .pipe(schema);

/**
 * The Cause of an error that a function has thrown: Lambda hands on its name, its message and a trace, and nothing else.
 * A failed task has the number of its command too.
 */
export const CauseOfFunction = json(z.object({ errorMessage: z.string(), command: z.number().int().optional() }));

/** How an earlier attempt of the same execution ended. */
const EarlierError = z.object({ attempt: z.number().int(), Error: z.string(), Cause: z.string() });
export type EarlierError = z.infer<typeof EarlierError>;

/** The state of one attempt, as the machine carries it from EC2StarterFromAMI to EC2Stopper. */
export const AttemptState = z.looseObject({
  /** 1 for the first. */
  attempt: z.number().int(),
  /** How many attempts the execution may have in all. */
  attempts: z.number().int(),
  market: z.enum(['spot', 'on-demand']),
  /** When this attempt launched its instance; an object to check must be newer. */
  started_at: z.iso.datetime(),
  /** When the job is cancelled: `started_at` + `timeout_s`. */
  deadline: z.iso.datetime(),
  instance_id: z.string(),
  errors: z.array(EarlierError),
  job: Execution.loose(),
});
export type AttemptState = z.infer<typeof AttemptState>;

/** An attempt whose commands have been sent. */
export const CommandedState = AttemptState.extend({ command_id: z.string(), reconcile_seconds: z.number().int() });
export type CommandedState = z.infer<typeof CommandedState>;

/** What NextAttempt hands to EC2StarterFromAMI; a first attempt gets the execution file itself. */
export const NextAttempt = z.strictObject({
  attempt: z.number().int().min(2),
  errors: z.array(EarlierError),
  input: z.looseObject({}),
});

/**
 * A launch that EC2 has refused for want of capacity, as EC2StarterFromAMI tells the launch after it. It is the whole
 * message of LaunchRefused and NoCapacity, which no user gets as an outcome: an error has no other field that comes through.
 */
export const RefusedLaunch = z.object({
  /** 1 for the attempt's first. */
  launch: z.number().int().min(1),
  /** How many launches the attempt may have. */
  of: z.number().int(),
  instance_type: z.string(),
  market: z.string(),
  subnet_id: z.string().optional(),
  /** EC2's own error. */
  error: z.string(),
  message: z.string(),
});
export type RefusedLaunch = z.infer<typeof RefusedLaunch>;

/** What EC2StarterFromAMI is given again after such a launch: the same, and that error. */
export const Refused = z.looseObject({
  refused: z.object({ Error: z.enum([ErrorName.LaunchRefused, ErrorName.NoCapacity]), Cause: z.string() }),
});
export const CauseOfRefusal = CauseOfFunction.transform(({ errorMessage }) => errorMessage).pipe(json(RefusedLaunch));

const RetriesOfFile = z
  .object({ run_options: z.object({ n_retries_allowed: z.coerce.number().int().min(0) }) })
  .transform((file) => file.run_options.n_retries_allowed)
  .catch(0);

/** The wait between attempts: of the job, or, where EC2StarterFromAMI failed, as the file itself has it. */
const BackoffOfJob = z.object({ retry_backoff: RetryBackoff }).transform((job) => job.retry_backoff);
const BackoffOfFile = z
  .object({ run_options: z.looseObject({}) })
  .transform(({ run_options }) => readRetryBackoff(run_options));
const BackoffOfState = (state: { job?: unknown; input?: unknown }) =>
  state.job === undefined ? BackoffOfFile.safeParse(state.input ?? state).data : BackoffOfJob.safeParse(state.job).data;

/** What a success must have, whatever else there is. */
const Success = CommandedState.extend({ result: z.looseObject({}), object: z.looseObject({}).optional() }).refine(
  ({ job, object }) => !job.check_object || object !== undefined,
);

/**
 * What reaches EC2Stopper: an attempt's state, or, when EC2StarterFromAMI failed, whatever that was given.
 * Nothing in it can make the clean-up fail, which works by tag.
 */
export const StopperState = z
  .looseObject({
    attempt: z.number().int().catch(1),
    attempts: z.number().int().optional().catch(undefined),
    errors: z.array(EarlierError).catch([]),
    error: CaughtError.optional().catch({ Error: 'OutcomeUnknown', Cause: 'The error could not be read.' }),
    /** In place of an execution that is no object: the error itself. */
    Error: z.unknown().optional(),
    Cause: z.unknown().optional(),
    job: z.unknown().optional(),
    input: z.unknown().optional(),
  })
  .transform(({ Error: name, Cause: cause, ...state }) => ({
    ...state,
    ...(name === ErrorName.InputNotAnObject && {
      error: { Error: ErrorName.InvalidExecution as string, Cause: String(cause) },
    }),
    attempts: state.attempts ?? RetriesOfFile.parse(state.input ?? state) + 1,
    /** The attempt's commands; absent when EC2StarterFromAMI did not succeed. */
    commands: AttemptState.safeParse(state).data?.job.commands,
    backoff: BackoffOfState(state),
    /** The commands exited 0, and the object that was asked for was verified. */
    succeeded: Success.safeParse(state).success,
  }));
export type StopperState = z.infer<typeof StopperState>;

/** The payload of every function of the machine: the execution's ARN and the machine's state. */
export function machineEvent<State extends z.ZodType>(state: State) {
  return z.object({ execution: z.string(), state });
}
