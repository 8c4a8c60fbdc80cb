import { DescribeImagesCommand, ModifyImageAttributeCommand } from '@aws-sdk/client-ec2';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { awsSentence } from './aws-errors';
import type { Clients } from './clients';
import type { BuiltImage } from './manifest';

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
    const attempt = async (what: string, byHand: string, step: () => Promise<unknown>) => {
      try {
        await step();
        return true;
      } catch (error) {
        exitCode = 1;
        print(`The image ${imageId} in ${region} is there, but ${what}: ${awsSentence(error, region)}`);
        print(`  To make up for it: aws ${byHand} --region ${region}`);
        return false;
      }
    };
    await attempt(
      'its instances may still use IMDSv1',
      `ec2 modify-image-attribute --image-id ${imageId} --imds-support v2.0`,
      () => requireImdsV2(ec2, imageId),
    );
    const name = image.parameterName;
    if (!name) continue;
    const byHand = `ssm put-parameter --name ${name} --value ${imageId} --type String --data-type aws:ec2:image --overwrite`;
    if (await attempt('its ID is not published', byHand, () => publish(ssm, name, imageId))) {
      print(`Parameter  ${name} in ${region}: ImageId may be resolve:ssm:${name}`);
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
