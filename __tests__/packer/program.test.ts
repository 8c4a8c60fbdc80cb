import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { preparePacker } from '../../packer/program';
import { IMAGE_FOLDER } from '../../packer/variables';

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
    await expect(preparePacker({})).rejects.toMatchObject({
      message: 'packer is not on the PATH: install it (https://developer.hashicorp.com/packer/install).',
      exitCode: 2,
    });
  });

  it.each(['cat', 'echo "packer: usage"; exit 1'])('is told from another program of this name: %s', async (script) => {
    onThePath(script);

    await expect(preparePacker({})).rejects.toThrow("The packer on the PATH is not HashiCorp's");
  });

  it.each(['1.10.3', '1.6.6', '0.12.3'])('%s is too old', async (version) => {
    onThePath(`echo "Packer v${version}"`);

    await expect(preparePacker({})).rejects.toMatchObject({
      message: `This is Packer ${version}: install 1.11 or newer (https://developer.hashicorp.com/packer/install).`,
      exitCode: 2,
    });
  });

  it.each(['1.11.0', '1.14.2', '2.0.0', '2.0.0-dev'])('%s will do', async (version) => {
    onThePath(`echo "Packer v${version}" >&2`);

    await expect(preparePacker({})).resolves.toMatchObject({ interrupted: false });
  });

  it('reads the image as it is, with every value in one file, and none of the environment', async () => {
    process.env.PKR_VAR_name = 'weak';
    onThePath(
      `[ "$1" = version ] && echo Packer v1.11.0 && exit
echo "$@ $PKR_VAR_name" >>'${folder}/calls'
[ "$1" = init ] && exit 3
read -r line <"\${2#-var-file=}"
echo "$line" >>'${folder}/calls'
exit 3`,
    );
    const { run } = await preparePacker({ name: 'river' });

    expect([await run('init'), await run('validate'), await run('build')]).toEqual([3, 3, 3]);

    delete process.env.PKR_VAR_name;
    const calls = readFileSync(path.join(folder, 'calls'), 'utf8').replace(/-var-file=\S+/g, '-var-file=FILE');
    expect(calls.split('\n').map((line) => line.trimEnd())).toEqual([
      `init ${IMAGE_FOLDER}`,
      ...['validate', 'build'].flatMap((command) => [`${command} -var-file=FILE ${IMAGE_FOLDER}`, '{"name":"river"}']),
      '',
    ]);
  });

  it('says which rules it has applied, over broken lines', async () => {
    onThePath(
      `[ "$1" = version ] && echo Packer v1.11.0 && exit
echo 'Error: Invalid value for variable'
echo
echo 'The name has 3 to 104 letters, digits and'
echo "()[] ./-'@_ (EC2's AMI names)."
exit 1`,
    );
    const { refusedVariables } = await preparePacker({ name: 'ab', kernel: '6.1' });

    expect(await refusedVariables()).toEqual([
      {
        name: 'name',
        value: 'ab',
        message: "The name has 3 to 104 letters, digits and ()[] ./-'@_ (EC2's AMI names).",
      },
    ]);
  });

  it('runs nothing more after an interrupt', async () => {
    onThePath('[ "$1" = version ] && echo Packer v1.11.0 && exit\nexec /bin/sleep 60');
    const packer = await preparePacker({});

    const validated = packer.run('validate');
    packer.interrupt();

    expect(await validated).not.toBe(0);
    expect(packer.interrupted).toBe(true);
    expect(await packer.run('build')).toBe(130);
  });
});
