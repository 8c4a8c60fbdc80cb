import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { architectureOfType } from '../executions/instance-types';
import { parseExecution } from '../executions/parse';
import { readJsonFile } from '../files/json-file';
import type { Problem } from '../files/problems';
import { isRecord } from '../files/values';
import { writeFileAtomically } from '../files/write-file';
import type { Deployment } from './deployment';
import type { BuiltImage } from './manifest';

/** The template's file name. For other regions the name has the region before the extension. */
export const TEMPLATE = 'execution_template.json';

/** The instance type for a template whose own type has the other architecture. */
const INSTANCE_TYPE = { arm64: 't4g.xlarge', x86_64: 't3.xlarge' } as const;

/** An execution template that was written. */
export interface WrittenTemplate {
  readonly file: string;
  readonly region: string;
  readonly imageId: string;
  /** The values that the user must still fill in. */
  readonly problems: readonly Problem[];
}

type Template = Readonly<Record<string, unknown>>;

/**
 * Writes the image's ID into the execution templates, one for each region of the image. The templates' other values
 * stay, so the user fills in a key pair only once. A new region's template has placeholders for regional values.
 *
 * @param folder the folder of the execution files
 * @throws Error before anything is written, if the deployment's region has no image or a template cannot be read
 */
export function writeTemplates(image: BuiltImage, deployment: Deployment, folder: string): readonly WrittenTemplate[] {
  if (!image.ids.has(deployment.region)) {
    throw new Error(
      `The image ${image.name} is in ${[...image.ids.keys()].join(', ')}, but ${deployment.file} deploys to ${deployment.region}, where executions cannot use it: ` +
        'name the tfvars in use by --tfvars, or copy the image there by ami_regions.',
    );
  }
  const template = readTemplate(folder);
  const written = [...image.ids].map(([region, imageId]) => {
    const file = region === deployment.region ? templateFile(folder) : templateFile(folder, region);
    const base = existsSync(file) ? read(file) : withoutRegional(template);
    const filled = fill(base, region, imageId, image, deployment.profileName);
    const { problems } = parseExecution(filled, { region, imageArchitecture: image.architecture });
    return { file, region, imageId, filled, problems };
  });
  for (const { file, filled } of written) writeFileAtomically(file, `${JSON.stringify(filled, null, 2)}\n`);
  return written;
}

/**
 * Reads the execution template and checks that its folder is writable.
 *
 * @throws Error if the template cannot be read as an execution file, or if its folder is not writable
 */
export function readTemplate(folder: string): Template {
  const template = read(templateFile(folder));
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    throw new Error(
      `${folder}: you have no permission to write there, where the image's ID goes: name another folder by --executions.`,
    );
  }
  return template;
}

function templateFile(folder: string, region?: string): string {
  return path.join(folder, region ? TEMPLATE.replace('.json', `.${region}.json`) : TEMPLATE);
}

function read(file: string): Template {
  const json = readJsonFile(file);
  if ('error' in json) throw new Error(`${json.error} It is the template that the image's ID is written into.`);
  if (!isRecord(json.value) || !isRecord(json.value.instance_parameters)) {
    throw new Error(`${file}: this is no execution template: write { "instance_parameters": { ... }, ... }.`);
  }
  return json.value;
}

function fill(template: Template, region: string, imageId: string, image: BuiltImage, profile: string): Template {
  const parameters = template.instance_parameters as Template;
  const { InstanceType: type, BlockDeviceMappings: mappings } = parameters;
  // The template keeps its instance type if the image's architecture fits it.
  const fits = typeof type === 'string' && architectureOfType(type) === image.architecture;
  return {
    ...template,
    instance_parameters: {
      ...parameters,
      ImageId: imageId,
      InstanceType: fits ? type : INSTANCE_TYPE[image.architecture],
      IamInstanceProfile: { Name: profile },
      ...(Array.isArray(mappings) && {
        BlockDeviceMappings: mappings.map((each) => largeEnough(each, image.volumeSize)),
      }),
    },
    region,
  };
}

/** The first content of another region's template, without the resources that exist in one region only. */
function withoutRegional(template: Template): Template {
  const { SubnetId: _, NetworkInterfaces: __, ...parameters } = template.instance_parameters as Template;
  return {
    ...template,
    instance_parameters: {
      ...parameters,
      ...(parameters.KeyName !== undefined && { KeyName: '<your-key-pair>' }),
      ...(parameters.SecurityGroupIds !== undefined && { SecurityGroupIds: ['sg-###'] }),
    },
  };
}

/** EC2 refuses a root volume that is smaller than the image's snapshot. */
function largeEnough(mapping: unknown, size: number): unknown {
  if (!isRecord(mapping) || mapping.DeviceName !== '/dev/xvda' || !isRecord(mapping.Ebs)) return mapping;
  const { VolumeSize } = mapping.Ebs;
  if (typeof VolumeSize !== 'number' || VolumeSize >= size) return mapping;
  return { ...mapping, Ebs: { ...mapping.Ebs, VolumeSize: size } };
}
