/** The functions that the state machine calls, by the role they play in it. */
export const MACHINE_FUNCTIONS = ['starter', 'commander', 'poller', 'checker', 'stopper'] as const;
export type MachineFunction = (typeof MACHINE_FUNCTIONS)[number];

/** The functions of every deployment. */
export const CORE_FUNCTIONS = [...MACHINE_FUNCTIONS, 'relay', 'reaper'] as const;
export type CoreFunction = (typeof CORE_FUNCTIONS)[number];

/** Every function, by its role: a file of lambdas/datastream that exports `handler`. Results goes with submissions. */
export const FUNCTIONS = [...CORE_FUNCTIONS, 'results'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** Where their sources are. */
export const SOURCES = { folder: 'datastream', names: FUNCTIONS } as const;

/**
 * Each function's memory, in MB. A SDK client's start is CPU bound, and Lambda gives CPU by memory:
 * less takes longer and costs the same.
 */
export const FUNCTION_MEMORY_MB = 256;

/** The memory of the function that holds all results of a submission at once, in MB. */
export const RESULTS_MEMORY_MB = 2048;

/**
 * How long Lambda lets each function run. The starter waits up to 20 s for SSM, the reaper looks at every instance
 * whose execution has ended, results at every job of a submission; no other waits for more than AWS's answers. A state's own TimeoutSeconds must be longer:
 * Lambda does not stop a function when Step Functions stops waiting for it.
 */
export const FUNCTION_TIMEOUT_SECONDS = {
  starter: 60,
  commander: 30,
  poller: 30,
  checker: 30,
  stopper: 30,
  relay: 30,
  reaper: 120,
  results: 900,
} as const;
