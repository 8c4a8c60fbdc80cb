import { Fn, type IAspect, TerraformResource, Token } from 'cdktf';
import type { IConstruct } from 'constructs';
import { BUCKET_TAG } from '../../lambdas/runtime/tags';

type TagSet = Readonly<Record<string, string>>;

/** Tags of a resource itself, which a tag of the user's with the same name replaces. The console lists networks by Name. */
const OWN = ['Name', BUCKET_TAG];

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
    const own = Object.entries((node.tagsInput ?? {}) as TagSet).filter(([key]) => OWN.includes(key));
    Object.assign(node, { tags: own.length === 0 ? this.#tags : merged(Object.fromEntries(own), this.#tags) });
  }
}

function merged(own: TagSet, tags: TagSet): TagSet {
  return Token.isUnresolved(tags) ? Fn.merge([own, tags]) : { ...own, ...tags };
}
