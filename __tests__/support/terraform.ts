import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { motoEnvironment } from './moto';
import { providerMirror } from './tools';

/** This package's folder. */
export const ROOT = path.join(__dirname, '..', '..');

/** The result of a program. */
export interface Finished {
  readonly code: number;
  /** Standard output and standard error in the order of their arrival, without colours. */
  readonly output: string;
}

/** This process's environment without the user's AWS settings and values of the image template's variables. */
export const ENVIRONMENT: Readonly<Record<string, string | undefined>> = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(AWS|PKR_VAR)_/.test(name)),
);

/** Runs a program to its end. Its environment is ENVIRONMENT and the given variables. No exit code is an error. */
export function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string | undefined>> },
): Promise<Finished> {
  return new Promise((resolve) => {
    let output = '';
    const child = execFile(
      program,
      [...args],
      { cwd: options.cwd, env: { ...ENVIRONMENT, ...options.env }, maxBuffer: 64 * 1024 * 1024 },
      (error) => resolve({ code: error ? Number(error.code ?? 1) : 0, output: stripVTControlCharacters(output) }),
    );
    child.stdin?.end();
    const append = (chunk: string) => {
      output += chunk;
    };
    child.stdout?.on('data', append);
    child.stderr?.on('data', append);
  });
}

/** Runs a program that must succeed. @throws Error with all of its output if it fails */
export async function succeed(...[program, args, options]: Parameters<typeof run>): Promise<string> {
  const { code, output } = await run(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${output}`);
  return output;
}

/** The command of `npm run module`. Its argument is the folder to write to. */
export const MODULE_COMMAND = [
  path.join(ROOT, 'node_modules', '.bin', 'tsx'),
  path.join(ROOT, 'package', 'terraform-module.ts'),
] as const;

/** The execution template before anybody has filled it in. */
export const TEMPLATE = path.join(__dirname, 'execution_template.json');

/** Makes a fresh, installed clone, without the user's own files. */
export async function clone(folder: string): Promise<void> {
  const listed = await succeed('git', ['ls-files', '-z'], { cwd: ROOT });
  for (const file of listed.split('\0')) {
    // Git lists a removed file until the removal is committed.
    if (file && existsSync(path.join(ROOT, file))) cpSync(path.join(ROOT, file), path.join(folder, file));
  }
  cpSync(TEMPLATE, path.join(folder, 'executions', 'execution_template.json'));
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
}

/** A temporary folder for one suite, with one synthesis and a Terraform working folder for each deployment. */
export class Workspace {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'datastream-terraform-'));
  readonly #environment: Readonly<Record<string, string>>;

  /** @param endpoint the endpoint of AWS for Terraform */
  constructor(endpoint: string) {
    const configuration = path.join(this.folder, 'terraform.rc');
    const mirror = providerMirror();
    writeFileSync(
      configuration,
      mirror ? `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n` : '',
    );
    this.#environment = {
      ...motoEnvironment(endpoint),
      TF_CLI_CONFIG_FILE: configuration,
      // Two `terraform init` at once break a shared plugin cache, and cdktf creates such a cache in the home folder.
      CDKTF_DISABLE_PLUGIN_CACHE_ENV: 'true',
      // cdktf locks the providers for other platforms too. Without this option Terraform asks the registry for them.
      ...(mirror && { TF_CLI_ARGS_providers_lock: `-fs-mirror=${mirror}` }),
      TF_IN_AUTOMATION: '1',
      CHECKPOINT_DISABLE: '1',
    };
  }

  /** The additional environment of every program of this suite. */
  get environment(): Readonly<Record<string, string>> {
    return this.#environment;
  }

  /** Runs main.ts. @returns the folder of the stack's JSON */
  async synthesise(name = 'synthesis', env: Readonly<Record<string, string>> = {}): Promise<string> {
    const outdir = path.join(this.folder, name, 'cdktf.out');
    mkdirSync(outdir, { recursive: true });
    await succeed(path.join(ROOT, 'node_modules', '.bin', 'tsx'), ['main.ts'], {
      cwd: ROOT,
      env: { ...this.#environment, CDKTF_OUTDIR: outdir, ...env },
    });
    return path.join(outdir, 'stacks', 'datastream');
  }

  /** Copies a synthesised and initialised stack. The copy has its own state. */
  copy(stack: string, name: string): string {
    const folder = path.join(this.folder, name, 'cdktf.out', 'stacks', 'datastream');
    cpSync(stack, folder, { recursive: true, verbatimSymlinks: true });
    return folder;
  }

  /** Runs Terraform in a stack's folder. */
  terraform(folder: string, ...args: readonly string[]): Promise<Finished> {
    return run('terraform', args, { cwd: folder, env: this.#environment });
  }

  /** Runs a Terraform command that must succeed. @throws Error with all of its output if it fails */
  terraformSucceeds(folder: string, ...args: readonly string[]): Promise<string> {
    return succeed('terraform', args, { cwd: folder, env: this.#environment });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
