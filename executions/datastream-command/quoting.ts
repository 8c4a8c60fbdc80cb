/** One word for a POSIX shell: unchanged if it has no special character, else in single quotes. */
export function shellQuote(value: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(value) ? value : singleQuote(value);
}

/** Within single quotes a shell takes every character as it is. Only a single quote must be outside of them. */
export function singleQuote(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
