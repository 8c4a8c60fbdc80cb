import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readManifest } from '../../packer/manifest';

const build = (run: string, artifact: string, data: object = {}) => ({
  name: 'datastream',
  builder_type: 'amazon-ebs',
  build_time: 1795370442,
  files: null,
  artifact_id: artifact,
  packer_run_uuid: run,
  custom_data: {
    architecture: 'arm64',
    name: 'datastream-arm64-20261122-180042',
    volume_size: '32',
    ami_parameter_name: '',
    ...data,
  },
});

describe("Packer's manifest", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'datastream-test-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function read(content: unknown) {
    const file = path.join(folder, 'manifest.json');
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return readManifest(file);
  }

  it('gives the image of its last run in every region', () => {
    const image = read({
      builds: [
        build('first', 'us-east-1:ami-0aaaaaaaaaaaaaaaa'),
        build('second', 'us-east-2:ami-0bbbbbbbbbbbbbbbb,us-west-2:ami-0cccccccccccccccc', {
          architecture: 'x86_64',
          volume_size: '100',
          ami_parameter_name: '/datastream/ami',
        }),
      ],
      last_run_uuid: 'second',
    });

    expect(image).toEqual({
      name: 'datastream-arm64-20261122-180042',
      architecture: 'x86_64',
      volumeSize: 100,
      parameterName: '/datastream/ami',
      ids: new Map([
        ['us-east-2', 'ami-0bbbbbbbbbbbbbbbb'],
        ['us-west-2', 'ami-0cccccccccccccccc'],
      ]),
    });
  });

  it('is missed by its name', () => {
    expect(() => readManifest(path.join(folder, 'none.json'))).toThrow(
      /none\.json: there is no such file: check the path\. Packer writes it at the end of a build\. Build the image with 'npx datastream ami build'/,
    );
  });

  it.each([
    ['is empty', '', /manifest\.json:1:1: not JSON: The file is empty: .* Packer writes it at the end of a build\./],
    ['is cut off', '{"builds": [', /manifest\.json:1:13: not JSON: /],
    ['is something else', '[]', /manifest\.json: this is no manifest of packer\/image\/image\.pkr\.hcl: /],
    [
      'is of another template',
      { builds: [{ ...build('a', 'us-east-1:ami-0aaaaaaaaaaaaaaaa'), custom_data: {} }], last_run_uuid: 'a' },
      /: this is no manifest of packer\/image\/image\.pkr\.hcl: builds\.0\.custom_data\.architecture is missing, or is something else\./,
    ],
    ['has no build', { builds: [], last_run_uuid: '' }, /its last build \(none\) has left no image: it has failed\./],
    [
      'is of a failed run',
      { builds: [build('first', 'us-east-1:ami-0aaaaaaaaaaaaaaaa')], last_run_uuid: 'second' },
      /its last build \(second\) has left no image: it has failed\./,
    ],
    [
      'names no AMI',
      { builds: [build('a', '')], last_run_uuid: 'a' },
      /artifact_id is "", where Packer writes <region>:<AMI>: the build has failed\./,
    ],
    ['names half an AMI', { builds: [build('a', 'us-east-1:')], last_run_uuid: 'a' }, /artifact_id is "us-east-1:", /],
    [
      'has two images of one run',
      {
        builds: [build('a', 'us-east-1:ami-0aaaaaaaaaaaaaaaa'), build('a', 'us-east-2:ami-0aaaaaaaaaaaaaaaa')],
        last_run_uuid: 'a',
      },
      /its last run has made 2 images, not one\./,
    ],
  ])('is refused when it %s', (_, content, sentence) => {
    expect(() => read(content)).toThrow(sentence);
  });
});
