/** A clock. Tests and the embedded cloud use their own. */
export interface Clock {
  now(): Date;
  /** @param milliseconds how long to wait */
  sleep(milliseconds: number): Promise<void>;
}

/** The computer's own time. */
export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};
