import { type SpawnOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Records } from '../../local/records';
import { instanceEnvironment, isOnPath } from '../../local/shell';
import { localExecutions } from '../local-executions';
import { type Output, wrap } from '../output/wrap';
import { type WhereOptions, withDeployed } from '../where';
import { findOrSay } from './status';

/** What `aws ssm start-session` needs on this computer, and where it is from. */
const PROGRAMS = {
  aws: 'the AWS CLI, https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html',
  'session-manager-plugin':
    "Session Manager's plug-in, https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html",
} as const;

/**
 * Opens a shell on the instance of a job that runs, without a name the youngest's; with `local` in the instance's folder,
 * with the environment of its commands.
 *
 * @returns the exit code: the shell's; 1 where there is no instance to connect to, 2 where there is no such execution or a
 * program is missing, 5 where AWS cannot be asked
 */
export function connect(name: string | undefined, options: WhereOptions, err: Output): Promise<number> {
  return options.local ? connectHere(name, options, err) : connectOnAws(name, options, err);
}

function connectOnAws(name: string | undefined, options: WhereOptions, err: Output): Promise<number> {
  return withDeployed(options, err, async (executions) => {
    const say = (sentence: string, code: number) => {
      err.write(wrap(`${sentence}\n`, err));
      return code;
    };
    for (const [program, what] of Object.entries(PROGRAMS)) {
      if (!isOnPath(program)) return say(`${program} is not on the PATH: install ${what}`, 2);
    }
    const execution = await findOrSay(executions, name, options, err);
    if (!execution) return 2;
    if (execution.status !== 'RUNNING') {
      return say(
        `${execution.name} has ended (${execution.status}), and so has its instance: see 'datastream logs ${execution.name}'.`,
        1,
      );
    }
    const running = (await executions.instances(execution)).filter(({ state }) => state === 'running');
    const instance = running.sort((a, b) => a.attempt - b.attempt).at(-1);
    if (!instance) {
      return say(
        `${execution.name} has no running instance now (${execution.state ?? 'starting'}): see 'datastream watch ${execution.name}', and try again when it is in EC2Poller.`,
        1,
      );
    }
    if (!(await executions.isOnline(instance.instance_id))) {
      return say(
        `Instance ${instance.instance_id} is not Online in Systems Manager: its agent starts in the first minute, or does not answer; try again.`,
        1,
      );
    }
    err.write(`${execution.name}: attempt ${instance.attempt}, ${instance.instance_id}\n`);
    const session = ['ssm', 'start-session', '--target', instance.instance_id, '--region', executions.region];
    return interactive('aws', session, {});
  });
}

async function connectHere(name: string | undefined, { folder }: WhereOptions, err: Output): Promise<number> {
  const execution = await findOrSay(localExecutions(folder), name, { local: true, folder }, err);
  if (!execution) return 2;
  const record = new Records(resolve(folder)).read(execution.name);
  const disks = record?.instances.map(({ instance_id }) => join(record.disks ?? '', instance_id)) ?? [];
  const disk = disks.filter((each) => existsSync(join(each, 'root'))).at(-1);
  if (disk === undefined) {
    const sentence = `${execution.name} has no instance's folder: there is one while its commands run, and afterwards with 'datastream run --local --keep'.`;
    err.write(wrap(`${sentence}\n`, err));
    return 1;
  }
  err.write(`${execution.name}: ${disk}\n`);
  const { TERM = 'dumb' } = process.env;
  const env = { ...instanceEnvironment(disk, join(folder, 'buckets')), TERM, PS1: `${execution.name}:\\w\\$ ` };
  return interactive('bash', ['--noprofile', '--norc'], { cwd: join(disk, 'root'), env });
}

/** Runs a program on this terminal, without a shell. Ctrl-C is for the program alone. @returns its exit code */
function interactive(program: string, args: readonly string[], options: SpawnOptions): Promise<number> {
  const ignore = () => {};
  process.on('SIGINT', ignore);
  return new Promise<number>((done, fail) => {
    const child = spawn(program, args, { ...options, stdio: 'inherit' });
    child.on('error', fail);
    child.on('exit', (code) => done(code ?? 1));
  }).finally(() => process.off('SIGINT', ignore));
}
