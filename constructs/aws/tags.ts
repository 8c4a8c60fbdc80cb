import { Fn, type IAspect, TerraformResource, Token } from 'cdktf';
import type { IConstruct } from 'constructs';

/**
 * The tag on everything that belongs to one state machine; its value is the state machine's ARN. IAM's conditions
 * rest on it, so the functions write the same key on what they launch.
 */
export const STATE_MACHINE_TAG = 'datastream:state-machine';

/** Tags every resource that can have tags. */
export class Tags implements IAspect {
  readonly #tags: Record<string, string>;

  /** @param tags of the user; they may give `Project` another value, but not the state machine's tag */
  constructor(stateMachineArn: string, tags: Readonly<Record<string, string>> = {}) {
    const first = { Project: 'cdktf-datastream' };
    const last = { [STATE_MACHINE_TAG]: stateMachineArn };
    this.#tags = Token.isUnresolved(tags) ? Fn.merge([first, tags, last]) : { ...first, ...tags, ...last };
  }

  visit(node: IConstruct): void {
    // Data sources may have `tags` as well, but there they are a filter.
    if (TerraformResource.isTerraformResource(node) && 'tagsInput' in node) Object.assign(node, { tags: this.#tags });
  }
}
