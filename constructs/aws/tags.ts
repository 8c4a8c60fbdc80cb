import { Fn, type IAspect, TerraformResource, Token } from 'cdktf';
import type { IConstruct } from 'constructs';

type TagSet = Readonly<Record<string, string>>;

/** Tags every resource that can have tags. */
export class Tags implements IAspect {
  readonly #tags: Record<string, string>;

  /**
   * @param defaults to which the user may give other values
   * @param tags of the user, perhaps a Terraform variable
   * @param fixed which nobody may change: IAM's conditions rest on them
   */
  constructor(defaults: TagSet, tags: TagSet = {}, fixed: TagSet = {}) {
    this.#tags = Token.isUnresolved(tags) ? Fn.merge([defaults, tags, fixed]) : { ...defaults, ...tags, ...fixed };
  }

  visit(node: IConstruct): void {
    // Data sources may have `tags` as well, but there they are a filter.
    if (TerraformResource.isTerraformResource(node) && 'tagsInput' in node) Object.assign(node, { tags: this.#tags });
  }
}
