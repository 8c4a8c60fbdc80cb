import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { layOut, preparePacker } from '../../packer/program';

describe('Packer', () => {
  let folder: string;
  const { PATH } = process.env;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'datastream-test-'));
    process.env.PATH = folder;
  });
  afterEach(() => {
    process.env.PATH = PATH;
    rmSync(folder, { recursive: true, force: true });
  });

  const onThePath = (script: string) =>
    writeFileSync(path.join(folder, 'packer'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

  it('is missed', async () => {
    await expect(preparePacker({})).rejects.toThrow(
      'packer is not on the PATH: install it (https://developer.hashicorp.com/packer/install, or apt-get install packer).',
    );
  });

  it.each(['cat', 'echo "packer: usage"; exit 1'])('is told from another program of this name: %s', async (script) => {
    onThePath(script);

    await expect(preparePacker({})).rejects.toThrow("The packer on the PATH is not HashiCorp's");
  });

  it.each(['1.6.5', '1.5.9', '0.12.3'])('%s is too old', async (version) => {
    onThePath(`echo "Packer v${version}"`);

    await expect(preparePacker({})).rejects.toThrow(`This is Packer ${version}: install 1.6.6 or newer`);
  });

  it.each([
    ['1.6.6', false],
    ['1.7.0', true],
    ['1.14.2', true],
    ['2.0.0', true],
  ])('%s fetches its plugins: %s', async (version, plugins) => {
    // Packer before 1.7.2 prints it on standard error.
    onThePath(`echo "Packer v${version}" >&2`);

    expect((await preparePacker({})).plugins).toBe(plugins);
  });

  it('gets the whole template from 1.7 on', () => {
    const template = path.join(folder, 'template');

    layOut(template, { plugins: true });

    expect(readdirSync(template).sort()).toEqual(['image.pkr.hcl', 'plugins.pkr.hcl', 'scripts', 'variables.pkr.hcl']);
    const text = readFileSync(path.join(template, 'image.pkr.hcl'), 'utf8');
    expect(text).toMatch(/^ {2}imds_support = "v2\.0"$/m);
    expect(text).toMatch(/^ {2}metadata_options \{\n.*\n +http_tokens += "required"$/m);
  });

  it('gets none of what it does not know before', () => {
    const template = path.join(folder, 'template');

    layOut(template, { plugins: false });

    expect(readdirSync(template).sort()).toEqual(['image.pkr.hcl', 'scripts', 'variables.pkr.hcl']);
    const text = readFileSync(path.join(template, 'image.pkr.hcl'), 'utf8');
    expect(text).not.toMatch(/imds_support|metadata_options|required_plugins/);
    // Nothing else went with it.
    expect(text).toMatch(/launch_block_device_mappings[\s\S]*ami_name[\s\S]*post-processor "manifest"/);
  });
});
