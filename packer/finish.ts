import { DescribeImagesCommand, type EC2Client, ModifyImageAttributeCommand } from '@aws-sdk/client-ec2';
import { PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { awsSentence } from './aws-errors';
import type { BuiltImage } from './manifest';

/** AWS in one region. */
export interface Clients {
  readonly ec2: Pick<EC2Client, 'send'>;
  readonly ssm: Pick<SSMClient, 'send'>;
}

/**
 * What is done in each region with an image that is there: its instances get IMDSv2, and its ID is published where a
 * parameter is named.
 *
 * @returns the exit code: 0, or 1 when anything is left undone, which is printed
 */
export async function finish(
  image: BuiltImage,
  clientsIn: (region: string) => Clients,
  print: (line: string) => void,
): Promise<number> {
  let exitCode = 0;
  for (const [region, imageId] of image.ids) {
    const { ec2, ssm } = clientsIn(region);
    try {
      await requireImdsV2(ec2, imageId);
      if (image.parameterName) {
        await publish(ssm, image.parameterName, imageId);
        print(`Parameter  ${image.parameterName} in ${region}: ImageId may be resolve:ssm:${image.parameterName}`);
      }
    } catch (error) {
      exitCode = 1;
      print(`The image ${imageId} in ${region} is there, but not all is done: ${awsSentence(error, region)}`);
    }
  }
  return exitCode;
}

/** Images inherit it from Amazon Linux 2023; other base images, and Packer before 1.7, have none. It cannot be undone. */
async function requireImdsV2(ec2: Clients['ec2'], imageId: string): Promise<void> {
  const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
  if (image?.ImdsSupport === 'v2.0') return;
  await ec2.send(new ModifyImageAttributeCommand({ ImageId: imageId, ImdsSupport: { Value: 'v2.0' } }));
}

/** SSM looks at the ID before the parameter takes it, within minutes (Systems Manager User Guide, "aws:ec2:image"). */
async function publish(ssm: Clients['ssm'], name: string, imageId: string): Promise<void> {
  const parameter = { Name: name, Value: imageId, Type: 'String', DataType: 'aws:ec2:image', Overwrite: true } as const;
  await ssm.send(new PutParameterCommand(parameter));
}
