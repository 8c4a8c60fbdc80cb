import { DescribeImagesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import type { Settings, VariableProblem } from './variables';

type Ec2 = Pick<EC2Client, 'send'>;

/**
 * Checks that the base image exists: the image of `base_ami`, or one that the template's filter finds.
 *
 * @returns the variable that the user must change; empty if the base image exists
 * @throws the error of AWS
 */
export async function checkBaseImage(ec2: Ec2, settings: Settings): Promise<readonly VariableProblem[]> {
  return settings.base_ami === '' ? checkNewest(ec2, settings) : checkGiven(ec2, settings);
}

async function checkGiven(ec2: Ec2, { base_ami, architecture, region }: Settings): Promise<readonly VariableProblem[]> {
  const problem = (message: string) => [{ name: 'base_ami', value: base_ami, message }];
  const { Images: [image] = [] } = await ec2
    .send(new DescribeImagesCommand({ ImageIds: [base_ami] }))
    .catch((error: Error) => {
      if (/^InvalidAMIID\./.test(error.name)) return { Images: [] };
      throw error;
    });
  if (!image) {
    return problem(
      `There is no such image in ${region} that this account may use: write the ID of one, or leave base_ami out.`,
    );
  }
  if (image.Architecture === architecture) return [];
  return problem(
    `This image is ${image.Architecture}, the new one is to be ${architecture}: choose another one, or leave it out.`,
  );
}

/** From time to time Amazon changes the kernel of its images. Packer then reports only that no image matches. */
async function checkNewest(ec2: Ec2, { kernel, architecture, region }: Settings): Promise<readonly VariableProblem[]> {
  const names = `al2023-ami-2023.*-kernel-*-${architecture}`;
  const { Images: images = [] } = await ec2.send(
    new DescribeImagesCommand({ Owners: ['amazon'], Filters: [{ Name: 'name', Values: [names] }] }),
  );
  const kernels = new Set(images.flatMap(({ Name = '' }) => /-kernel-([\d.]+)-\w+$/.exec(Name)?.[1] ?? []));
  if (kernels.has(kernel)) return [];
  const others = [...kernels].sort().map((each) => `kernel = "${each}", `);
  const message = `Amazon has no Amazon Linux 2023 with this kernel for ${architecture} in ${region}: write ${others.join('')}${others.length > 0 ? 'or ' : ''}the ID of an image as base_ami.`;
  return [{ name: 'kernel', value: kernel, message }];
}
