import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DATASTREAM_FOLDER,
  type DatastreamOptions,
  datastreamCommand,
} from '../../../executions/datastream-command/command';

const NASTY = [
  'plain',
  'with space',
  '  ',
  '$(touch pwned)',
  '`touch pwned`',
  '${HOME}',
  '$PATH',
  "single'quote",
  "'; touch pwned; '",
  "''",
  'double"quote',
  '"; touch pwned; "',
  'line\nbreak; touch pwned',
  'carriage\rreturn',
  'tab\tstop',
  '; touch pwned',
  '&& touch pwned',
  '| touch pwned',
  '& touch pwned &',
  '> pwned',
  '*',
  '?[a-z]*',
  '{a,b}',
  '~',
  '!!',
  '#comment',
  '-rf',
  '--help',
  'back\\slash',
  'trailing\\',
  "\\'",
  '\u0001control\u007f',
  'Ünïcode 🌊',
  'x=y',
  '%s%n',
];

describe('the datastream command', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'datastream-command-'));
    // Runs what it gets with a new login's shell, as runuser does; the script writes its arguments, NUL between them.
    executable(
      'runuser',
      '#!/bin/bash\n[ "$1 $2 $3" = "-l ec2-user -c" ] || exit 64\n[ $# = 4 ] || exit 65\nexec bash -c "$4"\n',
    );
    mkdirSync(join(folder, 'home', 'scripts'), { recursive: true });
    executable(join('home', 'scripts', 'datastream'), '#!/bin/bash\nprintf "%s\\0" "$@" > "$ARGUMENTS"\n');
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  function executable(name: string, script: string): void {
    writeFileSync(join(folder, name), script, { mode: 0o755 });
  }

  /** The arguments that the script gets when a root shell runs the command. */
  function run(options: DatastreamOptions): string[] {
    const home = join(folder, 'home');
    const command = datastreamCommand(options).replace(DATASTREAM_FOLDER, home);
    const file = join(folder, 'arguments');
    execFileSync('bash', ['-c', command], {
      cwd: home,
      env: { PATH: `${folder}:${process.env.PATH}`, HOME: home, ARGUMENTS: file },
    });
    return readFileSync(file, 'utf8').split('\0').slice(0, -1);
  }

  const expected = (value: string) =>
    ['-s', '-e', '-C', '-I', '-i', '-v']
      .flatMap((flag) => [flag, value])
      .concat('-d', join(folder, 'home', 'data', 'datastream'))
      .concat(['-R', '-g', '-F', '-n', '-S', '-o'].flatMap((flag) => [flag, value]));

  const everywhere = (value: string): DatastreamOptions => ({
    start_time: value,
    end_time: value,
    forcing_source: value,
    subset_id: value,
    subset_id_type: value,
    hydrofabric_version: value,
    realization: value,
    geopackage: value,
    ngen_forcings: value,
    nprocs: value,
    s3_bucket: value,
    s3_prefix: value,
  });

  test.each(NASTY)('gives %j to the script byte for byte and runs nothing of it', (value) => {
    const before = readdirSync(join(folder, 'home'));

    const given = run(everywhere(value));

    expect(given).toEqual(expected(value));
    expect(readdirSync(join(folder, 'home'))).toEqual(before);
  });

  test('gives any mixture of special characters byte for byte', () => {
    const characters = ['a', ' ', "'", '"', '\\', '$', '`', '(', ')', '\n', ';', '&', '|', '*', '!', '-', '<', '>'];
    // A fixed linear congruential generator: the same values on every run.
    let state = 42;
    const next = (limit: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((state / 2_147_483_648) * limit);
    };
    for (let round = 0; round < 40; round += 1) {
      const value = Array.from({ length: 1 + next(12) }, () => characters[next(characters.length)]).join('');

      expect(run(everywhere(value))).toEqual(expected(value));
    }
  });

  test('passes an empty value as an empty argument', () => {
    expect(run(everywhere(''))).toEqual(expected(''));
  });
});
