import { readFileSync } from 'node:fs';

/**
 * A file's text; or in one sentence, which names the file, why it cannot be read.
 *
 * @param shown what to call the file; default: its path
 */
export function readTextFile(file: string, shown = file): { readonly text: string } | { readonly error: string } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return { error: `${shown}: ${reason((error as NodeJS.ErrnoException).code)}` };
  }
  const text = decode(bytes);
  if (text !== undefined) return { text };
  return { error: `${shown}: this is not UTF-8 text (perhaps UTF-16, as PowerShell writes it): save it as UTF-8.` };
}

/** @returns undefined for anything but UTF-8 text */
function decode(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function reason(code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
      return 'there is no such file; see the path.';
    case 'EISDIR':
      return 'this is a folder; name the files in it.';
    case 'EACCES':
    case 'EPERM':
      return 'you have no permission to read it.';
    default:
      return `it cannot be read (${code}).`;
  }
}
