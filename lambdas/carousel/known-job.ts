/** A job definition of the deployment, as far as requests need it. */
export interface KnownJob {
  readonly command: readonly string[];
  /** Default values of parameters. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly vcpus: number;
  readonly timeoutSeconds: number;
  readonly attempts: number;
}

/** The deployment's job definitions, by their names. */
export type KnownJobs = Readonly<Record<string, KnownJob>>;
