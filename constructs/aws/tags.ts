import { Fn, type IAspect, TerraformResource, Token } from 'cdktf';
import type { IConstruct } from 'constructs';

type TagSet = Readonly<Record<string, string>>;

/** Tags every resource that can have tags. */
export class Tags implements IAspect {
  readonly #tags: Record<string, string>;

  /**
   * @param defaults tags whose values the user may change
   * @param tags the user's tags, perhaps a Terraform variable
   * @param fixed tags that nobody may change, since IAM conditions depend on them
   */
  constructor(defaults: TagSet, tags: TagSet = {}, fixed: TagSet = {}) {
    this.#tags = Token.isUnresolved(tags) ? Fn.merge([defaults, tags, fixed]) : { ...defaults, ...tags, ...fixed };
  }

  visit(node: IConstruct): void {
    // Data sources may have `tags` too, but as a filter.
    if (!TerraformResource.isTerraformResource(node) || !('tagsInput' in node)) return;
    // The console lists networks by their Name. The fixed tags stay what they are: Name is none of them.
    const { Name } = (node.tagsInput ?? {}) as TagSet;
    const tags = Name === undefined ? this.#tags : withName(this.#tags, Name);
    Object.assign(node, { tags });
  }
}

function withName(tags: TagSet, Name: string): TagSet {
  return Token.isUnresolved(tags) ? Fn.merge([{ Name }, tags]) : { Name, ...tags };
}
