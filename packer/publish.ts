import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { awsSentence } from './aws-errors';
import type { Clients } from './clients';
import type { BuiltImage } from './manifest';

/**
 * Writes the image's ID into the SSM parameter in each of the image's regions, if a parameter is named. SSM validates
 * the ID before the parameter takes it. This takes minutes at most (Systems Manager User Guide, "aws:ec2:image").
 *
 * @returns the exit code: 0 for success, 1 after printing each failure
 */
export async function publish(
  { ids, parameterName: name }: BuiltImage,
  clientsIn: (region: string) => Clients,
  print: (line: string) => void,
): Promise<number> {
  let exitCode = 0;
  for (const [region, id] of name ? ids : []) {
    const parameter = { Name: name, Value: id, Type: 'String', DataType: 'aws:ec2:image', Overwrite: true } as const;
    try {
      await clientsIn(region).ssm.send(new PutParameterCommand(parameter));
      print(`Parameter  ${name} in ${region}: ImageId may be resolve:ssm:${name}`);
    } catch (error) {
      exitCode = 1;
      print(`The image ${id} in ${region} is there, but its ID is not published: ${awsSentence(error, region)}`);
      print(
        `  To make up for it: aws ssm put-parameter --name ${name} --value ${id} --type String --data-type aws:ec2:image --overwrite --region ${region}`,
      );
    }
  }
  return exitCode;
}
