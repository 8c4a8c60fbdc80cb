import { readFileSync } from 'node:fs';

/**
 * A file's text; or one sentence that names the file and says why it cannot be read.
 *
 * @param shown the file's name in the sentence; default: its path
 */
export function readTextFile(file: string, shown = file): { readonly text: string } | { readonly error: string } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return { error: `${shown}: ${reason((error as NodeJS.ErrnoException).code)}` };
  }
  // UTF-8 text has no NUL; UTF-16 text has one in nearly every character.
  if (bytes.includes(0)) return { error: notUtf8(shown, 'perhaps UTF-16, as PowerShell writes it') };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { error: notUtf8(shown, 'it looks like Latin-1 or Windows-1252') };
  }
}

function notUtf8(shown: string, guess: string): string {
  return `${shown}: this is not UTF-8 text (${guess}): save it as UTF-8.`;
}

function reason(code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
      return 'there is no such file: check the path.';
    case 'EISDIR':
      return 'this is a folder; name the files in it.';
    case 'EACCES':
    case 'EPERM':
      return 'you have no permission to read it.';
    default:
      return `it cannot be read (${code}).`;
  }
}
