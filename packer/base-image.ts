import { DescribeImagesCommand, type EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import type { Settings, VariableFault } from './variables';

type Ec2 = Pick<EC2Client, 'send'>;

/** What the build begins with: the ID of the base image, or the variables that have to change. */
export interface BaseImage {
  readonly imageId?: string;
  readonly faults: readonly VariableFault[];
}

/**
 * Looks for the image that `base_ami` names, or for the one that the template's filter would find.
 *
 * @throws whatever AWS answers instead
 */
export async function findBaseImage(ec2: Ec2, settings: Settings): Promise<BaseImage> {
  return settings.base_ami === '' ? newest(ec2, settings) : given(ec2, settings);
}

async function given(ec2: Ec2, { base_ami, architecture, region }: Settings): Promise<BaseImage> {
  const fault = (message: string) => ({ faults: [{ name: 'base_ami', value: base_ami, message }] });
  const notThere = fault(
    `There is no such image in ${region} that this account may use: write the ID of one, or leave base_ami out.`,
  );
  try {
    const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [base_ami] }));
    if (!image) return notThere;
    if (image.Architecture === architecture) return { imageId: base_ami, faults: [] };
    return fault(
      `This image is ${image.Architecture}, the new one is to be ${architecture}: write another one, or leave it out.`,
    );
  } catch (error) {
    if (/^InvalidAMIID\./.test((error as Error).name)) return notThere;
    throw error;
  }
}

/** Amazon changes the kernel of its images from time to time, and Packer says only that the filter finds nothing. */
async function newest(ec2: Ec2, { kernel, architecture, region }: Settings): Promise<BaseImage> {
  const names = `al2023-ami-2023.*-kernel-*-${architecture}`;
  const { Images: images = [] } = await ec2.send(
    new DescribeImagesCommand({ Owners: ['amazon'], Filters: [{ Name: 'name', Values: [names] }] }),
  );
  const kernelOf = (name = '') => /-kernel-([\d.]+)-\w+$/.exec(name)?.[1];
  const wanted = images.filter(({ Name }) => kernelOf(Name) === kernel);
  const [image] = wanted.sort((a, b) => (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''));
  if (image?.ImageId) return { imageId: image.ImageId, faults: [] };
  const kernels = [...new Set(images.flatMap(({ Name }) => kernelOf(Name) ?? []))].sort();
  const others = kernels.map((each) => `kernel = "${each}", `).join('');
  const message = `Amazon has no Amazon Linux 2023 with this kernel for ${architecture} in ${region}: write ${others}${others && 'or '}the ID of an image as base_ami.`;
  return { faults: [{ name: 'kernel', value: kernel, message }] };
}

/**
 * Asks EC2, without launching anything, whether it knows the build instance's profile. EC2 has to find the profile to
 * see whether its role may be passed (IAM User Guide, "Grant a user permissions to pass a role to an AWS service"). Any
 * other answer is left to Packer, which asks IAM for the profile before it launches.
 */
export async function checkProfile(ec2: Ec2, imageId: string, settings: Settings): Promise<readonly VariableFault[]> {
  const { session_manager, iam_instance_profile, architecture, instance_type } = settings;
  if (!session_manager) return [];
  const InstanceType = (instance_type || { arm64: 't4g.large', x86_64: 't3.large' }[architecture]) as 't4g.large';
  try {
    const IamInstanceProfile = { Name: iam_instance_profile };
    const launch = { DryRun: true, ImageId: imageId, InstanceType, IamInstanceProfile, MinCount: 1, MaxCount: 1 };
    await ec2.send(new RunInstancesCommand(launch));
  } catch (error) {
    const { name, message } = error as Error;
    if (name !== 'InvalidParameterValue' || !/iamInstanceProfile/i.test(message)) return [];
    const sentence =
      'IAM has no such instance profile: deploy the state machine first, whose profile is taken where none is given, name the tfvars in use by --tfvars, or write the name of another profile that lets the SSM agent in.';
    return [{ name: 'iam_instance_profile', value: iam_instance_profile, message: sentence }];
  }
  return [];
}
