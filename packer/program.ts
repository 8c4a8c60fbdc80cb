import { execFile, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../files/temporary-folder';
import { IMAGE_FOLDER, readDeclarations, type VariableFault, type Variables } from './variables';

/** Debian 12's, the oldest that this template is tested with. */
const OLDEST = [1, 6, 6] as const;
/** The first with `packer init`, `required_plugins` and the instance metadata's options. */
const WITH_PLUGINS = [1, 7, 0] as const;

type Version = readonly [number, number, number];

/** The template, ready for one version of Packer, with its values. */
export interface Prepared {
  /** Whether this Packer fetches its plugins. */
  readonly plugins: boolean;
  /** Runs Packer and shows what it writes. @returns its exit code */
  run(command: 'init' | 'validate' | 'build'): Promise<number>;
  /** Lets Packer end what it is doing, and remove what it has made. */
  interrupt(): void;
  /** The variables that the rules of variables.pkr.hcl refuse; Packer itself applies them. */
  refusedVariables(): Promise<readonly VariableFault[]>;
}

/**
 * Finds Packer and lays the template out for it, in a folder that goes with this process' end.
 *
 * @throws Error that says what to install
 */
export async function preparePacker(variables: Variables): Promise<Prepared> {
  const version = await packerVersion();
  if (isBefore(version, OLDEST)) {
    throw new Error(
      `This is Packer ${version.join('.')}: install ${OLDEST.join('.')} or newer (https://developer.hashicorp.com/packer/install).`,
    );
  }
  const plugins = !isBefore(version, WITH_PLUGINS);
  const folder = temporaryFolder('packer');
  const template = path.join(folder, 'template');
  layOut(template, { plugins });
  const values = path.join(folder, 'values.pkrvars.json');
  writeFileSync(values, JSON.stringify(variables));

  let running: ReturnType<typeof show> | undefined;
  return {
    plugins,
    run: (command) => {
      running = show(command === 'init' ? ['init', template] : [command, `-var-file=${values}`, template]);
      return running.exitCode;
    },
    interrupt: () => running?.interrupt(),
    refusedVariables: async () => {
      const rules = path.join(folder, 'rules');
      mkdirSync(rules, { recursive: true });
      cpSync(path.join(template, 'variables.pkr.hcl'), path.join(rules, 'variables.pkr.hcl'));
      const file = path.join(folder, 'some.pkrvars.json');
      const holdsFor = (some: Variables) => {
        writeFileSync(file, JSON.stringify(some));
        return quiet(['validate', `-var-file=${file}`, rules]);
      };
      // Only where the rules themselves are what fails does it make sense to ask which one.
      if ((await holdsFor(variables)) || !(await holdsFor({}))) return [];
      const faults: VariableFault[] = [];
      for (const [name, { rule }] of await readDeclarations()) {
        const value = variables[name];
        if (rule && !(await holdsFor({ [name]: value }))) faults.push({ name, value, message: rule });
      }
      return faults;
    },
  };
}

/**
 * Copies the template. Packer before 1.7 knows neither plugins.pkr.hcl nor what image.pkr.hcl marks: there the metadata
 * service's options are the base image's, and Amazon Linux 2023 asks for IMDSv2.
 */
export function layOut(folder: string, { plugins }: { readonly plugins: boolean }): void {
  const files = ['variables.pkr.hcl', 'image.pkr.hcl', ...(plugins ? ['plugins.pkr.hcl'] : [])];
  mkdirSync(folder, { recursive: true });
  for (const file of files) {
    const text = readFileSync(path.join(IMAGE_FOLDER, file), 'utf8');
    writeFileSync(
      path.join(folder, file),
      plugins ? text : text.replace(/^ *# From Packer 1\.7\.\n.*?^ *# To here\.\n/gms, ''),
    );
  }
  cpSync(path.join(IMAGE_FOLDER, 'scripts'), path.join(folder, 'scripts'), { recursive: true });
}

async function packerVersion(): Promise<Version> {
  let output: string;
  try {
    const { stdout, stderr } = await promisify(execFile)('packer', ['version'], {
      env: environment(),
      timeout: 20_000,
    });
    output = stdout + stderr;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new Error(
        'packer is not on the PATH: install it (https://developer.hashicorp.com/packer/install, or apt-get install packer).',
      );
    }
    output = '';
  }
  const found = /^Packer v(\d+)\.(\d+)\.(\d+)/m.exec(output);
  if (!found) {
    // Red Hat's and Amazon's systems have one of cracklib's under this name.
    throw new Error(
      "The packer on the PATH is not HashiCorp's, which answers 'packer version' with 'Packer v...': install it (https://developer.hashicorp.com/packer/install) before the other one on the PATH.",
    );
  }
  return [Number(found[1]), Number(found[2]), Number(found[3])];
}

function isBefore(a: Version, b: Version): boolean {
  const at = a.findIndex((part, index) => part !== b[index]);
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}

/**
 * Without Packer's question to its maker whether there is a newer one, and without variables: all of their values are
 * in a file.
 */
function environment(): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('PKR_VAR_'));
  return { CHECKPOINT_DISABLE: '1', ...Object.fromEntries(others) };
}

async function quiet(args: readonly string[]): Promise<boolean> {
  return promisify(execFile)('packer', args, { env: environment() }).then(
    () => true,
    () => false,
  );
}

/**
 * Runs Packer in a process group of its own, which no terminal ends, and passes on what it writes: were the reader of
 * this process' output Packer's too, Packer would die with it and leave its instance.
 */
function show(args: readonly string[]): { readonly exitCode: Promise<number>; readonly interrupt: () => void } {
  const env = { ...environment(), ...(!process.stdout.isTTY && { PACKER_NO_COLOR: '1' }) };
  const packer = spawn('packer', args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  packer.stdout.on('data', (chunk) => process.stdout.write(chunk));
  packer.stderr.on('data', (chunk) => process.stderr.write(chunk));
  return {
    exitCode: new Promise((resolve, reject) => {
      packer.on('error', reject);
      packer.on('close', (code) => resolve(code ?? 1));
    }),
    interrupt: () => {
      // As a terminal does it: its plugins are processes too.
      if (packer.pid !== undefined && packer.exitCode === null) process.kill(-packer.pid, 'SIGINT');
    },
  };
}
