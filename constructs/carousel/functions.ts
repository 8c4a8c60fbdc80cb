/** The functions that the turns' state machine calls. */
export const TURN_FUNCTIONS = ['planner', 'restorer', 'follower', 'reporter'] as const;
export type TurnFunction = (typeof TURN_FUNCTIONS)[number];

/** All functions; each is a file of lambdas/carousel that exports `handler`. */
export const FUNCTIONS = [...TURN_FUNCTIONS, 'requester', 'reaper'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** The functions' sources. */
export const SOURCES = { folder: 'carousel', names: FUNCTIONS } as const;

/** Memory of each function, in MB. The planner holds the states of 100,000 objects, and all rows of its plan. */
export const FUNCTION_MEMORY_MB: Readonly<Record<FunctionName, number>> = {
  planner: 1024,
  restorer: 512,
  follower: 512,
  reporter: 512,
  requester: 256,
  reaper: 256,
};

/** Each function's timeout in Lambda; a look submits up to some thousand jobs. */
export const FUNCTION_TIMEOUT_SECONDS: Readonly<Record<FunctionName, number>> = {
  planner: 900,
  restorer: 900,
  follower: 900,
  reporter: 900,
  requester: 60,
  reaper: 300,
};
