import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { motoEnvironment } from './moto';
import { providerMirror } from './tools';

/** This package's folder. */
export const ROOT = path.join(__dirname, '..', '..');

/** How a program ended. */
export interface Finished {
  readonly code: number;
  /** Standard output and standard error, in the order they came, without colours. */
  readonly output: string;
}

/** This process' environment without the user's own AWS account and values of the image template's variables. */
export const ENVIRONMENT: Readonly<Record<string, string | undefined>> = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(AWS|PKR_VAR)_/.test(name)),
);

/** Runs a program to its end, in ENVIRONMENT and what is given; never throws for its exit code. */
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

/** The same, for programs that must succeed. @throws Error with all of its output otherwise */
export async function succeed(...[program, args, options]: Parameters<typeof run>): Promise<string> {
  const { code, output } = await run(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${output}`);
  return output;
}

/** What `npm run module` runs; takes the folder to write to. */
export const MODULE_COMMAND = [
  path.join(ROOT, 'node_modules', '.bin', 'tsx'),
  path.join(ROOT, 'package', 'terraform-module.ts'),
] as const;

/** The execution template as it is before anybody has filled it in. */
export const TEMPLATE = path.join(__dirname, 'execution_template.json');

/** A fresh clone, installed: what git has under the names given, or all of it, and none of the user's own files. */
export async function clone(folder: string, ...names: readonly string[]): Promise<void> {
  const listed = await succeed('git', ['ls-files', '-z', '--', ...names], { cwd: ROOT });
  for (const file of listed.split('\0')) {
    // Git knows it until its removal is committed.
    if (file && existsSync(path.join(ROOT, file))) cpSync(path.join(ROOT, file), path.join(folder, file));
  }
  cpSync(TEMPLATE, path.join(folder, 'executions', 'execution_template.json'));
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
}

/** A temporary folder for one suite: one synthesis, and as many Terraform working folders as there are deployments. */
export class Workspace {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'datastream-terraform-'));
  readonly #environment: Readonly<Record<string, string>>;

  /** @param endpoint where Terraform finds AWS */
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
      // Two `terraform init` at once break a cache they share, and cdktf makes one in the home folder.
      CDKTF_DISABLE_PLUGIN_CACHE_ENV: 'true',
      // cdktf locks the providers for other platforms too: without this Terraform asks the registry for that.
      ...(mirror && { TF_CLI_ARGS_providers_lock: `-fs-mirror=${mirror}` }),
      TF_IN_AUTOMATION: '1',
      CHECKPOINT_DISABLE: '1',
    };
  }

  /** What every program of this suite runs with. */
  get environment(): Readonly<Record<string, string>> {
    return this.#environment;
  }

  /** Runs main.ts. @returns the folder that holds the stack's JSON */
  async synthesise(name = 'synthesis', env: Readonly<Record<string, string>> = {}): Promise<string> {
    const outdir = path.join(this.folder, name, 'cdktf.out');
    mkdirSync(outdir, { recursive: true });
    await succeed(path.join(ROOT, 'node_modules', '.bin', 'tsx'), ['main.ts'], {
      cwd: ROOT,
      env: { ...this.#environment, CDKTF_OUTDIR: outdir, ...env },
    });
    return path.join(outdir, 'stacks', 'datastream');
  }

  /** A copy of a synthesised and initialised stack, with a state of its own. */
  copy(stack: string, name: string): string {
    const folder = path.join(this.folder, name, 'cdktf.out', 'stacks', 'datastream');
    cpSync(stack, folder, { recursive: true, verbatimSymlinks: true });
    return folder;
  }

  /** Runs Terraform in a stack's folder. */
  terraform(folder: string, ...args: readonly string[]): Promise<Finished> {
    return run('terraform', args, { cwd: folder, env: this.#environment });
  }

  /** The same, for what must succeed. @throws Error with all of its output otherwise */
  terraformSucceeds(folder: string, ...args: readonly string[]): Promise<string> {
    return succeed('terraform', args, { cwd: folder, env: this.#environment });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
