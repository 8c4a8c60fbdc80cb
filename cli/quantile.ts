/** A quantile by nearest rank. @param values in any order @returns null where there are none */
export function quantile(values: readonly number[], part: number): number | null {
  const ascending = [...values].sort((a, b) => a - b);
  return ascending[Math.max(Math.ceil(part * ascending.length) - 1, 0)] ?? null;
}

/** By nearest rank: of two values, the lesser one. */
export const median = (values: readonly number[]) => quantile(values, 0.5);
