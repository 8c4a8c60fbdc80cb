import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BuiltImage } from '../../packer/manifest';
import { writeTemplates } from '../../packer/template';

/** As it is published; a build has perhaps filled in the file itself. */
const PUBLISHED = {
  $schema: './execution.schema.json',
  instance_parameters: {
    ImageId: 'ami-###',
    InstanceType: 't4g.xlarge',
    KeyName: '<your-key-pair>',
    SecurityGroupIds: ['sg-###'],
    IamInstanceProfile: { Name: '<name-of-instance-profile>' },
    TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: '<name-of-the-job>' }] }],
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 64, VolumeType: 'gp3' } }],
  },
  region: 'us-east-1',
  commands: ['./model'],
  run_options: { ii_terminate_instance: true, ii_check_s3: { bucket: '<your-bucket>', prefix: 'run/result.tar.gz' } },
};
const deployment = { file: 'my.tfvars', region: 'us-east-2', profileName: 'nextgen_ec2_profile' };
const image: BuiltImage = {
  name: 'datastream-arm64-20261122-180042',
  architecture: 'arm64',
  volumeSize: 32,
  ids: new Map([['us-east-2', 'ami-0bbbbbbbbbbbbbbbb']]),
};

describe('The execution template', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'datastream-test-'));
    write(PUBLISHED);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const read = (name = 'execution_template.json') => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
  const write = (content: unknown) =>
    writeFileSync(
      path.join(folder, 'execution_template.json'),
      typeof content === 'string' ? content : JSON.stringify(content),
    );

  it('gets image, region and profile, and keeps everything else', () => {
    const written = writeTemplates(image, deployment, folder);

    expect(read()).toEqual({
      ...PUBLISHED,
      region: 'us-east-2',
      instance_parameters: {
        ...PUBLISHED.instance_parameters,
        ImageId: 'ami-0bbbbbbbbbbbbbbbb',
        InstanceType: 't4g.xlarge',
        IamInstanceProfile: { Name: 'nextgen_ec2_profile' },
      },
    });
    expect(written).toMatchObject([{ file: path.join(folder, 'execution_template.json'), region: 'us-east-2' }]);
  });

  it('keeps what its user has filled in, over and over', () => {
    const filled = read();
    filled.instance_parameters.KeyName = 'my-key';
    filled.instance_parameters.InstanceType = 'c7g.4xlarge';
    filled.instance_parameters.BlockDeviceMappings[0].Ebs.VolumeSize = 500;
    write(filled);

    writeTemplates(image, deployment, folder);
    const once = read();
    writeTemplates(image, deployment, folder);

    expect(once.instance_parameters).toMatchObject({
      KeyName: 'my-key',
      InstanceType: 'c7g.4xlarge',
      BlockDeviceMappings: [{ Ebs: { VolumeSize: 500 } }],
    });
    expect(read()).toEqual(once);
  });

  it('gets an instance type of the new architecture', () => {
    writeTemplates({ ...image, architecture: 'x86_64' }, deployment, folder);

    expect(read().instance_parameters.InstanceType).toBe('t3.xlarge');
  });

  it("gets a root volume that the image's snapshot has room on", () => {
    writeTemplates({ ...image, volumeSize: 100 }, deployment, folder);

    expect(read().instance_parameters.BlockDeviceMappings[0].Ebs.VolumeSize).toBe(100);
  });

  it("is one for each region, the deployment's under the plain name", () => {
    const ids = new Map([
      ['us-west-2', 'ami-0cccccccccccccccc'],
      ['us-east-2', 'ami-0bbbbbbbbbbbbbbbb'],
    ]);

    writeTemplates({ ...image, ids }, deployment, folder);

    expect(readdirSync(folder).sort()).toEqual(['execution_template.json', 'execution_template.us-west-2.json']);
    expect(read()).toMatchObject({ region: 'us-east-2', instance_parameters: { ImageId: 'ami-0bbbbbbbbbbbbbbbb' } });
    expect(read('execution_template.us-west-2.json')).toMatchObject({
      region: 'us-west-2',
      instance_parameters: { ImageId: 'ami-0cccccccccccccccc' },
    });
  });

  it('has none of what another region has when it is new, and stays as it is filled in', () => {
    const ids = new Map([...image.ids, ['us-west-2', 'ami-0cccccccccccccccc'] as const]);
    const { instance_parameters } = PUBLISHED;
    const ohio = {
      KeyName: 'ohio-key',
      SecurityGroupIds: ['sg-0123456789abcdef0'],
      SubnetId: 'subnet-0123456789abcdef0',
    };
    write({ ...PUBLISHED, instance_parameters: { ...instance_parameters, ...ohio } });

    writeTemplates({ ...image, ids }, deployment, folder);
    const { SubnetId, ...created } = read('execution_template.us-west-2.json').instance_parameters;
    const oregon = { ...read('execution_template.us-west-2.json') };
    oregon.instance_parameters.KeyName = 'oregon-key';
    writeFileSync(path.join(folder, 'execution_template.us-west-2.json'), JSON.stringify(oregon));
    writeTemplates({ ...image, ids }, deployment, folder);

    expect(read().instance_parameters).toMatchObject(ohio);
    expect(SubnetId).toBeUndefined();
    expect(created).toMatchObject({ KeyName: '<your-key-pair>', SecurityGroupIds: ['sg-###'] });
    expect(read('execution_template.us-west-2.json').instance_parameters.KeyName).toBe('oregon-key');
  });

  it('tells what only its user can fill in, and nothing of what was just written', () => {
    const [written] = writeTemplates(image, deployment, folder);

    expect(written?.problems.map(({ path }) => path)).toEqual([
      '$.instance_parameters.KeyName',
      '$.instance_parameters.SecurityGroupIds[0]',
      '$.instance_parameters.TagSpecifications[0].Tags[0].Value',
      '$.run_options.ii_check_s3.bucket',
    ]);
  });

  it("stays when the image is not in the deployment's region", () => {
    const elsewhere = { ...deployment, region: 'eu-west-1' };

    expect(() => writeTemplates(image, elsewhere, folder)).toThrow(
      'The image datastream-arm64-20261122-180042 is in us-east-2, but my.tfvars deploys to eu-west-1, where executions cannot use it: ' +
        'name the tfvars in use by --tfvars, or copy the image there by ami_regions.',
    );
    expect(read()).toEqual(PUBLISHED);
  });

  it.each([
    [
      'is missing',
      undefined,
      /there is no such file: check the path\. It is the template that the image's ID is written into\./,
    ],
    ['is no JSON', '{"instance_parameters": {', /execution_template\.json:1:\d+: not JSON: /],
    ['is no template', [], /this is no execution template: write \{ "instance_parameters"/],
  ])('is named when it %s', (_, content, sentence) => {
    rmSync(path.join(folder, 'execution_template.json'));
    if (content !== undefined) write(content);

    expect(() => writeTemplates(image, deployment, folder)).toThrow(sentence);
  });
});
