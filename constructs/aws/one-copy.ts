import path from 'node:path';
import { TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';

/**
 * Refuses a construct in a stack of another copy of cdktf. Each copy knows only its own aspects: every tag would be
 * missing, without an error. IAM conditions and the clean-up depend on tags.
 *
 * @throws Error that names the copy of this package, and says how to see and remove the second copy
 */
export function checkOneCopy(construct: Construct): void {
  if (TerraformStack.of(construct) instanceof TerraformStack) return;
  const copy = path.dirname(path.dirname(require.resolve('cdktf')));
  const name = path.basename(copy);
  throw new Error(
    `The App uses another copy of ${name} than ${construct.constructor.name}, whose copy is ${copy}: the stack's tags would be missing. ` +
      `Run "npm ls ${name}" to see both and "npm dedupe" to have one.`,
  );
}
