import { s3Parts } from '../input-uris';
import type { S3Location, S3Object } from '../model';

/** What `-F`, `--NGEN_FORCINGS` and `-t` name: forcings and restart files. */
const NAMED = /(?<![\w-])(?:-F|--NGEN_FORCINGS|-t)[=\s'"\\]+((?:s3|https):\/\/[^\s'"\\]+)/g;
const S3_URI = /s3:\/\/[^\s'"\\<>()]+/g;
const AWS_S3 = /(?:^|[\s'"(])aws\s(?:[^'"]*?\s)?s3\s+(\w+)\s+(.*)$/s;

/**
 * The URIs of the objects that the commands read, as the commands write them: what `-F` and `-t` name, and every other
 * S3 URI with DAILY. Left out are what the job writes, folders, patterns, and what only the shell knows.
 *
 * @param written the job's output and the object to check
 * @param isFixed whether a text is known before the commands run
 */
export function derivedInputs(
  commands: readonly string[],
  written: { readonly output?: S3Location; readonly object?: S3Object },
  isFixed: (text: string) => boolean,
): string[] {
  const found = commands.flatMap((command) => [
    ...Array.from(command.matchAll(NAMED), ([, uri = '']) => uri),
    ...command.split(/[;&|\n]+/).flatMap(readBy),
  ]);
  return [...new Set(found)].filter((uri) => isFixed(uri) && !isWritten(uri, written) && isObject(uri));
}

/** The dated S3 URIs that one simple command reads. Of `aws s3` only `cp` and `mv` of one object read one. */
function readBy(command: string): string[] {
  const [, verb, operands = ''] = AWS_S3.exec(command) ?? [];
  const dated = (text: string) => [...text.matchAll(S3_URI)].map(([uri]) => uri).filter((uri) => uri.includes('DAILY'));
  if (verb === undefined) return dated(command);
  if (!/^(cp|mv)$/.test(verb) || /--recursive\b/.test(operands)) return [];
  const words = operands.split(/[\s'"\\]+/).filter(Boolean);
  // A word after an option may be its value, but a URI never is.
  const places = words.filter(
    (word, index) => word.startsWith('s3://') || !(word.startsWith('-') || words[index - 1]?.startsWith('--')),
  );
  return places.length < 2 ? [] : dated(places[0] ?? '');
}

function isWritten(uri: string, { output, object }: Parameters<typeof derivedInputs>[1]): boolean {
  const below = output && `s3://${output.bucket}/${output.prefix === '' ? '' : `${output.prefix}/`}`;
  return (
    (below !== undefined && uri.startsWith(below)) || (object && uri === `s3://${object.bucket}/${object.key}`) === true
  );
}

function isObject(uri: string): boolean {
  const { key } = s3Parts(uri) ?? { key: uri };
  return key !== '' && !/\/$|[*?[\]{}]/.test(key.replace(/\$\{(DATE|INSTANCE_TYPE)\}/g, ''));
}
