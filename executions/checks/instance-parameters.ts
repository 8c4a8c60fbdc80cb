import type { Path, Problems } from '../../files/problems';
import { isRecord, list, text, utf8Bytes } from '../../files/values';
import type { ParseOptions } from '../model';
import { checkLineEnds } from './commands';
import { isDoubtful, placeholderInValue } from './placeholders';
import { checkRootDevice } from './root-device';
import { checkTags } from './tags';

type Parameters = Readonly<Record<string, unknown>>;

const ROOT = 'instance_parameters';

/** EC2 takes 16 KB of user data before base64; 2 KB are kept for the dead-man's switch. */
const USER_DATA_BYTES = 14 * 1024;
/** Text with characters other than ASCII is sent in base64 lines of 76 characters: 4/3 of its size and line breaks. */
const USER_DATA_BYTES_ENCODED = 10 * 1024;

/** The deepest structure of RunInstances has 5 levels. */
const DEEPEST_LEVEL = 16;

/** Reports values of the right type that EC2 would refuse or that would leave an instance running. */
export function checkInstanceParameters(value: unknown, options: ParseOptions, problems: Problems): void {
  if (!isRecord(value)) return;
  const parameters = value;
  checkKeyName(parameters, problems);
  checkNetwork(parameters, problems);
  checkProfile(parameters.IamInstanceProfile, options, problems);
  checkTags(parameters.TagSpecifications, [ROOT, 'TagSpecifications'], problems);
  checkRootDevice(parameters.BlockDeviceMappings, problems);
  checkUserData(parameters, problems);
  if (typeof parameters.ClientToken === 'string') {
    problems.warning(
      [ROOT, 'ClientToken'],
      'This is ignored: the state machine makes a token for each attempt.',
      parameters.ClientToken,
    );
  }
  findPlaceholders(value, [ROOT], problems);
}

function checkKeyName(parameters: Parameters, problems: Problems): void {
  const path = [ROOT, 'KeyName'];
  const name = text(parameters.KeyName);
  const write = "write the key pair's name as EC2 lists it, or leave KeyName out";
  if (name === undefined) return;
  if (name.trim() === '') problems.error(path, `This is empty: ${write}.`, name);
  else if (/^your[-_ ]?key/i.test(name) || placeholderInValue(name) !== undefined) {
    const doubtful = isDoubtful(name);
    const is = doubtful ? 'looks like' : 'is';
    problems.placeholder(doubtful ? 'warning' : 'error', path, `This ${is} a placeholder: ${write}.`, name);
  } else if (/\.(pem|ppk|pub|cer|key)$/i.test(name) || /[/\\]/.test(name)) {
    problems.warning(path, `This looks like a file's name, not a key pair's: ${write}.`, name);
  }
  const own = ['SecurityGroupIds', 'SecurityGroups', 'NetworkInterfaces', 'LaunchTemplate'];
  if (problems.hasProblemAt(path) || own.some((key) => parameters[key] !== undefined)) return;
  problems.warning(
    path,
    "The deployment's security group lets no ssh in, so this key opens nothing: name a group in SecurityGroupIds, or leave KeyName out.",
    name,
  );
}

function checkNetwork(parameters: Parameters, problems: Problems): void {
  if (list(parameters.NetworkInterfaces).length === 0) return;
  for (const key of ['SecurityGroupIds', 'SecurityGroups', 'SubnetId', 'PrivateIpAddress']) {
    if (parameters[key] === undefined) continue;
    problems.error(
      [ROOT, key],
      `EC2 refuses ${key} beside NetworkInterfaces: move it into the first of them, or leave NetworkInterfaces out.`,
      parameters[key],
    );
  }
}

function checkProfile(profile: unknown, { profileName }: ParseOptions, problems: Problems): void {
  if (!isRecord(profile)) return;
  const path = [ROOT, 'IamInstanceProfile'];
  const [name, arn] = [text(profile.Name), text(profile.Arn)];
  const leaveOut = 'or leave IamInstanceProfile out';
  if (profile.Name !== undefined && profile.Arn !== undefined) {
    problems.error(path, 'EC2 takes the name or the ARN, not both: leave one of them out.', profile);
  }
  if (profile.Name === undefined && profile.Arn === undefined) {
    problems.error(path, `This names no instance profile: write its "Name", ${leaveOut}.`, profile);
  }
  const refuse = (key: string, value: string | undefined, good: RegExp, what: (value: string) => string) => {
    if (value === undefined || good.test(value) || placeholderInValue(value)) return;
    problems.error([...path, key], what(value), value);
  };
  refuse('Name', name, /^[\w+=,.@-]{1,128}$/, (value) => {
    if (value === '') return `This is empty: write the instance profile's name, ${leaveOut}.`;
    if (value.startsWith('arn:')) return 'This is an ARN: write it as "Arn".';
    return 'No instance profile can have this name: write up to 128 letters, digits and +=,.@_-.';
  });
  const write = `write "arn:aws:iam::<account>:instance-profile/<name>", ${leaveOut}`;
  const isArn = /^arn:aws[\w-]*:iam::\d{12}:instance-profile\/.+$/;
  refuse('Arn', arn, isArn, () => `This is no instance profile's ARN: ${write}.`);

  const its = arn?.split('/').at(-1) ?? name;
  const at = [...path, arn === undefined ? 'Name' : 'Arn'];
  if (!profileName || its === undefined || its === profileName) return;
  if (placeholderInValue(its) || problems.hasProblemAt(at)) return;
  const ours = `write ${JSON.stringify(profileName)}, ${leaveOut}`;
  problems.warning(at, `The deployment may pass its own instance profile alone: ${ours}.`, arn ?? name);
}

function checkUserData(parameters: Parameters, problems: Problems): void {
  const path = [ROOT, 'UserData'];
  const data = text(parameters.UserData);
  if (data === undefined) return;
  const bytes = utf8Bytes(data);
  const most = bytes === data.length ? USER_DATA_BYTES : USER_DATA_BYTES_ENCODED;
  if (bytes > most) {
    problems.error(
      path,
      bytes === data.length
        ? `These are ${bytes} bytes: at most ${most} are possible, since EC2 takes 16 KB and the state machine needs 2.`
        : `These are ${bytes} bytes: at most ${most} are possible with other characters than ASCII, which are encoded for cloud-init.`,
      data,
    );
  }
  // cloud-init reads its own types with any line ends.
  if (!/^(#cloud-config|#include|Content-Type:|MIME-Version:)/.test(data)) checkLineEnds(data, path, problems);
  if (
    /^[A-Za-z0-9+/\s]{16,}={0,2}\s*$/.test(data.slice(0, USER_DATA_BYTES)) &&
    Buffer.from(data, 'base64').toString('utf8').startsWith('#')
  ) {
    problems.error(path, 'This is base64: write the script itself, it is encoded on the way to EC2.', data);
  }
}

/** Checks every other string. A string with a problem is left out: the earlier check gives better advice. */
function findPlaceholders(value: unknown, path: Path, problems: Problems): void {
  if (typeof value === 'string') {
    const placeholder = path.at(-1) === 'UserData' ? undefined : placeholderInValue(value);
    if (placeholder === undefined || problems.hasProblemAt(path)) return;
    // A tag may have any text that the user wants. Other values are names that AWS must know.
    const severity = path[1] === 'TagSpecifications' || isDoubtful(value) ? 'warning' : 'error';
    const is = severity === 'error' ? 'is' : 'looks like';
    const message = `${JSON.stringify(placeholder)} ${is} a placeholder: write the value that is meant${optional(path)}.`;
    problems.placeholder(severity, path, message, value);
    return;
  }
  if (typeof value !== 'object' || value === null || path.length > DEEPEST_LEVEL) return;
  for (const [key, each] of Object.entries(value)) {
    findPlaceholders(each, [...path, Array.isArray(value) ? Number(key) : key], problems);
  }
}

/** A member may be left out if the deployment has a default for it. */
function optional(path: Path): string {
  const key = path[1];
  const hasDefault =
    key === 'KeyName' || key === 'SecurityGroupIds' || key === 'IamInstanceProfile' || key === 'SubnetId';
  return hasDefault ? `, or leave ${key} out` : '';
}
