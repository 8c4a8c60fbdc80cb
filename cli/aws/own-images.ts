import { basename, resolve } from 'node:path';
import { awsSentence } from '../../packer/aws-errors';
import { clientsIn } from '../../packer/clients';
import { readDeployment } from '../../packer/deployment';
import { type Ec2, findImages, type Inventory } from '../../packer/images';
import { findNames, type NamedImages, namesInFiles } from '../../packer/names';

export interface Output {
  write(text: string): unknown;
}

/** The region to ask. Default: the region that the tfvars deploy to. */
export interface Where {
  readonly tfvars: string;
  readonly region?: string;
  /** The folder of execution files. The images that they name stay. */
  readonly executions: string;
}

export interface Found {
  readonly region: string;
  readonly ec2: Ec2;
  readonly inventory: Inventory;
  readonly named: NamedImages;
  /** Sentences about files whose image names cannot be read. */
  readonly unreadable: readonly string[];
}

/** Asks AWS for this project's images. Every error of the SDK becomes one sentence. */
export async function withImages(options: Where, err: Output, act: (found: Found) => Promise<number>): Promise<number> {
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

/** Sentences why the images that the files in executions/ name are not all known. */
export function unknownNames({ unreadable, named, region }: Found): string[] {
  const unread = named.unread.map(
    ({ parameter, files, error }) =>
      `${files.join(', ')}: SSM parameter ${parameter} cannot be read: ${awsSentence(error, region)}`,
  );
  return [...unreadable, ...unread];
}
