import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  ambiguousDownloads,
  checkTogether,
  checkTypes,
  downloads,
  readVariables,
  type Sources,
  settingsOf,
} from '../../packer/variables';

const SUM = 'a'.repeat(64);
const PINNED = `sha256={${['mount-s3-1.14.0-arm64.rpm', 'hfsubset-v1.1.0-linux_arm64.tar.gz']
  .map((file) => `"${file}" = "${SUM}"`)
  .join(', ')}}`;

describe("The template's variables", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'datastream-test-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const read = (sources: Partial<Sources> = {}) =>
    readVariables({ folder, files: [], assignments: [], fallbacks: {}, environment: {}, ...sources });
  function file(name: string, text: string): string {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  }
  const together = async (...assignments: string[]) =>
    checkTogether(settingsOf(await read({ assignments: [PINNED, ...assignments] })));

  it("are the getting-started document's where nothing is said", async () => {
    expect(await read()).toMatchObject({
      architecture: 'arm64',
      region: 'us-east-2',
      instance_type: '',
      volume_size: 32,
      session_manager: false,
      hfsubset_version: '1.1.0',
      docker_images: [],
      ami_users: [],
      ami_regions: [],
    });
  });

  it('take the stronger of two sources, in the order of Packer', async () => {
    const weak = file(
      'weak.pkrvars.hcl',
      'name = "file"\nvolume_size = 50\nregion = "eu-west-1"\ntags = { A = "1" }\n',
    );
    const strong = file('strong.pkrvars.json', '{ "name": "json", "volume_size": 60 }');

    const variables = await read({
      fallbacks: { region: 'us-west-1', ami_parameter_name: '/from/tfvars' },
      environment: { PKR_VAR_name: 'environment', PKR_VAR_docker_images: '["a/b:1"]', PKR_VAR_architecture: 'x86_64' },
      files: [weak, strong],
      assignments: ['volume_size=70', 'volume_size=80'],
    });

    expect(variables).toMatchObject({
      name: 'json',
      volume_size: 80,
      region: 'eu-west-1',
      tags: { A: '1' },
      docker_images: ['a/b:1'],
      architecture: 'x86_64',
      ami_parameter_name: '/from/tfvars',
    });
  });

  it('are those of the *.auto.pkrvars.* of the folder, JSON after HCL as Packer reads them, before the files', async () => {
    const automatic = path.join(folder, 'automatic');
    mkdirSync(automatic);
    writeFileSync(path.join(automatic, 'b.auto.pkrvars.hcl'), 'name = "b"\nvolume_size = 50\nregion = "eu-west-1"\n');
    writeFileSync(path.join(automatic, 'a.auto.pkrvars.json'), '{ "name": "a", "architecture": "x86_64" }');
    writeFileSync(path.join(automatic, 'c.pkrvars.hcl'), 'name = "c"\n');

    const variables = await read({
      folder: automatic,
      environment: { PKR_VAR_region: 'us-west-1' },
      files: [file('own.pkrvars.hcl', 'volume_size = 60\n')],
    });

    expect(variables).toMatchObject({ name: 'a', architecture: 'x86_64', region: 'eu-west-1', volume_size: 60 });
  });

  it('take the text of a string as it is, equal signs, quotes and all', async () => {
    expect(await read({ assignments: ['name=a=b "c" ${d}'] })).toMatchObject({ name: 'a=b "c" ${d}' });
  });

  it.each([
    [
      'a misspelt one',
      ['instance_typ=t4g.large'],
      '--var: the template has no variable "instance_typ": write instance_type.',
    ],
    [
      'an unknown one',
      ['whatever=1'],
      '--var: the template has no variable "whatever": write one of packer/image/variables.pkr.hcl.',
    ],
    ['no value', ['architecture'], '--var "architecture": write <name>=<value>, such as --var architecture=x86_64.'],
  ])('are refused with %s', async (_, assignments, sentence) => {
    await expect(read({ assignments })).rejects.toThrow(sentence);
  });

  it('name the file and the place of what cannot be read', async () => {
    await expect(read({ files: [file('bad.pkrvars.hcl', 'name = "a"\nregion = \n')] })).rejects.toThrow(
      /bad\.pkrvars\.hcl:2:\d+: Invalid expression/,
    );
    await expect(read({ files: ['/nowhere.pkrvars.hcl'] })).rejects.toThrow(
      '/nowhere.pkrvars.hcl: there is no such file',
    );
    await expect(read({ files: [file('own.pkrvars.hcl', 'nam = "a"\n')] })).rejects.toThrow(
      /own\.pkrvars\.hcl: the template has no variable "nam": write name\./,
    );
  });

  it.each([
    ['volume_size=large', 'volume_size', 'large'],
    ['docker_images=a/b:1', 'docker_images', 'a/b:1'],
    ['docker_images="a/b:1"', 'docker_images', '"a/b:1"'],
    ['tags=["a"]', 'tags', ['a']],
    ['session_manager=yes', 'session_manager', 'yes'],
    ['ami_users=[123456789012]', 'ami_users', [123456789012]],
  ])('of another type are found: %s', async (assignment, name, value) => {
    const faults = await checkTypes(await read({ assignments: [assignment] }));

    expect(faults).toEqual([{ name, value, message: expect.stringContaining('This is not of the type') }]);
  });

  it('have no fault as they are, but for sums that nobody has pinned', async () => {
    expect(await checkTypes(await read())).toEqual([]);
    expect(await together()).toEqual([]);
  });

  it.each([
    [
      'instance_type=t4g.large',
      'architecture=x86_64',
      'This type is arm64, the image is to be x86_64: write a type such as "t3.large"',
    ],
    [
      'instance_type=m7i.large',
      'architecture=arm64',
      'This type is x86_64, the image is to be arm64: write a type such as "t4g.large"',
    ],
    ['instance_type=t4g', 'architecture=arm64', 'This is no instance type\'s name: the nearest is "t4g.nano".'],
  ])('name an instance type that cannot build: %s, %s', async (type, architecture, sentence) => {
    const faults = await together(type, architecture, 'communicator=none');

    expect(faults).toEqual([
      { name: 'instance_type', value: type.split('=')[1], message: expect.stringContaining(sentence) },
    ]);
  });

  it('name every download without a whole SHA-256', async () => {
    const faults = await together('sha256={}');

    // Of mount-s3's default version somebody has published the sum.
    expect(faults.map(({ name }) => name)).toEqual(['sha256["hfsubset-v1.1.0-linux_arm64.tar.gz"]']);
    expect(faults[0]?.message).toContain("run 'npx datastream ami pin'");
  });

  it('need a new SHA-256 with a new version', async () => {
    const faults = await together('mount_s3_version=1.22.3');

    expect(faults.map(({ name }) => name)).toEqual(['sha256["mount-s3-1.22.3-arm64.rpm"]']);
  });

  it.each([
    [['ami_users=["123456789012"]'], ['ami_users']],
    [['ami_users=["123456789012"]', 'kms_key_id=alias/a'], []],
    [['ami_users=["123456789012"]', 'kms_key_id=alias/aws/ebs'], ['ami_users']],
    [['ami_users=["123456789012"]', 'kms_key_id=alias/a', 'ami_regions=["us-west-2"]'], ['region_kms_key_ids']],
    [['ami_regions=["us-west-2"]'], []],
    [
      [
        ...['ami_users=["123456789012"]', 'kms_key_id=alias/a', 'ami_regions=["us-west-2", "us-west-1"]'],
        'region_kms_key_ids={us-west-2 = "b", us-west-1 = "alias/aws/ebs"}',
      ],
      ['region_kms_key_ids'],
    ],
    [
      [
        ...['ami_users=["123456789012"]', 'kms_key_id=alias/a', 'ami_regions=["us-west-2"]'],
        'region_kms_key_ids={us-west-2 = "b"}',
      ],
      [],
    ],
    [['ami_regions=["us-west-2"]', 'region_kms_key_ids={us-west-2 = "b"}'], ['kms_key_id']],
    [['ami_regions=["us-west-2"]', 'region_kms_key_ids={us-west-2 = "b"}', 'kms_key_id=alias/a'], []],
  ])('share and copy only with the keys that AWS asks for: %s', async (assignments, faulty) => {
    expect((await together(...assignments)).map(({ name }) => name)).toEqual(faulty);
  });

  it.each([
    ['mount_s3_url=https://example.org/latest/{architecture}/mount-s3.rpm', 'mount_s3_url'],
    ['hfsubset_url=https://example.org/{goarch}/hfsubset.tgz', 'hfsubset_url'],
  ])('cannot pin two files of one name: %s', async (assignment, name) => {
    const settings = settingsOf(await read({ assignments: [assignment] }));

    expect(ambiguousDownloads(settings).map((fault) => fault.name)).toEqual([name]);
  });

  it('may be one file for both architectures', async () => {
    const settings = settingsOf(await read({ assignments: ['hfsubset_url=https://example.org/hfsubset.tgz'] }));

    expect(ambiguousDownloads(settings)).toEqual([]);
  });

  it('are downloaded over https alone', async () => {
    const faults = await together('mount_s3_url=http://example.org/mount-s3-{version}-{architecture}.rpm');

    expect(faults).toEqual([
      {
        name: 'the address',
        value: 'http://example.org/mount-s3-1.14.0-arm64.rpm',
        message: 'Write an address that begins with https://.',
      },
    ]);
  });

  it('say what is downloaded for x86_64', async () => {
    const settings = settingsOf(await read({ assignments: ['architecture=x86_64'] }));

    expect([...downloads(settings)]).toEqual([
      [
        'mount-s3-1.14.0-x86_64.rpm',
        'https://s3.amazonaws.com/mountpoint-s3-release/1.14.0/x86_64/mount-s3-1.14.0-x86_64.rpm',
      ],
      [
        'hfsubset-v1.1.0-linux_amd64.tar.gz',
        'https://github.com/lynker-spatial/hfsubsetCLI/releases/download/v1.1.0/hfsubset-v1.1.0-linux_amd64.tar.gz',
      ],
    ]);
  });
});
