import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateImageCommand,
  CreateSnapshotCommand,
  CreateTagsCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  type EC2Client,
  ModifyImageAttributeCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { withParameters } from '../support/executions';
import { type Moto, motoClients, motoEnvironment, startMoto } from '../support/moto';
import { clone, run } from '../support/terraform';
import { describeWith } from '../support/tools';

interface MadeImage {
  readonly id: string;
  readonly snapshot: string;
}

const OWN = { 'datastream:image': 'datastream' };

describeWith(['moto_server'], "This project's images on an emulated AWS", () => {
  let moto: Moto;
  let ec2: EC2Client;
  let ssm: SSMClient;
  let folder: string;
  let instance: string;
  /** The project's own, oldest first. */
  const images: MadeImage[] = [];
  let untagged: MadeImage;

  beforeAll(async () => {
    moto = await startMoto();
    ({ ec2, ssm } = motoClients(moto.endpoint));
    // A clone, whose executions/ the test may write to.
    folder = mkdtempSync(path.join(tmpdir(), 'datastream-images-'));
    await clone(folder);
    const { Images } = await ec2.send(new DescribeImagesCommand({}));
    const base = Images?.find(({ Architecture, State }) => Architecture === 'x86_64' && State === 'available');
    const { Instances } = await ec2.send(
      new RunInstancesCommand({ ImageId: base?.ImageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 }),
    );
    instance = Instances?.[0]?.InstanceId ?? '';
    for (const name of ['0', '1', '2', '3', '4']) images.push(await makeImage(name, OWN));
    untagged = await makeImage('of somebody else', {});
    await name();
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await moto.stop();
  });

  /** As the image builder makes them. Their dates are whole seconds. */
  async function makeImage(name: string, tags: Record<string, string>): Promise<MadeImage> {
    await sleep(1_100);
    const { ImageId = '' } = await ec2.send(new CreateImageCommand({ InstanceId: instance, Name: name }));
    const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [ImageId] }));
    const snapshot = Images?.[0]?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? '';
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    if (Tags.length > 0) await ec2.send(new CreateTagsCommand({ Resources: [ImageId, snapshot], Tags }));
    return { id: ImageId, snapshot };
  }

  /** A file names image 0, a parameter image 1, which image 2 is published in too; image 2 is shared. */
  async function name(): Promise<void> {
    const [first, second, third] = images.map(({ id }) => id);
    const file = withParameters({ ImageId: first });
    writeFileSync(path.join(folder, 'executions', 'mine.json'), JSON.stringify(file));
    await ssm.send(new PutParameterCommand({ Name: '/datastream/ami', Value: second, Type: 'String' }));
    const Tags = [{ Key: 'datastream:parameter', Value: '/datastream/ami' }];
    await ec2.send(new CreateTagsCommand({ Resources: [second ?? '', third ?? ''], Tags }));
    await ec2.send(
      new ModifyImageAttributeCommand({
        ImageId: third,
        Attribute: 'launchPermission',
        OperationType: 'add',
        UserIds: ['210987654321'],
      }),
    );
  }

  const datastream = (...args: string[]) =>
    run(process.execPath, ['cli/datastream.cjs', 'ami', ...args], {
      cwd: folder,
      env: motoEnvironment(moto.endpoint),
    });

  /** Which of the project's images and their snapshots there are, by their numbers. */
  async function left(): Promise<{ images: number[]; snapshots: number[] }> {
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ Owners: ['self'] }));
    const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
    const ids = new Set([...Images.map(({ ImageId }) => ImageId), ...Snapshots.map(({ SnapshotId }) => SnapshotId)]);
    const numbers = (what: keyof MadeImage) =>
      images.flatMap((image, number) => (ids.has(image[what]) ? [number] : []));
    return { images: numbers('id'), snapshots: numbers('snapshot') };
  }

  it('are listed newest first, with what names each', async () => {
    const { code, output } = await datastream('list');

    const rows = output
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(code).toBe(0);
    expect(rows[0]).toEqual([
      'ID',
      'NAME',
      'FAMILY',
      'ARCH',
      'CREATED',
      'GIB',
      'STATE',
      'SHARED',
      'SNAPSHOTS',
      'NAMED BY',
    ]);
    const row = (number: number, shared: string, named: string) => [
      images[number]?.id,
      String(number),
      'datastream',
      'x86_64',
      expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d$/),
      '15',
      'available',
      shared,
      images[number]?.snapshot,
      named,
    ];
    expect(rows.slice(1)).toEqual([
      row(4, 'private', '-'),
      row(3, 'private', '-'),
      row(2, 'shared with 1', '-'),
      row(1, 'private', 'SSM parameter /datastream/ami'),
      row(0, 'private', 'executions/mine.json'),
    ]);
  });

  it('are not pruned while a file in executions/ cannot be read', async () => {
    const file = path.join(folder, 'executions', 'broken.json');
    writeFileSync(file, '{"instance_parameters": {"ImageId": ');

    const { code, output } = await datastream('prune', '--keep', '0');
    rmSync(file);

    expect(code).toBe(1);
    expect(output).toContain('executions/broken.json:1:36: not JSON: ');
    expect(output).toContain('Nothing was removed');
    expect(await left()).toEqual({ images: [0, 1, 2, 3, 4], snapshots: [0, 1, 2, 3, 4] });
  });

  it('are pruned but for the newest and those that are named, and only without --dry-run', async () => {
    const orphan = await ec2.send(
      new CreateSnapshotCommand({
        VolumeId: await volume(),
        TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'datastream:image', Value: 'datastream' }] }],
      }),
    );

    const dry = await datastream('prune', '--keep', '1', '--dry-run');
    const untouched = await left();
    const pruned = await datastream('prune', '--keep', '1');

    const planned = (output: string) => output.split('\n').filter((line) => /^(keep|remove) /.test(line));
    expect(dry.code).toBe(0);
    expect(dry.output).toContain('us-east-1: would remove 2 images and 3 snapshots (');
    expect(untouched).toEqual({ images: [0, 1, 2, 3, 4], snapshots: [0, 1, 2, 3, 4] });
    expect(planned(dry.output).map((line) => line.split(/ +/).slice(0, 2))).toEqual([
      ['keep', images[4]?.id],
      ['keep', images[1]?.id],
      ['keep', images[0]?.id],
      ['remove', images[3]?.id],
      ['remove', images[2]?.id],
      ['remove', orphan.SnapshotId],
    ]);
    expect(planned(pruned.output)).toEqual(planned(dry.output));
    expect(pruned).toEqual({ code: 0, output: expect.stringContaining(': removed 2 images and 3 snapshots (') });
    expect(await left()).toEqual({ images: [0, 1, 4], snapshots: [0, 1, 4] });
    const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [untagged.id] }));
    expect(Images).toHaveLength(1);
    expect(await datastream('prune', '--keep', '1')).toEqual({
      code: 0,
      output: expect.stringMatching(/^us-east-1: nothing to remove\.$/m),
    });
  });

  it('are none in a region where there are none', async () => {
    expect(await datastream('list', '--region', 'eu-west-1')).toEqual({
      code: 0,
      output: 'eu-west-1: this project has no images here.\n',
    });
  });

  async function volume(): Promise<string> {
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instance] }));
    return Reservations?.[0]?.Instances?.[0]?.BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? '';
  }
});
