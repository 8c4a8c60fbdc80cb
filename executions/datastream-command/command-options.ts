import { BUCKET_NAME } from '../s3-names';

/** An option's value ends at white space, at a quote, or at a backslash before a quote. */
const VALUE = String.raw`[=\s'"\\]+([^\s'"\\]+)`;
const LONG_BUCKET = new RegExp(String.raw`(?<![\w-])--s3_bucket${VALUE}`, 'gi');
const LONG_PREFIX = new RegExp(String.raw`(?<![\w-])--s3_prefix${VALUE}`, 'gi');
const LONG_SOURCE = new RegExp(String.raw`(?<![\w-])--forcing_source${VALUE}`, 'gi');
const SHORT_BUCKET = new RegExp(String.raw`(?<![\w-])-S${VALUE}`, 'g');
const SHORT_PREFIX = new RegExp(String.raw`(?<![\w-])-o${VALUE}`, 'g');
const SHORT_SOURCE = new RegExp(String.raw`(?<![\w-])-C${VALUE}`, 'g');
const FORCING_FILE = new RegExp(String.raw`(?<![\w-])(?:-F|--NGEN_FORCINGS)${VALUE}`, 'g');

/** `scripts/datastream`, `scripts/routing_only_datastream` and the like, and 2024's `stream.sh`. */
const DATASTREAM_CALL = /(?:^|[\s'"/;&|(])(?:scripts\/(?:\w+[-_])?datastream|stream\.sh)(?=[\s'"\\;&|)]|$)/;

/** An option's value, and the index of its command. */
export interface CommandOption {
  readonly value: string;
  readonly command: number;
}

/** Whether the command calls one of the datastream scripts, which leave `merkdir.file` below their S3 prefix. */
export function callsDatastream(command: string): boolean {
  return DATASTREAM_CALL.test(command);
}

/**
 * The S3 bucket that the commands name last: `--S3_BUCKET` in any case, or a datastream script's `-S`.
 * In 2024 `-S` named the folder where `mount-s3` had mounted the bucket. In this case the result is the mounted bucket.
 */
export function bucketOption(commands: readonly string[]): CommandOption | undefined {
  const mounts = mountsIn(commands);
  return last(commands, (command) => [
    ...matches(command, LONG_BUCKET),
    ...(namesBucketShortly(command) ? matches(command, SHORT_BUCKET) : mountsUsed(command, mounts).map(bucketOf)),
  ]);
}

/** The S3 prefix that the commands name last: `--S3_PREFIX` in any case, or a script's `-o` with a bucket. */
export function prefixOption(commands: readonly string[]): CommandOption | undefined {
  const mounts = mountsIn(commands);
  return last(commands, (command) => {
    const [mount] = mountsUsed(command, mounts);
    const written = writtenPrefixes(command, mounts);
    // With a mounted bucket, `-o` is a path below the mounted part of the bucket.
    return mount ? written.map((path) => keyBelow(mount, path)) : written;
  });
}

/** Every S3 prefix of the commands, as they write it. */
export function prefixesIn(commands: readonly string[]): string[] {
  const mounts = mountsIn(commands);
  return commands.flatMap((command) => writtenPrefixes(command, mounts));
}

function writtenPrefixes(command: string, mounts: readonly Mount[]): string[] {
  const namesBucket =
    namesBucketShortly(command) ||
    mountsUsed(command, mounts).length > 0 ||
    (callsDatastream(command) && matches(command, LONG_BUCKET).length > 0);
  return [...matches(command, LONG_PREFIX), ...(namesBucket ? matches(command, SHORT_PREFIX) : [])];
}

/** A bucket, or the part of it below a prefix, that is mounted as a folder. */
interface Mount {
  readonly bucket: string;
  /** Empty for the whole bucket. */
  readonly prefix: string;
  readonly folder: string;
}

const bucketOf = ({ bucket }: Mount) => bucket;

/** `mount-s3 [OPTION...] BUCKET FOLDER`, up to the end of that command. */
const MOUNT_CALL = /(?:^|[\s'"/;&|(])mount-s3\s+([^;&|'"\n]+)/g;

/** Options of mount-s3 that take the word after them (Mountpoint for Amazon S3, `mount-s3 --help`). */
const MOUNT_VALUE =
  /^(-l|--(prefix|region|endpoint-url|profile|cache|cache-xz|metadata-ttl|max-cache-size|max-threads|part-size|read-part-size|write-part-size|maximum-throughput-gbps|log-directory|uid|gid|dir-mode|file-mode|storage-class|sse|sse-kms-key-id|expected-bucket-owner|bind|user-agent-prefix))$/;

function mountsIn(commands: readonly string[]): Mount[] {
  return commands.flatMap((command) =>
    [...command.matchAll(MOUNT_CALL)].flatMap(([, text = '']) => {
      const named: string[] = [];
      let prefix = '';
      const words = text.trim().split(/[\s=]+/);
      for (let at = 0; at < words.length; at += 1) {
        const word = words[at] ?? '';
        if (!word.startsWith('-')) named.push(word);
        else if (MOUNT_VALUE.test(word)) {
          at += 1;
          if (word === '--prefix') prefix = words[at] ?? '';
        }
      }
      const [bucket, folder] = named;
      const name = bucket?.replace(/^s3:\/\//, '') ?? '';
      return folder && (BUCKET_NAME.test(name) || name.includes('$')) ? [{ bucket: name, prefix, folder }] : [];
    }),
  );
}

/** The mounted buckets that a datastream script writes to with `-S FOLDER`. The last mount of a folder counts. */
function mountsUsed(command: string, mounts: readonly Mount[]): Mount[] {
  if (!callsDatastream(command) || namesBucketShortly(command)) return [];
  return matches(command, SHORT_BUCKET)
    .map((folder) => folder.replace(/^(?:\.|~|\$\(pwd\)|\$PWD)\//, '/').replace(/\/+$/, ''))
    .flatMap((folder) => mounts.filter((mount) => `/${mount.folder}`.replace(/\/+$/, '').endsWith(folder)).slice(-1));
}

function keyBelow(mount: Mount, path: string): string {
  return [mount.prefix, path]
    .flatMap((each) => each.split('/'))
    .filter((each) => each !== '' && each !== '.')
    .join('/');
}

/** The forcing source that the commands name last: `--FORCING_SOURCE` in any case, or a datastream script's `-C`. */
export function sourceOption(commands: readonly string[]): CommandOption | undefined {
  return last(commands, (command) => [
    ...matches(command, LONG_SOURCE),
    ...(callsDatastream(command) ? matches(command, SHORT_SOURCE) : []),
  ]);
}

/** Every forcing file that a command names with `-F`. */
export function forcingFilesIn(command: string): string[] {
  return matches(command, FORCING_FILE);
}

/** Whether one of the commands sets the shell variable itself. `docker run -e NAME=...` sets it elsewhere. */
export function assigns(commands: readonly string[], variable: string): boolean {
  const assignment = new RegExp(
    String.raw`(?<![\w$-])(?<!(?:-e|--env)[ =]["']?)${variable}=|\b(?:read|for)\s+(?:-\w+\s+)*${variable}\b`,
  );
  return commands.some((command) => assignment.test(command));
}

function namesBucketShortly(command: string): boolean {
  return callsDatastream(command) && matches(command, SHORT_BUCKET).some((value) => BUCKET_NAME.test(value));
}

function matches(command: string, pattern: RegExp): string[] {
  return [...command.matchAll(pattern)].map((match) => match[1] ?? '');
}

function last(commands: readonly string[], find: (command: string) => readonly string[]): CommandOption | undefined {
  return commands.flatMap((command, index) => find(command).map((value) => ({ value, command: index }))).at(-1);
}
