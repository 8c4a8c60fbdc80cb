/** The tags by which the Carousel finds its jobs. IAM's conditions use `stateMachine`. */
export const Tag = {
  /** The ARN of the turns' state machine. */
  stateMachine: 'carousel:state-machine',
  /** The ARN of the turn's execution. */
  execution: 'carousel:execution',
  /** The turn's ID. */
  turn: 'carousel:turn',
  /** The job's key in the turn. */
  job: 'carousel:job',
} as const;
