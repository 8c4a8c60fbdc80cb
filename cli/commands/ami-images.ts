import { basename, resolve } from 'node:path';
import { awsSentence } from '../../packer/aws-errors';
import { clientsIn } from '../../packer/clients';
import { readDeployment } from '../../packer/deployment';
import {
  type Ec2,
  findImages,
  type Inventory,
  type OwnImage,
  type PrunePlan,
  planPrune,
  prune,
  sharingOf,
} from '../../packer/images';
import { findBuilders } from '../../packer/leftovers';
import { findNames, type NamedImages, namesInFiles, reasonsToKeep } from '../../packer/names';

interface Output {
  write(text: string): unknown;
}

const HEADER = ['ID', 'NAME', 'FAMILY', 'ARCH', 'CREATED', 'GIB', 'STATE', 'SHARED', 'SNAPSHOTS', 'NAMED BY'];

/** The region that is asked: the one that is given, else the one that the tfvars deploy to. */
interface Where {
  readonly tfvars: string;
  readonly region?: string;
  /** The folder whose files' images stay. */
  readonly executions: string;
}

interface Found {
  readonly region: string;
  readonly ec2: Ec2;
  readonly inventory: Inventory;
  readonly named: NamedImages;
  /** Sentences about files whose names cannot be known. */
  readonly unreadable: readonly string[];
}

/**
 * Prints this project's images of a region as a table.
 *
 * @returns the exit code: 0, 1 when AWS cannot be asked
 */
export function listImages(options: Where, out: Output, err: Output): Promise<number> {
  return withImages(options, err, async (found) => {
    const { region, ec2, inventory, named } = found;
    for (const sentence of unknownNames(found)) err.write(`${sentence} What it names is not known.\n`);
    for (const { InstanceId, State, LaunchTime } of await findBuilders(ec2)) {
      const since = LaunchTime?.toISOString().slice(0, 16).replace('T', ' ');
      err.write(
        `The build instance ${InstanceId} is ${State?.Name}, launched ${since}. If no build is under way: aws ec2 terminate-instances --region ${region} --instance-ids ${InstanceId}\n`,
      );
    }
    if (inventory.images.length === 0) {
      out.write(`${region}: this project has no images here.\n`);
      return 0;
    }
    const rows = [HEADER];
    for (const image of inventory.images) {
      rows.push([
        image.id,
        image.name,
        image.family,
        image.architecture,
        image.created.slice(0, 16).replace('T', ' '),
        String(image.sizeGiB),
        image.state,
        await sharingOf(ec2, image.id),
        image.snapshots.join(', ') || '-',
        namedBy(image, named) || '-',
      ]);
    }
    out.write(table(rows));
    return 0;
  });
}

/**
 * Removes old images of this project with their snapshots, or prints what would be removed.
 *
 * @returns the exit code: 0, 1 when something could not be removed or AWS cannot be asked
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

/** Asks AWS what there is; every error of the SDK becomes one sentence. */
async function withImages(options: Where, err: Output, act: (found: Found) => Promise<number>): Promise<number> {
  const region = options.region ?? (await readDeployment(options.tfvars)).region;
  try {
    const { ec2, ssm } = clientsIn(region);
    const inventory = await findImages(ec2);
    const files = namesInFiles(options.executions, basename(resolve(options.executions)));
    const named = await findNames(ssm, inventory.images, files);
    return await act({ region, ec2, inventory, named, unreadable: files.unreadable });
  } catch (error) {
    err.write(`${awsSentence(error, region)}\n`);
    return 1;
  }
}

/** Why it cannot be known which images the files in executions/ name. */
function unknownNames({ unreadable, named, region }: Found): string[] {
  const unread = named.unread.map(
    ({ parameter, files, error }) =>
      `${files.join(', ')}: SSM parameter ${parameter} cannot be read: ${awsSentence(error, region)}`,
  );
  return [...unreadable, ...unread];
}

/** What names the image, for the table. */
function namedBy({ id }: OwnImage, named: NamedImages): string {
  const unknown = named.unknown.get(id);
  const names = named.names.get(id) ?? [];
  return [...names, ...(unknown ? [`SSM parameter ${unknown.parameter}, which cannot be read`] : [])].join(', ');
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
 * Removes what the plan says, each thing with a line.
 *
 * @returns the exit code: 0, 1 when something could not be removed
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

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>((most, row) => row.map((cell, at) => Math.max(most[at] ?? 0, cell.length)), []);
  const line = (row: readonly string[]) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}
