import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXAMPLES, inNewFolders, job } from '../../support/cli';

const { datastream, file, path } = inNewFolders();

describe('datastream validate', () => {
  it('comes to the end of strings of ten million characters: what grows with their square would take days', () => {
    const huge = '<a '.repeat(3_500_000);

    const { status, stdout } = datastream('validate', file('huge.json', job([huge, `--S3_PREFIX ${huge}`])));

    expect(status).toBe(1);
    expect(stdout).toMatch(/^ {2}error {4}\$\n/m);
    expect(stdout).toMatch(/^ {2}error {4}\$\.commands\n/m);
  });

  it('finds nothing in the examples', () => {
    const examples = readdirSync(EXAMPLES)
      .filter((name) => name.endsWith('.json'))
      .map((name) => join(EXAMPLES, name));

    const { status, stdout } = datastream('validate', ...examples);

    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(': ')[1]),
    ).toEqual(examples.map(() => 'valid'));
    expect(status).toBe(0);
    expect(examples.length).toBeGreaterThanOrEqual(5);
  });

  it('prints every problem of every file with its path, what was found and what to write', () => {
    const seed = file('seed.json', {
      ...job(['true']),
      run_options: undefined,
      region: 'us-east-2',
      bucket: '',
      obj_key: '',
      instance_parameters: {
        ImageId: 'ami-###',
        InstanceType: 't2g',
        KeyName: 'your_key.pem',
        SecurityGroupIds: ['sg-###'],
      },
    });

    const { status, stdout } = datastream(
      'validate',
      '--region',
      'us-east-1',
      seed,
      file('typo.json', job(['true'], { comands: [] })),
    );

    for (const path of ['ImageId', 'InstanceType', 'KeyName', 'SecurityGroupIds[0]']) {
      expect(stdout).toContain(`error    $.instance_parameters.${path}`);
    }
    for (const path of ['$.region', '$.bucket', '$.obj_key', '$.comands']) expect(stdout).toContain(`error    ${path}`);
    expect(stdout).toContain('found: "t2g"');
    expect(status).toBe(1);
  });

  it('exits 2 with line and column for what is not JSON, and goes on with the other files', () => {
    const { status, stdout, stderr } = datastream(
      'validate',
      file('broken.json', '{\n  "commands": [,]\n}'),
      'missing.json',
      '.',
      file('good.json', job(['true'])),
    );

    expect(stdout).toMatch(/^broken\.json:2:\d+: not JSON: /m);
    expect(stdout).toMatch(/^missing\.json: there is no such file/m);
    expect(stdout).toMatch(/^\.: this is a folder/m);
    expect(stdout).toMatch(/^good\.json: valid$/m);
    expect({ status, stderr }).toEqual({ status: 2, stderr: '' });
  });

  it('warns of a repeated key, of which only the last value counts', () => {
    const text = JSON.stringify(job(['true'])).replace('{', '{\n"commands": ["lost"],\n');

    const { status, stdout } = datastream('validate', file('twice.json', text));

    expect(status).toBe(0);
    expect(stdout).toMatch(/^twice\.json:3:\d+: warning: The key "commands" is repeated here/m);
  });

  it.each([
    ['UTF-16', Buffer.from('\ufeff{}', 'utf16le'), 'perhaps UTF-16, as PowerShell writes it'],
    ['ISO-8859-1', Buffer.from('{"a": "H\u00e9llo"}', 'latin1'), 'it looks like Latin-1 or Windows-1252'],
    ['a binary file', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1]), 'perhaps UTF-16'],
  ])('exits 2 for %s, and names it', (_what, bytes, guess) => {
    writeFileSync(path('x.json'), bytes);

    const { status, stdout } = datastream('validate', 'x.json');

    expect(status).toBe(2);
    expect(stdout).toContain(`x.json: this is not UTF-8 text (${guess}`);
  });

  it('sends a schedule matrix to its own command', () => {
    const { status, stdout } = datastream('validate', file('day.json', { matrix: 1, streams: {} }));

    expect(status).toBe(2);
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      "day.json: this is a schedule matrix, which names many executions: check it by 'datastream matrix check day.json'.",
    );
  });

  it.each([[], ['bogus'], ['run'], ['run', '--locl', 'x'], ['validate']])(
    'exits 2 and helps when it is called as %j',
    (...args: string[]) => {
      const { status, stdout, stderr } = datastream(...args);

      expect(args.length === 0 ? 0 : 2).toBe(status);
      expect(stdout + stderr).toContain('Usage: datastream');
      // The help may be longer than the terminal.
      if (status === 2) expect(stderr.trimEnd().split('\n\n').at(-1)).toMatch(/^error: /);
    },
  );

  it("compares the instance type with the AMI's architecture where that is said", () => {
    const name = file('arm.json', job(['true']));

    expect(datastream('validate', '--image-architecture', 'arm64', name).status).toBe(0);
    const { status, stdout } = datastream('validate', '--image-architecture', 'x86_64', name);
    expect(status).toBe(1);
    expect(stdout).toContain('error    $.instance_parameters.InstanceType');
  });

  it('refuses a region that is none', () => {
    const { status, stderr } = datastream('validate', '--region', 'narnia', 'x.json');

    expect(status).toBe(2);
    expect(stderr).toContain("'narnia' is not a region's name");
  });

  it('counts repeated keys among the warnings of its verdict', () => {
    const text = JSON.stringify(job(['true'])).replace('{', '{"commands": ["false"], ');

    const { status, stdout } = datastream('validate', file('x.json', text));

    expect(stdout).toMatch(/x\.json: valid, 1 warning$/m);
    expect(status).toBe(0);
  });

  it('compares region and profile with those of the tfvars', () => {
    const tfvars = file('x.tfvars', 'region = "us-west-2"\nsm_name = "machine"\n');
    const parameters = { ...job([]).instance_parameters, IamInstanceProfile: { Name: 'other' } };
    const x = file('x.json', job(['true'], { region: 'us-east-1', instance_parameters: parameters }));

    const { status, stdout } = datastream('validate', '--tfvars', tfvars, x);

    expect(stdout).toMatch(/error {4}\$\.region\n.*us-west-2/);
    expect(stdout).toMatch(/warning {2}\$\.instance_parameters\.IamInstanceProfile\.Name\n.*"machine_ec2_profile"/);
    expect(status).toBe(1);
    expect(datastream('validate', '--tfvars', 'nowhere.tfvars', x)).toMatchObject({ status: 2, stdout: '' });
  });

  it.each([
    [['cat > f <<EOF\nhello', 'echo second'], 'error', 0, /here-document at line 1/],
    [['ls', 'if true; then'], 'error', 1, /unexpected end of file/],
    [['echo a', 'true\necho )', 'ls'], 'error', 1, /\(line 2 of this command\).*unexpected token/],
    [["echo 'first", "echo second'"], 'warning', 0, /runs on into commands\[1\]: /],
    [['echo first \\', 'echo second'], 'warning', 0, /runs on into commands\[1\]: /],
    [
      ['ls', 'for i in 1; do', 'echo $i', 'done'],
      'warning',
      1,
      /runs on into commands\[2\] and further, to commands\[3\]/,
    ],
  ])('has bash look at the commands: %j', (commands, severity, index, words) => {
    const { stdout } = datastream('validate', file('x.json', job(commands)));

    expect(stdout).toMatch(new RegExp(`${severity.padEnd(7)}  \\$\\.commands\\[${index}\\]\\n.*${words.source}`));
  });

  it.each([
    [['shopt -s extglob', 'ls !(x)']],
    [['#!/usr/bin/env python3', 'print("if")']],
    [['diff <(ls) <(ls)', 'cat <<END', 'x', 'END'].slice(0, 1)],
    [["cat <<'END'\n'open\nEND", 'echo a\\\\']],
  ])('has nothing against %j', (commands) => {
    expect(datastream('validate', file('x.json', job(commands))).stdout).toBe('x.json: valid\n');
  });
});
