/** The functions that the state machine calls. */
export const MACHINE_FUNCTIONS = ['starter', 'commander', 'poller', 'checker', 'stopper'] as const;
export type MachineFunction = (typeof MACHINE_FUNCTIONS)[number];

/** The functions of every deployment. */
export const CORE_FUNCTIONS = [...MACHINE_FUNCTIONS, 'relay', 'reaper'] as const;
export type CoreFunction = (typeof CORE_FUNCTIONS)[number];

/**
 * All functions. Each is a file of lambdas/datastream that exports `handler`. Only a matrix needs the planner, only
 * submissions need results, and only monitoring needs the reporter.
 */
export const FUNCTIONS = [...CORE_FUNCTIONS, 'planner', 'results', 'reporter'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** The functions' sources. */
export const SOURCES = { folder: 'datastream', names: FUNCTIONS } as const;

/**
 * Each function's memory, in MB. The start of an SDK client is CPU bound, and Lambda gives CPU in proportion to memory:
 * less memory takes longer and costs the same.
 */
export const FUNCTION_MEMORY_MB = 256;

/** The memory of the function that holds all results of a submission at once, in MB. */
export const RESULTS_MEMORY_MB = 2048;

/**
 * Each function's timeout in Lambda. The starter waits up to 20 s for SSM. The reaper looks at every instance whose
 * execution has ended. The planner waits for its slots, results reads every job of a submission, and the reporter every job of an hour: they
 * have Lambda's longest timeout. The others wait only for AWS's answers. A state's own TimeoutSeconds must be longer: Lambda does not stop a function when Step Functions stops
 * waiting for it.
 */
export const FUNCTION_TIMEOUT_SECONDS = {
  starter: 60,
  commander: 30,
  poller: 30,
  checker: 30,
  stopper: 30,
  relay: 30,
  reaper: 120,
  planner: 900,
  results: 900,
  reporter: 900,
} as const;
