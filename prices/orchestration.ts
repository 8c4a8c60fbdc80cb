/** List prices in us-east-1, in dollars (AWS Step Functions pricing, AWS Lambda pricing, 2026). */
export const PRICES = {
  /** A state transition of a Standard workflow. Every retry is one. */
  transition: 25 / 1_000_000,
  /** A GB-second of Lambda on arm64. */
  gbSecond: 0.0000133334,
  /** A Lambda request. */
  request: 0.2 / 1_000_000,
} as const;

/** The additional time that Lambda bills for a cold start. A conservative value for a bundle of a few hundred KB. */
const COLD_START_MS = 500;

/** The cost of an execution's orchestration, without the instance. */
export interface Cost {
  readonly transitions: number;
  readonly requests: number;
  readonly gbSeconds: number;
  readonly dollars: number;
}

/**
 * @param transitions the number of the execution's state transitions
 * @param invocations the calls of functions; each counts with a cold start
 * @param memoryMb the memory of each function in MB
 */
export function costOf(
  transitions: number,
  invocations: readonly { readonly milliseconds: number }[],
  memoryMb: number,
): Cost {
  const requests = invocations.length;
  const milliseconds = invocations.reduce((sum, each) => sum + each.milliseconds + COLD_START_MS, 0);
  const gbSeconds = (milliseconds / 1000) * (memoryMb / 1024);
  const dollars = transitions * PRICES.transition + requests * PRICES.request + gbSeconds * PRICES.gbSecond;
  return { transitions, requests, gbSeconds, dollars };
}
