import { DescribeImagesCommand, ModifyImageAttributeCommand } from '@aws-sdk/client-ec2';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { virtualClock } from '../../local/clock';
import { awsError, Service } from '../../local/service';
import type { Clients } from '../../packer/clients';
import { finish } from '../../packer/finish';
import type { BuiltImage } from '../../packer/manifest';

const image: BuiltImage = {
  name: 'datastream-arm64-20261122-180042',
  architecture: 'arm64',
  volumeSize: 32,
  parameterName: '/datastream/ami',
  ids: new Map([
    ['us-east-2', 'ami-0bbbbbbbbbbbbbbbb'],
    ['us-west-2', 'ami-0cccccccccccccccc'],
  ]),
};

/** Two regions, with an image and a place for parameters in each. */
function aws({ imds, denied }: { readonly imds?: 'v2.0'; readonly denied?: string } = {}) {
  const clock = { ...virtualClock(new Date()), sleep: async () => {} };
  const state = new Map<string, { imds?: string; parameter?: unknown }>();
  const clientsIn = (region: string): Clients => {
    const here: { imds?: string; parameter?: unknown } = { ...(imds && { imds }) };
    state.set(region, here);
    const ec2 = new Service(clock, 0)
      .on(DescribeImagesCommand, () => ({ Images: [{ ImdsSupport: here.imds }] }))
      .on(ModifyImageAttributeCommand, ({ ImdsSupport }) => {
        if (imds) throw awsError('InvalidRequest', 'It is v2.0 already.');
        here.imds = ImdsSupport?.Value;
        return {};
      });
    const ssm = new Service(clock, 0).on(PutParameterCommand, (input) => {
      if (region === denied) throw awsError('AccessDeniedException', 'You may not do ssm:PutParameter');
      here.parameter = input;
      return {};
    });
    return { ec2: ec2.client() as Clients['ec2'], ssm: ssm.client() as Clients['ssm'] };
  };
  const lines: string[] = [];
  return { state, lines, finish: () => finish(image, clientsIn, (line) => lines.push(line)) };
}

describe('A built image', () => {
  it('asks for IMDSv2 and is published in each of its regions', async () => {
    const { state, finish } = aws();

    expect(await finish()).toBe(0);

    const parameter = { Name: '/datastream/ami', Type: 'String', DataType: 'aws:ec2:image', Overwrite: true };
    expect(Object.fromEntries(state)).toEqual({
      'us-east-2': { imds: 'v2.0', parameter: { ...parameter, Value: 'ami-0bbbbbbbbbbbbbbbb' } },
      'us-west-2': { imds: 'v2.0', parameter: { ...parameter, Value: 'ami-0cccccccccccccccc' } },
    });
  });

  it('is left alone where it asks for IMDSv2 already', async () => {
    expect(await aws({ imds: 'v2.0' }).finish()).toBe(0);
  });

  it('is published elsewhere when one region refuses, which is said', async () => {
    const { state, lines, finish } = aws({ denied: 'us-east-2' });

    expect(await finish()).toBe(1);

    expect(lines.slice(0, 2)).toEqual([
      'The image ami-0bbbbbbbbbbbbbbbb in us-east-2 is there, but its ID is not published: These credentials have no permission for this: You may not do ssm:PutParameter.',
      '  To make up for it: aws ssm put-parameter --name /datastream/ami --value ami-0bbbbbbbbbbbbbbbb --type String --data-type aws:ec2:image --overwrite --region us-east-2',
    ]);
    expect(state.get('us-west-2')?.parameter).toMatchObject({ Value: 'ami-0cccccccccccccccc' });
  });
});
