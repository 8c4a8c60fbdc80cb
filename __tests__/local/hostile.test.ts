import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LARGEST_COMMANDS_BYTES } from '../../executions/ssm-limits';
import { bashShell } from '../../local/shell';
import { executionFile, play } from '../support/scenario';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'datastream-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const parameters = {
  ImageId: 'ami-0123456789abcdef0',
  InstanceType: 't4g.large',
  KeyName: 'team',
  SecurityGroupIds: ['sg-0123456789abcdef0'],
  SubnetId: 'subnet-0123456789abcdef0',
  IamInstanceProfile: { Name: 'job-profile' },
  Placement: { AvailabilityZone: 'us-east-1a' },
  MetadataOptions: { HttpTokens: 'required' },
  UserData: '#!/bin/sh\ntrue',
  TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Project', Value: 'job' }] }],
  BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 32, VolumeType: 'gp3', KmsKeyId: 'alias/job' } }],
};

/** Every string that a file may hold is in one of these. */
const FILES: Readonly<Record<string, unknown>> = {
  options: {
    datastream_command_options: {
      start_time: '202006200100',
      end_time: '202006210000',
      forcing_source: 'NWM_RETRO_V3',
      realization: './configs/realization.json',
      nprocs: '4',
      subset_id_type: 'hl',
      subset_id: 'Gages-09106150',
      hydrofabric_version: '2.1.1',
      geopackage: './data/place.gpkg',
      'ngen-forcings': './data/forcings.nc',
      s3_bucket: 'job-bucket',
      s3_prefix: 'runs/one',
    },
    run_options: { ii_terminate_instance: true, ii_check_s3: true, timeout_s: '3600', n_retries_allowed: '0' },
    instance_parameters: { ImageId: parameters.ImageId, InstanceType: parameters.InstanceType },
    region: 'us-east-1',
  },
  commands: {
    commands: ['true'],
    run_options: { ii_terminate_instance: true, ii_check_s3: { bucket: 'job-bucket', prefix: 'runs/one/object' } },
    instance_parameters: parameters,
  },
  seed: { commands: ['true'], bucket: 'job-bucket', obj_key: 'runs/one/object', instance_parameters: parameters },
};

type Path = readonly (string | number)[];

function strings(value: unknown, path: Path = []): Path[] {
  if (typeof value === 'string') return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    strings(each, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

function changed(value: unknown, [key, ...rest]: Path, change: (text: string) => string): unknown {
  if (key === undefined) return change(String(value));
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, unknown>;
  copy[key] = changed(copy[key], rest, change);
  return copy;
}

const HOSTILE: Readonly<Record<string, (text: string, canary: string) => string>> = {
  quotes: (text) => `${text}'"\`\\`,
  'a substitution': (text, canary) => `${text}$(touch ${canary})`,
  'quotes around commands': (text, canary) => `${text}';touch ${canary};'"; touch ${canary} #`,
  newlines: (text, canary) => `${text}\ntouch ${canary}\n`,
  '64 KB': (text) => text + 'x'.repeat(65_536),
  Unicode: (text) => `${text} \u6f22\u00e9\u{1f6f0}\u202e`,
};

/** A file's own commands are there to be run, and user data is for cloud-init alone. */
const isCommand = (path: Path) => path[0] === 'commands';

const cases = Object.entries(FILES).flatMap(([name, file]) =>
  strings(file).map((path) => [name, `$.${path.join('.')}`, path] as const),
);

describe('A string of an execution file', () => {
  it.each(cases)(
    'is refused before the launch, or passed on byte for byte, and runs nothing: %s %s',
    async (name, _, path) => {
      for (const [kind, make] of Object.entries(HOSTILE)) {
        const canary = join(folder, `canary-${kind.replaceAll(' ', '-')}`);
        const args = join(folder, 'args');
        let value = '';
        const file = changed(FILES[name], path, (text) => {
          value = isCommand(path) ? `: '${make(text, canary).replaceAll("'", "'\\''")}'` : make(text, canary);
          return value;
        });
        const passed: string[] = [];

        const { end, cloud, runs } = await play({
          file,
          lifecycle: { running: 1000, online: 1000, ended: 1000 },
          faults: (operation, _call, input) => {
            if (/^(RunInstances|SendCommand|HeadObject)$/.test(operation)) {
              JSON.stringify(input, (key, each) => {
                if (typeof each === 'string') {
                  passed.push(key === 'UserData' ? Buffer.from(each, 'base64').toString() : each);
                }
                return each;
              });
            }
            return undefined;
          },
          shell: ({ folder: disks, clock }) => {
            const bash = bashShell({ buckets: join(disks, 'buckets'), scratch: disks, clock });
            return (job) => {
              // The datastream script, which notes its arguments.
              const scripts = join(disks, job.instanceId, 'home', 'ec2-user', 'datastream', 'scripts');
              mkdirSync(scripts, { recursive: true });
              writeFileSync(join(scripts, 'datastream'), `#!/bin/bash\nprintf '%s\\0' "$@" >${args}\n`);
              chmodSync(join(scripts, 'datastream'), 0o755);
              return bash(job);
            };
          },
        });

        const where = `${kind}: ${JSON.stringify(value).slice(0, 100)}`;
        expect([where, existsSync(canary)]).toEqual([where, false]);
        if (end.error === 'InvalidExecution') {
          expect([where, cloud.calls('RunInstances')]).toEqual([where, 0]);
          continue;
        }
        if (existsSync(args)) passed.push(...readFileSync(args, 'utf8').split('\0'));
        rmSync(args, { force: true });
        // User data with other characters than ASCII is encoded: what cloud-init makes of it is tested beside it.
        const encoded = Buffer.from(value).toString('base64').slice(0, 76);
        const found = passed.some(
          (each) => each.includes(value) || (path.at(-1) === 'UserData' && each.includes(encoded)),
        );
        expect([where, found]).toEqual([where, true]);
        expect([where, runs.map(({ code }) => code)]).toEqual([where, [0]]);
      }
    },
  );
});

describe('As many commands as SSM takes', () => {
  /** What the parser counts of commands: their JSON, and twelve bytes for each. */
  const counted = (commands: readonly string[]) => Buffer.byteLength(JSON.stringify(commands)) + 12 * commands.length;
  const padded = (commands: readonly string[]) => [
    ...commands,
    'x'.repeat(LARGEST_COMMANDS_BYTES - counted([...commands, ''])),
  ];

  it.each([
    ['one command', [':']],
    ['a great many', Array.from({ length: 3_490 }, () => ':')],
    ['many lines', [':\n'.repeat(18_000)]],
    ['quotes, which JSON escapes', [`: '${'"'.repeat(20_000)}'`]],
    ['Unicode', [`: '${'\u{1f6f0}'.repeat(10_000)}'`]],
  ])('are sent, and one byte more is refused before the launch: %s', async (_, commands) => {
    const most = padded(commands);
    expect(counted(most)).toBe(LARGEST_COMMANDS_BYTES);
    const options = { job: async () => ({ code: 0 }), lifecycle: { running: 1000, online: 1000, ended: 1000 } };
    const file = (all: readonly string[]) => executionFile({ ii_check_s3: false }, { commands: all });

    const sent = await play({ ...options, file: file(most) });
    const refused = await play({ ...options, file: file([...most.slice(0, -1), `${most.at(-1)}x`]) });

    expect(sent.end).toMatchObject({ status: 'SUCCEEDED' });
    expect(refused.end).toMatchObject({ status: 'FAILED', error: 'InvalidExecution' });
    expect(refused.cloud.calls('RunInstances')).toBe(0);
  });
});
