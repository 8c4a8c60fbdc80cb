import { defaultProfileName } from '../constructs/datastream/default-names';
import { readHclFile } from '../files/hcl';
import { shorten } from '../files/problems';
import type { Variables } from './variables';

/** The settings of the deployment that Packer's template uses. */
export interface Deployment {
  /** The tfvars file. */
  readonly file: string;
  /** The state machine's region. */
  readonly region: string;
  /** The name of the instances' profile. */
  readonly profileName: string;
  /** The SSM parameter with the image's ID; absent if the deployment names none. */
  readonly amiParameterName?: string;
}

/**
 * Reads the tfvars of the deployment.
 *
 * @throws Error that names the file and the missing variable
 */
export async function readDeployment(file: string): Promise<Deployment> {
  const variables = await readHclFile(file);
  const text = (name: string) => {
    const value = variables[name] ?? '';
    if (typeof value !== 'string') throw new Error(`${file}: ${name} is ${shorten(value)}: write a text, "...".`);
    return value === '' ? undefined : value;
  };
  const region = text('region');
  if (!region)
    throw new Error(`${file}: it names no region: write region = "us-east-1", or name the tfvars in use by --tfvars.`);
  const prefix = text('resource_prefix') ?? text('sm_name');
  const profileName = text('profile_name') ?? (prefix && defaultProfileName(prefix));
  if (!profileName) {
    throw new Error(
      `${file}: it names neither profile_name nor sm_name, which the instances' profile is called after: write sm_name.`,
    );
  }
  const amiParameterName = text('ami_parameter_name');
  return { file, region, profileName, ...(amiParameterName && { amiParameterName }) };
}

/**
 * The build instance's profile. Session Manager needs a profile that admits the SSM agent. The deployment's profile
 * does that. Without Session Manager the instance has no profile, unless a variable names one.
 */
export function buildProfile(
  { session_manager, iam_instance_profile }: Variables,
  { profileName }: Deployment,
): unknown {
  return session_manager === true && iam_instance_profile === '' ? profileName : iam_instance_profile;
}
