/** How many problems a file has, in a few words. */
export function summary(errors: number, warnings: number): string {
  if (errors + warnings === 0) return 'valid';
  return `${errors === 0 ? 'valid, ' : `${count(errors, 'error')}, `}${count(warnings, 'warning')}`;
}

/** `1 job`, `1,238 jobs` */
export function count(number: number, what: string): string {
  return `${number.toLocaleString('en-US')} ${what}${number === 1 ? '' : 's'}`;
}
