import * as z from 'zod';
import type { ParseOptions } from '../executions/model';
import { REGION } from '../executions/region';
import { AMI_ID } from '../executions/run-instances';
import { readJsonFile } from '../files/json-file';

/** An image that a build has made, with its copies in other regions. */
export interface BuiltImage {
  /** The image's name, the same in every region. */
  readonly name: string;
  readonly architecture: NonNullable<ParseOptions['imageArchitecture']>;
  /** The size of the root volume in GiB. An instance's root volume cannot be smaller. */
  readonly volumeSize: number;
  /** The SSM parameter for the ID; absent if no parameter is wanted. */
  readonly parameterName?: string;
  /** The AMI's ID in each region. The first region is that of the build. */
  readonly ids: ReadonlyMap<string, string>;
}

/** The file of Packer's manifest post-processor. image.pkr.hcl adds `custom_data`. */
const Manifest = z.object({
  builds: z.array(
    z.object({
      artifact_id: z.string(),
      packer_run_uuid: z.string(),
      custom_data: z.object({
        architecture: z.enum(['arm64', 'x86_64']),
        name: z.string().min(1).max(128),
        volume_size: z.string().regex(/^\d+$/),
        ami_parameter_name: z.string().regex(/^((\/[A-Za-z0-9_.-]+){1,15})?$/),
      }),
    }),
  ),
  last_run_uuid: z.string(),
});

const AGAIN = "Build the image with 'npx datastream ami build', or name its manifest by --manifest.";

/**
 * Returns the image of the manifest's last run. The file also holds earlier runs.
 *
 * @throws Error that names the file and its problem
 */
export function readManifest(file: string): BuiltImage {
  const json = readJsonFile(file);
  if ('error' in json) throw new Error(`${json.error} Packer writes it at the end of a build. ${AGAIN}`);
  const { data: manifest, error } = Manifest.safeParse(json.value);
  if (!manifest) {
    const where = error.issues[0]?.path.join('.');
    throw new Error(
      `${file}: this is no manifest of packer/image/image.pkr.hcl: ${where ? `${where} is missing, or is something else` : 'it is no object'}. ${AGAIN}`,
    );
  }
  const builds = manifest.builds.filter((build) => build.packer_run_uuid === manifest.last_run_uuid);
  const [build] = builds;
  if (!build) {
    throw new Error(
      `${file}: its last build (${manifest.last_run_uuid || 'none'}) has left no image: it has failed. ${AGAIN}`,
    );
  }
  if (builds.length > 1) throw new Error(`${file}: its last run has made ${builds.length} images, not one. ${AGAIN}`);
  const ids = new Map(build.artifact_id.split(',').map((each) => each.split(':') as [string, string]));
  // Regions and IDs become parts of file names and of commands.
  const faulty = [...ids].filter(([region, id]) => !REGION.test(region) || !AMI_ID.test(id ?? ''));
  if (faulty.length > 0) {
    throw new Error(
      `${file}: artifact_id is ${JSON.stringify(build.artifact_id)}, where Packer writes <region>:<AMI>: the build has failed. ${AGAIN}`,
    );
  }
  const { architecture, name, volume_size, ami_parameter_name } = build.custom_data;
  return {
    name,
    architecture,
    volumeSize: Number(volume_size),
    ...(ami_parameter_name && { parameterName: ami_parameter_name }),
    ids,
  };
}
