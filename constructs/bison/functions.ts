/** The functions that the workflow calls. */
export const BISON_FUNCTIONS = ['gbif', 'verifier'] as const;

export type BisonFunctionName = (typeof BISON_FUNCTIONS)[number];
