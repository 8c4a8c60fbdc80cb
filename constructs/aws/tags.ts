import { Fn, type IAspect, TerraformResource, Token } from 'cdktf';
import type { IConstruct } from 'constructs';
import { BUCKET_TAG } from '../../lambdas/runtime/tags';

type TagSet = Readonly<Record<string, string>>;

/** Tags every resource that can have tags. */
export class Tags implements IAspect {
  readonly #sets: readonly TagSet[];
  readonly #tags: TagSet;

  /**
   * @param defaults tags whose values the user may change
   * @param tags the user's tags, perhaps a Terraform variable
   * @param fixed tags that nobody may change, since IAM conditions depend on them
   */
  constructor(defaults: TagSet, tags: TagSet = {}, fixed: TagSet = {}) {
    this.#sets = [defaults, tags, fixed];
    this.#tags = merged(this.#sets);
  }

  visit(node: IConstruct): void {
    // Data sources may have `tags` too, but as a filter.
    if (!TerraformResource.isTerraformResource(node) || !('tagsInput' in node)) return;
    // The console lists networks by their Name, which the user's tags may change. Other systems trust the bucket's tag.
    const { Name, [BUCKET_TAG]: bucket } = (node.tagsInput ?? {}) as TagSet;
    const before = Name === undefined ? [] : [{ Name }];
    const after = bucket === undefined ? [] : [{ [BUCKET_TAG]: bucket }];
    const own = before.length + after.length > 0;
    Object.assign(node, { tags: own ? merged([...before, ...this.#sets, ...after]) : this.#tags });
  }
}

/** Of two values the later one counts. One call of merge: CDKTF warns of a merge in another. */
function merged(sets: readonly TagSet[]): TagSet {
  return sets.some((each) => Token.isUnresolved(each)) ? Fn.merge([...sets]) : Object.assign({}, ...sets);
}
