/** One word for a POSIX shell: as it is where no character of it is special, else in single quotes. */
export function shellQuote(value: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(value) ? value : singleQuote(value);
}

/** Within single quotes a shell reads every character as itself; only the quote itself must stand outside. */
export function singleQuote(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
