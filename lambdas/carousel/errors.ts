import { BaseErrorName, NamedError } from '../runtime/errors';

/** Every error name of the Carousel that its state machine, the documentation and users rely on. */
export const ErrorName = {
  /** The turn's input, or a request, has problems; nothing was restored. */
  InvalidInput: 'InvalidInput',
  /** The files that the input names cost more than its budget; nothing was restored. */
  BudgetExceeded: 'BudgetExceeded',
  /** A file that the input names is not in the archive; nothing was restored. */
  InputMissing: 'InputMissing',
  /** A file's storage class does not have the tier; nothing was restored. */
  TierImpossible: 'TierImpossible',
  /** Another turn runs. */
  TurnRunning: 'TurnRunning',
  /** A turn has been stopped, and the reaper has not returned its requests yet; Plan's Retry waits. */
  TurnSettling: 'TurnSettling',
  /** The turn's hours are over; what is left waits for another turn. */
  TurnTimedOut: 'TurnTimedOut',
  /** Not every chosen file was verified, or not every job succeeded. */
  TurnIncomplete: 'TurnIncomplete',
  /** A copy expired before its jobs had read it. */
  InputExpired: 'InputExpired',
  /** A restored file is not the one that was planned, or no HDF5 file. */
  InputChanged: 'InputChanged',
  /** A job succeeded, but its object does not exist or is older than the job. */
  OutputMissing: 'OutputMissing',
  ...BaseErrorName,
} as const;

export type ErrorName = (typeof ErrorName)[keyof typeof ErrorName];

/** An error of the Carousel. Its name is one of `ErrorName`. */
export class CarouselError extends NamedError<ErrorName> {}

/** The input's own errors: the same input fails again. */
export const FINAL_ERRORS = [
  ErrorName.InvalidInput,
  ErrorName.BudgetExceeded,
  ErrorName.InputMissing,
  ErrorName.TierImpossible,
  ErrorName.TurnRunning,
] as const;
