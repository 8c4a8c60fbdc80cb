import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { virtualClock } from '../../local/clock';
import { awsError, Service } from '../../local/service';
import type { Clients } from '../../packer/clients';
import type { BuiltImage } from '../../packer/manifest';
import { publish } from '../../packer/publish';

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

/** Two regions, each with a place for parameters; `denied` lets nobody write one. */
function aws(denied?: string) {
  const clock = { ...virtualClock(new Date()), sleep: async () => {} };
  const parameters = new Map<string, unknown>();
  const clientsIn = (region: string): Clients => {
    const ssm = new Service(clock, 0).on(PutParameterCommand, (input) => {
      if (region === denied) throw awsError('AccessDeniedException', 'You may not do ssm:PutParameter');
      parameters.set(region, input);
      return {};
    });
    return { ec2: new Service(clock, 0).client() as Clients['ec2'], ssm: ssm.client() as Clients['ssm'] };
  };
  const lines: string[] = [];
  return {
    ...{ parameters, lines },
    publish: (built = image) => publish(built, clientsIn, (line) => lines.push(line)),
  };
}

describe('A built image', () => {
  it('is published in each of its regions', async () => {
    const { parameters, publish } = aws();

    expect(await publish()).toBe(0);

    const parameter = { Name: '/datastream/ami', Type: 'String', DataType: 'aws:ec2:image', Overwrite: true };
    expect(Object.fromEntries(parameters)).toEqual({
      'us-east-2': { ...parameter, Value: 'ami-0bbbbbbbbbbbbbbbb' },
      'us-west-2': { ...parameter, Value: 'ami-0cccccccccccccccc' },
    });
  });

  it('is not published where no parameter is named', async () => {
    const { parameters, lines, publish } = aws();
    const { parameterName: _, ...unnamed } = image;

    expect(await publish(unnamed)).toBe(0);
    expect([...parameters, ...lines]).toEqual([]);
  });

  it('is published elsewhere when one region refuses, which is said', async () => {
    const { parameters, lines, publish } = aws('us-east-2');

    expect(await publish()).toBe(1);

    expect(lines.slice(0, 2)).toEqual([
      'The image ami-0bbbbbbbbbbbbbbbb in us-east-2 is there, but its ID is not published: These credentials have no permission for this: You may not do ssm:PutParameter.',
      '  To make up for it: aws ssm put-parameter --name /datastream/ami --value ami-0bbbbbbbbbbbbbbbb --type String --data-type aws:ec2:image --overwrite --region us-east-2',
    ]);
    expect(parameters.get('us-west-2')).toMatchObject({ Value: 'ami-0cccccccccccccccc' });
  });
});
