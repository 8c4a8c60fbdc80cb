/** The functions that the workflow calls; each is a file of lambdas/bison that exports `handler`. */
export const BISON_FUNCTIONS = ['gbif', 'verifier'] as const;

export type BisonFunctionName = (typeof BISON_FUNCTIONS)[number];

/** The functions' sources. */
export const SOURCES = { folder: 'bison', names: BISON_FUNCTIONS } as const;

/** Memory of each function, in MB. */
export const FUNCTION_MEMORY_MB = 256;

/** Each function's timeout in Lambda. GBIF may take a minute for an answer. */
export const FUNCTION_TIMEOUT_SECONDS = 180;
