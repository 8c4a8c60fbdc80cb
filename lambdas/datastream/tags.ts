/** The tags by which this project finds its instances and volumes. IAM's conditions use `stateMachine`. */
export const Tag = {
  /** The state machine's ARN. */
  stateMachine: 'datastream:state-machine',
  /** The execution's ARN. */
  execution: 'datastream:execution',
  attempt: 'datastream:attempt',
  /** Seconds from the launch until the job is cancelled. Not a date: a repeated launch needs the same parameters. */
  timeout: 'datastream:timeout',
  /** What happens to the instance when its attempt ends: an `InstanceEnd`. */
  end: 'datastream:end',
  /** The ID of the SSM command that is the job. */
  command: 'datastream:command',
  /** How many tags hold the task token. */
  tokenParts: 'datastream:token-parts',
} as const;

/** A tag's value holds 256 characters, a task token up to 2,048 (Step Functions API, SendTaskSuccess). */
export const TOKEN_PART = 256;

/** The tag of each part, from 0. */
export const tokenTag = (index: number) => `datastream:token-${index}`;

/** The tags of a waiting task, as patterns for IAM's StringLike. No other IAM condition uses these tags. */
export const TASK_TAGS = ['datastream:token*', Tag.command] as const;
