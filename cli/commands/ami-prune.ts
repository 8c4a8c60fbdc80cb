import { awsSentence } from '../../packer/aws-errors';
import { type Ec2, type OwnImage, type PrunePlan, planPrune, prune } from '../../packer/images';
import { reasonsToKeep } from '../../packer/names';
import { type Output, unknownNames, type Where, withImages } from '../aws/own-images';
import { table } from '../output/table';

/**
 * Removes old images of this project with their snapshots, or prints what would be removed.
 *
 * @returns the exit code: 0, or 1 if something could not be removed or AWS cannot be asked
 */
export function pruneImages(
  options: Where & { readonly keep: number; readonly dryRun?: boolean },
  out: Output,
  err: Output,
): Promise<number> {
  return withImages(options, err, async (found) => {
    const { region, inventory, named } = found;
    const refusals = unknownNames(found);
    if (refusals.length > 0) {
      for (const sentence of refusals) err.write(`${sentence}\n`);
      err.write('Nothing was removed: any image might be named there. Mend it, or move it out of executions/.\n');
      return 1;
    }
    const plan = planPrune(inventory, options.keep, reasonsToKeep(named, region));
    showPlan(plan, region, options.dryRun ?? false, out);
    if (options.dryRun) return 0;
    return carryOut(found.ec2, region, plan, out, err);
  });
}

function showPlan(plan: PrunePlan, region: string, dryRun: boolean, out: Output): void {
  const { keep, deregister, deleteSnapshots, keepSnapshots } = plan;
  const of = (image: OwnImage) => [image.id, image.family, image.architecture, image.created.slice(0, 10)];
  const mapped = new Set(deregister.flatMap(({ snapshots }) => snapshots));
  const kept = new Set(keepSnapshots.map(({ id }) => id));
  const rows = [
    ...keep.map(({ image, why }) => ['keep', ...of(image), why]),
    ...deregister.map((image) => [
      'remove',
      ...of(image),
      [`${image.sizeGiB} GiB`, ...image.snapshots.filter((id) => !kept.has(id))].join(', '),
    ]),
    ...deleteSnapshots
      .filter(({ id }) => !mapped.has(id))
      .map(({ id, sizeGiB }) => ['remove', id, '', '', '', `${sizeGiB} GiB, no image is made of it any more`]),
    ...keepSnapshots.map(({ id, why }) => ['keep', id, '', '', '', why]),
  ];
  if (rows.length > 0) out.write(table(rows));
  if (deregister.length + deleteSnapshots.length === 0) out.write(`${region}: nothing to remove.\n`);
  else if (dryRun) out.write(`${region}: would remove ${amount(deregister.length, deleteSnapshots)}.\n`);
}

/**
 * Removes what the plan lists, and prints a line for each removal.
 *
 * @returns the exit code: 0, or 1 if something could not be removed
 */
export async function carryOut(ec2: Ec2, region: string, plan: PrunePlan, out: Output, err: Output): Promise<number> {
  let images = 0;
  const snapshots: PrunePlan['deleteSnapshots'][number][] = [];
  const failed: string[] = [];
  await prune(ec2, plan, (step) => {
    if (step.type === 'deregistered') {
      images += 1;
      out.write(`deregistered ${step.id}\n`);
    } else if (step.type === 'deleted') {
      snapshots.push(step.snapshot);
      out.write(`deleted ${step.snapshot.id}\n`);
    } else if (step.type === 'in use') {
      out.write(`kept ${step.id}: EC2 says that it is in use; a later prune tries again\n`);
    } else {
      failed.push(step.id);
      err.write(`${step.id}: ${awsSentence(step.error, region)}\n`);
    }
  });
  if (images + snapshots.length > 0) out.write(`${region}: removed ${amount(images, snapshots)}.\n`);
  if (failed.length === 0) return 0;
  err.write(`${region}: not removed: ${failed.join(', ')}.\n`);
  return 1;
}

function amount(images: number, snapshots: PrunePlan['deleteSnapshots']): string {
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
  const size = snapshots.reduce((sum, { sizeGiB }) => sum + sizeGiB, 0);
  return `${count(images, 'image')} and ${count(snapshots.length, 'snapshot')} (${size} GiB of volumes)`;
}
