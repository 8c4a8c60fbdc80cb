import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseExecution } from '../../../executions/parse';
import { COMMAND, EXAMPLES, inNewFolders, job } from '../../support/cli';
import { TEMPLATE } from '../../support/terraform';

const { datastream, env, file, path } = inNewFolders();
const OWN_TEMPLATE = resolve(__dirname, '../../../executions/execution_template.json');
const read = (name: string): unknown => JSON.parse(readFileSync(path(name), 'utf8'));

/** What tsx keeps in the folder of temporary files is not the command's. */
const files = () => readdirSync(path()).filter((name) => !name.startsWith('tsx-'));

/** What completes the template. */
const FILLED = [
  ['--set', 'instance_parameters.ImageId=ami-0123456789abcdef0'],
  ['--set', 'instance_parameters.KeyName=123'],
  ['--set', 'instance_parameters.SecurityGroupIds[0]=sg-0123456789abcdef0'],
  ['--set', 'instance_parameters.IamInstanceProfile.Name=profile'],
  ['--set', 'instance_parameters.TagSpecifications[0].Tags[0].Value=vpu 09'],
  ['--set', "commands[1]=runuser -l ec2-user -c 'mount-s3 my-bucket /home/ec2-user/ngen-datastream/data/mount'"],
  ['--set', 'run_options.ii_check_s3.bucket=my-bucket'],
].flat();

describe('datastream new', () => {
  it('writes the template, filled: valid, and all the rest as in the template', () => {
    const { status, stdout, stderr } = datastream('new', 'my job.json', '--from', TEMPLATE, ...FILLED);

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain("npx datastream run --local 'my job.json'\n");
    expect(stdout).toContain("npx datastream start 'my job.json'\n");
    const template = JSON.parse(readFileSync(TEMPLATE, 'utf8'));
    const parameters = template.instance_parameters;
    expect(read('my job.json')).toEqual({
      ...template,
      $schema: expect.any(String),
      commands: [template.commands[0], expect.stringContaining("'mount-s3 my-bucket /"), template.commands[2]],
      run_options: { ...template.run_options, ii_check_s3: { bucket: 'my-bucket', prefix: 'test/ngen-run.tar.gz' } },
      instance_parameters: {
        ...parameters,
        ImageId: 'ami-0123456789abcdef0',
        KeyName: '123',
        SecurityGroupIds: ['sg-0123456789abcdef0'],
        IamInstanceProfile: { Name: 'profile' },
        TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'vpu 09' }] }],
      },
    });
    expect(parseExecution(read('my job.json')).problems).toEqual([]);
    expect(readFileSync(path('my job.json'), 'utf8')).toMatch(/^\{\n {2}"\$schema": [\s\S]*\n\}\n$/);
    expect(datastream('validate', 'my job.json')).toMatchObject({ status: 0, stdout: 'my job.json: valid\n' });
  });

  it.each([[[]], [['--from', 'template']]])(
    "begins with the repository's template, as its user has left it: %j",
    (args) => {
      const of = (...from: readonly string[]) => {
        const { status, stderr } = datastream('new', 'x.json', '--force', ...from, ...FILLED);
        return { status, stderr, written: files().map((name) => [name, readFileSync(path(name), 'utf8')]) };
      };

      expect(of(...args)).toEqual(of('--from', OWN_TEMPLATE));
    },
  );

  it('writes a gate that --set gives, and refuses one that can never open', () => {
    const gate = (uris: string) => [
      ...['new', 'gate.json', '--force', '--from', file('base.json', job(['true']))],
      ...['--set', `run_options.ii_wait_inputs.uris=${uris}`, '--set', 'run_options.ii_wait_inputs.wait_s=600'],
    ];

    expect(datastream(...gate('["s3://my-bucket/nwm.DAILY/f{001..018}.nc"]')).status).toBe(0);
    expect(read('gate.json')).toMatchObject({
      run_options: { ii_wait_inputs: { wait_s: 600, uris: ['s3://my-bucket/nwm.DAILY/f{001..018}.nc'] } },
    });
    const refused = datastream(...gate('["s3://my-bucket/"]'));
    expect(refused).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('$.run_options.ii_wait_inputs.uris[0]'),
    });
  });

  it('says of everything that is missing which --set gives it, and writes nothing', () => {
    const { status, stdout, stderr } = datastream('new', 'x.json', '--from', TEMPLATE);

    expect({ status, stdout, left: files() }).toEqual({ status: 1, stdout: '', left: [] });
    expect(stderr).toContain('x.json: nothing was written.\n');
    expect(stderr).toContain('error    $.instance_parameters.KeyName\n');
    expect(stderr).toContain('found: "<your-key-pair>"');
    const options = stderr.split('\n').filter((line) => line.startsWith('  --'));
    expect(options).toEqual([
      '  --set instance_parameters.ImageId=...',
      '  --set instance_parameters.KeyName=...',
      "  --set 'instance_parameters.SecurityGroupIds[0]=...'",
      '  --set instance_parameters.IamInstanceProfile.Name=...',
      "  --set 'instance_parameters.TagSpecifications[0].Tags[0].Value=...'",
      `  --set "commands[1]=runuser -l ec2-user -c 'mount-s3 <your-bucket> /home/ec2-user/ngen-datastream/data/mount'"`,
      '  --set run_options.ii_check_s3.bucket=...',
    ]);
  });

  it('is led to the end by what it says', () => {
    const { stderr } = datastream('new', 'x.json', '--from', TEMPLATE);
    const options = stderr
      .split('\n')
      .filter((line) => line.startsWith('  --'))
      .join(' ')
      .replace('ImageId=...', 'ImageId=ami-0123456789abcdef0')
      .replace('SecurityGroupIds[0]=...', 'SecurityGroupIds[0]=sg-0123456789abcdef0')
      .replaceAll('=...', '=mine')
      .replace('<your-bucket>', 'mine');

    const { status } = spawnSync(
      'bash',
      ['-c', `"$0" "$1" new x.json --from "$2" ${options}`, process.execPath, COMMAND, TEMPLATE],
      {
        cwd: path(),
        env: env(),
      },
    );

    expect(status).toBe(0);
    expect(datastream('validate', 'x.json').stdout).toBe('x.json: valid\n');
  });

  it('begins with any execution file, in the order of the options, and runs what it has written', () => {
    mkdirSync(path('jobs/deep'), { recursive: true });
    const from = join(EXAMPLES, 'hello.json');

    const { status } = datastream(
      ...['new', 'jobs/deep/x.json', '--from', from, '--unset', 'commands', '--set', 'commands[0]=echo one'],
      ...['--set', 'commands[1]=echo two', '--set', 'run_options.ii_check_s3=false', '--set', 'region=us-east-1'],
    );

    expect(status).toBe(0);
    const written = read('jobs/deep/x.json') as { $schema: string };
    expect(written).toMatchObject({ commands: ['echo one', 'echo two'], run_options: { ii_check_s3: false } });
    expect(resolve(path('jobs/deep'), written.$schema)).toBe(join(EXAMPLES, '../execution.schema.json'));
    expect(datastream('run', '--local', 'jobs/deep/x.json').stdout).toContain('| two');
  });

  it("says what a misspelt key is meant to be, and does not offer the user's own misspelling", () => {
    const from = file('from.json', job(['true'], { comands: ['an old one'] }));

    const { status, stderr } = datastream('new', 'x.json', '--from', from, '--set', 'instance_parameters.KeyNam=x');

    expect(status).toBe(1);
    expect(stderr).toContain('error    $.instance_parameters.KeyNam\n');
    expect(stderr).toContain('write "KeyName" if that is meant');
    expect(stderr.split('\n').filter((line) => line.startsWith('  --'))).toEqual(['  --unset comands']);
  });

  it('writes a file in spite of a warning, which it prints', () => {
    const from = file('from.json', job(['true']));

    const { status, stderr } = datastream('new', 'x.json', '--from', from, '--set', 'remark=ours');

    expect(status).toBe(0);
    expect(stderr).toContain('warning  $.remark\n');
    expect(read('x.json')).toMatchObject({ remark: 'ours' });
  });

  it('refuses a region that is not the state machine’s', () => {
    const from = file('from.json', job(['true'], { region: 'us-east-1' }));

    const { status, stderr } = datastream('new', 'x.json', '--from', from, '--region', 'eu-west-1');

    expect(status).toBe(1);
    expect(stderr).toContain('--set region=...');
  });

  it('replaces a file with --force alone, and a valid one alone', () => {
    const from = file('from.json', job(['true']));
    file('x.json', 'old');

    const refused = datastream('new', 'x.json', '--from', from);
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(refused.stderr).toBe('x.json: this file exists already: name another one, or add --force.\n');
    expect(datastream('new', 'x.json', '--from', TEMPLATE, '--force').status).toBe(1);
    expect(readFileSync(path('x.json'), 'utf8')).toBe('old');
    expect(datastream('new', 'x.json', '--from', from, '--force').status).toBe(0);
    expect(read('x.json')).toMatchObject({ commands: ['true'] });
  });

  it.each([
    ['a folder that does not exist', ['nowhere/x.json'], /^nowhere\/x\.json: the folder .*nowhere does not exist/],
    ['a folder in place of the file', ['.', '--from', 'good.json', '--force'], /^\.: this is no file: name a file\.$/m],
    ['a source that is not there', ['x.json', '--from', 'b.json'], /^b\.json: there is no such file/],
    ['a source that is no JSON', ['x.json', '--from', 'broken.json'], /^broken\.json:1:2: not JSON: /],
    ['a path that is none', ['x.json', '--set', 'region'], /"region" is no PATH=VALUE: write for example/],
    ['an index beyond the list', ['x.json', '--set', 'commands[7]=ls'], /json: \$\.commands has 3 entries: \[7\] is/],
    ['nothing to remove', ['x.json', '--unset', 'regoin'], /There is nothing at \$\.regoin .* write \$\.region if/],
    ['a region that is none', ['x.json', '--region', 'narnia'], /'narnia' is not a region's name/],
    ['no file', [], /missing required argument 'file'/],
  ])('exits 2 and says so for %s', (_, args, sentence) => {
    file('good.json', job(['true']));
    file('broken.json', '{,}');
    const before = files();

    const { status, stdout, stderr } = datastream('new', ...args);

    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(files()).toEqual(before);
  });
});
