import * as z from 'zod';
import { Execution, RetryBackoff } from '../../executions/model';
import { readRetryBackoff } from '../../executions/retry-backoff';
import { ErrorName } from './errors';

/** An error as Step Functions catches it. */
export const CaughtError = z.object({ Error: z.string(), Cause: z.string().default('') });

/** Parses a text as JSON, then by a schema. */
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
 * The Cause of an error that a function has thrown. Lambda passes on the error's name, message and trace, nothing else.
 * The Cause of a failed task may also have the number of the failed command.
 */
export const CauseOfFunction = json(z.object({ errorMessage: z.string(), command: z.number().int().optional() }));

/** How an earlier attempt of the same execution ended. */
const EarlierError = z.object({
  attempt: z.number().int(),
  Error: z.string(),
  Cause: z.string(),
  /** Its instances, as `Launched`. Absent from an older deployment. EC2Stopper alone reads them. */
  launches: z.array(z.unknown()).optional(),
});
export type EarlierError = z.infer<typeof EarlierError>;

/** The state of one attempt, as the state machine passes it from EC2StarterFromAMI to EC2Stopper. */
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

/** The input of EC2StarterFromAMI from NextAttempt. In the first attempt the input is the execution file itself. */
export const NextAttempt = z.strictObject({
  attempt: z.number().int().min(2),
  errors: z.array(EarlierError),
  input: z.looseObject({}),
});

/**
 * A launch that EC2 has refused for lack of capacity. EC2StarterFromAMI needs it for the next launch. It is the whole
 * message of LaunchRefused and NoCapacity, because Lambda passes on no other field of an error. These two errors are
 * never the outcome that a user gets.
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

/** The input of EC2StarterFromAMI after such a launch: the earlier input and the error. */
export const Refused = z.looseObject({
  refused: z.object({ Error: z.enum([ErrorName.LaunchRefused, ErrorName.NoCapacity]), Cause: z.string() }),
});
export const CauseOfRefusal = CauseOfFunction.transform(({ errorMessage }) => errorMessage).pipe(json(RefusedLaunch));

const RetriesOfFile = z
  .object({ run_options: z.object({ n_retries_allowed: z.coerce.number().int().min(0) }) })
  .transform((file) => file.run_options.n_retries_allowed)
  .catch(0);

/** The wait between attempts: from the job, or from the file itself if EC2StarterFromAMI failed. */
const BackoffOfJob = z.object({ retry_backoff: RetryBackoff }).transform((job) => job.retry_backoff);
const BackoffOfFile = z
  .object({ run_options: z.looseObject({}) })
  .transform(({ run_options }) => readRetryBackoff(run_options));
const BackoffOfState = (state: { job?: unknown; input?: unknown }) =>
  state.job === undefined ? BackoffOfFile.safeParse(state.input ?? state).data : BackoffOfJob.safeParse(state.job).data;

/** The fields that every success must have. */
const Success = CommandedState.extend({ result: z.looseObject({}), object: z.looseObject({}).optional() }).refine(
  ({ job, object }) => !job.check_object || object !== undefined,
);

/**
 * The input of EC2Stopper: an attempt's state, or the input of EC2StarterFromAMI if that failed.
 * Nothing in it can make the clean-up fail, because the clean-up finds instances by their tags.
 */
export const StopperState = z
  .looseObject({
    attempt: z.number().int().catch(1),
    attempts: z.number().int().optional().catch(undefined),
    errors: z.array(EarlierError).catch([]),
    error: CaughtError.optional().catch({ Error: 'OutcomeUnknown', Cause: 'The error could not be read.' }),
    /** The error itself, if the execution is no JSON object. */
    Error: z.unknown().optional(),
    Cause: z.unknown().optional(),
    job: z.unknown().optional(),
    input: z.unknown().optional(),
    object: z.unknown().optional(),
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
    /** The commands exited with 0, and the object that the file asks for was verified. */
    succeeded: Success.safeParse(state).success,
  }));
export type StopperState = z.infer<typeof StopperState>;

/** The payload of every function of the machine: the execution's ARN and the machine's state. */
export function machineEvent<State extends z.ZodType>(state: State) {
  return z.object({ execution: z.string(), state });
}
