import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../files/temporary-folder';
import { IMAGE_FOLDER, readDeclarations, VARIABLES_FILE, type VariableProblem, type Variables } from './variables';

/** The oldest Packer version that image.pkr.hcl supports, and its download page. */
const NEEDED = { major: 1, minor: 11 } as const;
const FROM = 'https://developer.hashicorp.com/packer/install';

/** Packer with the variables' values of one build. */
export interface Packer {
  /** Runs Packer on packer/image and shows its output. @returns Packer's exit code; 130 after an interrupt */
  run(command: 'init' | 'validate' | 'build'): Promise<number>;
  /** Lets Packer stop and remove its resources. If Packer has not started, it ends this process. */
  interrupt(): void;
  /** Whether Packer was interrupted. */
  readonly interrupted: boolean;
  /** The variables that the rules of variables.pkr.hcl refuse. Packer itself applies these rules. */
  refusedVariables(): Promise<readonly VariableProblem[]>;
}

/**
 * Finds Packer and writes the variables' values into a temporary file. The file is deleted when this process ends.
 *
 * @throws Error that says what to install; its `exitCode` is 2
 */
export async function preparePacker(variables: Variables): Promise<Packer> {
  await checkVersion();
  const file = path.join(temporaryFolder('packer'), 'values.pkrvars.json');
  writeFileSync(file, JSON.stringify(variables));
  const values = `-var-file=${file}`;
  let running: ReturnType<typeof show> | undefined;
  let interrupted = false;
  return {
    run: async (command) => {
      if (interrupted) return 130;
      running = show(command === 'init' ? ['init', IMAGE_FOLDER] : [command, values, IMAGE_FOLDER]);
      return running.exitCode;
    },
    interrupt: () => {
      if (!running) process.exit(130);
      if (!interrupted) running.interrupt();
      interrupted = true;
    },
    get interrupted() {
      return interrupted;
    },
    refusedVariables: async () => {
      // Only variables.pkr.hcl is validated, since the template may need a missing plugin. Packer breaks lines at 80
      // characters.
      const told = (await ask('validate', values, VARIABLES_FILE)).replace(/\s+/g, ' ');
      return [...(await readDeclarations())].flatMap(([name, { rule }]) =>
        rule && told.includes(rule) ? [{ name, value: variables[name], message: rule }] : [],
      );
    },
  };
}

async function checkVersion(): Promise<void> {
  const [, version = '', major, minor] = /^Packer v((\d+)\.(\d+)\.\d+)/m.exec(await ask('version')) ?? [];
  if (version === '') {
    // On the Linux systems of Red Hat and Amazon, cracklib has another program of this name.
    throw unusable(
      `The packer on the PATH is not HashiCorp's, which answers 'packer version' with 'Packer v...': install it (${FROM}) before the other one on the PATH.`,
    );
  }
  const newer = Number(major) - NEEDED.major || Number(minor) - NEEDED.minor;
  if (newer < 0)
    throw unusable(`This is Packer ${version}: install ${NEEDED.major}.${NEEDED.minor} or newer (${FROM}).`);
}

function unusable(sentence: string): Error {
  return Object.assign(new Error(sentence), { exitCode: 2 });
}

/** Returns Packer's output, also if Packer fails. */
async function ask(...args: readonly string[]): Promise<string> {
  const asked = promisify(execFile)('packer', args, { env: environment(), timeout: 60_000 });
  const { stdout, stderr } = await asked.catch((error: NodeJS.ErrnoException & { stdout: string; stderr: string }) => {
    if (error.code === 'ENOENT') throw unusable(`packer is not on the PATH: install it (${FROM}).`);
    return error;
  });
  return stdout + stderr;
}

/**
 * Packer's environment. CHECKPOINT_DISABLE stops the search for a newer Packer version. PKR_VAR_ variables are left
 * out, since the file has all values.
 */
function environment(): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('PKR_VAR_'));
  return { CHECKPOINT_DISABLE: '1', ...Object.fromEntries(others) };
}

/**
 * Runs Packer in its own process group, so the terminal's signals do not reach it. This process passes on Packer's
 * output. Otherwise Packer would be killed if the reader of the output ends, and it would leave its instance.
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
      // The signal is for the whole group, as from a terminal: Packer's plugins are processes too.
      if (packer.pid !== undefined && packer.exitCode === null) process.kill(-packer.pid, 'SIGINT');
    },
  };
}
