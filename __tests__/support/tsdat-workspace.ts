import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Finished, Workspace } from './terraform';

/** Deploys `pipelines_config.yml` files with Terraform. */
export class TsdatWorkspace extends Workspace {
  /**
   * Synthesises a file into a folder; again into the same folder, with the state that is there.
   *
   * @param settings of `context.tsdat`, besides the file; branches by default: `main`
   * @returns the folder of each stack, by the stack's name
   */
  async stacks(name: string, file: string, settings: object = {}): Promise<(stack: string) => string> {
    mkdirSync(path.join(this.folder, name), { recursive: true });
    const config = path.join(this.folder, name, 'pipelines_config.yml');
    writeFileSync(config, file);
    const context = { systems: ['tsdat'], tsdat: { config, branches: ['main'], ...settings } };
    const first = await this.synthesise(name, { CDKTF_CONTEXT_JSON: JSON.stringify(context) });
    return (stack) => path.join(path.dirname(first), stack);
  }

  init(folder: string): Promise<string> {
    return this.terraformSucceeds(folder, 'init', '-input=false');
  }
  apply(folder: string): Promise<Finished> {
    return this.terraform(folder, 'apply', '-input=false', '-auto-approve');
  }
  plan(folder: string): Promise<Finished> {
    return this.terraform(folder, 'plan', '-input=false', '-detailed-exitcode');
  }
  destroy(folder: string): Promise<Finished> {
    return this.terraform(folder, 'destroy', '-input=false', '-auto-approve');
  }
}

/** The exit code, and Terraform's sentence of what it has done or would do; all of its output where there is none. */
export const said = ({ code, output }: Finished) => [
  code,
  (output.match(/(Apply|Destroy) complete.*|No changes/) ?? output.match(/Plan: .*/))?.[0] ?? output,
];
