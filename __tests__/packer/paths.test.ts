import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseExecution } from '../../executions/parse';
import { type ExecutionFile, optionsFile, withCommands } from '../support/executions';
import { instance } from '../support/image-instance';

const EXAMPLES = path.join(__dirname, '../../executions/examples');
const HOME = '/home/ec2-user';

/** Commands in the form of each dialect that upstream has published, by its time. */
const DIALECTS: Readonly<Record<string, readonly string[]>> = {
  'April 2024': [
    "runuser -l ec2-user -c 'mkdir -p /home/ec2-user/ngen-datastream/data/mount'",
    "runuser -l ec2-user -c 'mount-s3 my-bucket /home/ec2-user/ngen-datastream/data/mount'",
    "runuser -l ec2-user -c 'cd ngen-datastream && ./scripts/stream.sh -s 202404250100 -e 202404260000 -d $(pwd)/data/april -R $(pwd)/configs/ngen/realization_sloth_nom_cfe_pet.json -n 8 -S /home/ec2-user/ngen-datastream/data/mount -o /april'",
  ],
  'June 2024': [
    "runuser -l ec2-user -c 'cd /home/ec2-user/ngen-datastream && ./scripts/stream.sh -s 202406100100 -e 202406100200 -R ./configs/ngen/realization_sloth_nom_cfe_pet.json -S ./data/mount -o /june -n 4'",
  ],
  'August 2024': [
    "runuser -l ec2-user -c 'cd /home/ec2-user/ngen-datastream && ./scripts/ngen-datastream -s 202006200100 -e 202006210000 -C NWM_RETRO_V3 -I Gages-09106150 -i hl -v 2.1.1 -d $(pwd)/data/datastream -R ./configs/ngen/realization_sloth_nom_cfe_pet.json -n 4'",
  ],
  'May 2025': [
    "runuser -l ec2-user -c 'export DS_TAG=1.0.2 && /home/ec2-user/ngen-datastream/scripts/datastream -s DAILY -C NWM_V3_SHORT_RANGE_06 -n 3 -d /home/ec2-user/outputs -S my-bucket -o may/ngen.DAILY'",
  ],
  'September 2025': [
    "runuser -l ec2-user -c 'export SKIP_VALIDATION=True && /home/ec2-user/datastreamcli/scripts/datastream -s DAILY -n 3 -d /home/ec2-user/outputs --S3_BUCKET my-bucket --S3_PREFIX september'",
  ],
  'forcings of 2026': [
    "runuser -l ec2-user -c 'mkdir -p /home/ec2-user/run/datastream-metadata'",
    "runuser -l ec2-user -c 'cp /home/ec2-user/ngen-datastream/configs/ngen/realization_sloth_nom_cfe_pet.json /home/ec2-user/run'",
    "runuser -l ec2-user -c 'cp /home/ec2-user/hydrofabric/v2.2/nextgen_*_weights.json /home/ec2-user/run'",
  ],
  'routing of 2026': [
    "su - ec2-user -c 'rm -rf /home/ec2-user/outputs && /home/ec2-user/datastreamcli/scripts/datastream -s DAILY -n 3 -d /home/ec2-user/outputs -t s3://my-bucket/restart.nc -w s3://my-bucket/crosswalk.nc'",
    "su - ec2-user -c 'export FP_TAG=1 && /home/ec2-user/datastreamcli/scripts/routing_only_datastream -s DAILY -n 3 -d /home/ec2-user/outputs'",
  ],
  'restarts of 2026': [
    "runuser -l ec2-user -c 'cp /home/ec2-user/datastreamcli/configs/ngen/realization_sloth_nom_cfe_pet.json /home/ec2-user/run'",
  ],
  'kriging of 2026': [
    "runuser -l ec2-user -c 'mkdir -p /home/ec2-user/kv /home/ec2-user/exports /home/ec2-user/hydrofabric'",
  ],
};

/** What the job itself makes or brings, below ec2-user's home; docs/ami.md says so of the hydrofabric's weights. */
const BROUGHT = /^(cfe|mount|outputs|run|kv|exports|hydrofabric|(ngen-datastream|datastream)\/data)(\/|$)/;

/** The paths below ec2-user's home that a command calls, less the home. */
function pathsIn(command: string): string[] {
  let folder = HOME;
  const words = command.match(/cd \S+ &&|(?:\/home\/ec2-user|\$\(pwd\)|(?<!\.)\.)\/[^\s'";:,)]+/g) ?? [];
  const paths = words.map((word) => {
    const [, into] = /^cd (\S+) &&$/.exec(word) ?? [];
    if (into === undefined) return path.posix.resolve(folder, word.replace('$(pwd)', '.'));
    folder = path.posix.resolve(HOME, into);
    return folder;
  });
  return paths.filter((each) => each.startsWith(`${HOME}/`)).map((each) => each.slice(HOME.length + 1));
}

describe('The image', () => {
  let home: string;
  beforeAll(() => {
    const { root, run } = instance();
    for (const script of ['ngen-datastream.sh', 'datastreamcli.sh']) {
      expect(run(script)).toMatchObject({ status: 0, stderr: '' });
    }
    home = path.join(root, HOME);
  });

  const examples = readdirSync(EXAMPLES)
    .filter((name) => name.endsWith('.json'))
    .map((name): [string, ExecutionFile] => [name, JSON.parse(readFileSync(path.join(EXAMPLES, name), 'utf8'))]);
  it.each<[string, ExecutionFile]>([
    ...examples,
    ...Object.entries(DIALECTS).map(([time, commands]): [string, ExecutionFile] => [time, withCommands(...commands)]),
    [
      'datastream_command_options',
      optionsFile({}, { realization: './configs/ngen/realization_sloth_nom_cfe_pet.json' }),
    ],
  ])('has every path that a job calls: %s', (_, file) => {
    const { execution } = parseExecution(file);

    const called = (execution?.commands ?? []).flatMap(pathsIn).filter((each) => !BROUGHT.test(each));

    expect(execution).toBeDefined();
    expect(called.filter((each) => !existsSync(path.join(home, each)))).toEqual([]);
    const scripts = called.filter((each) => each.includes('/scripts/'));
    expect(scripts.filter((each) => (statSync(path.join(home, each)).mode & 0o111) === 0)).toEqual([]);
  });

  it('has them where the test looks for them', () => {
    const called = Object.values(DIALECTS).flat().flatMap(pathsIn);

    expect(new Set(called.filter((each) => each.includes('/scripts/')))).toEqual(
      new Set([
        'ngen-datastream/scripts/stream.sh',
        'ngen-datastream/scripts/ngen-datastream',
        'ngen-datastream/scripts/datastream',
        'datastreamcli/scripts/datastream',
        'datastreamcli/scripts/routing_only_datastream',
      ]),
    );
    expect(existsSync(path.join(home, 'ngen-datastream/scripts/other'))).toBe(false);
  });

  it("keeps a clone's own script under a name that would be linked", () => {
    expect(readFileSync(path.join(home, 'ngen-datastream/scripts/stream.sh'), 'utf8')).toContain('Usage:');
    const { root, run } = instance();
    expect(run('ngen-datastream.sh')).toMatchObject({ status: 0 });
    const own = path.join(root, HOME, 'ngen-datastream/scripts/datastream');
    writeFileSync(own, '# its own\n');
    expect(run('datastreamcli.sh')).toMatchObject({ status: 0 });

    expect(readFileSync(own, 'utf8')).toBe('# its own\n');
  });
});
