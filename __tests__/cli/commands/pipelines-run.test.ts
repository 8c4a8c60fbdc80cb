import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { rerunPipelines } from '../../../cli/commands/pipelines-rerun';
import { pipelinesStatus } from '../../../cli/commands/pipelines-status';
import { folderObjects } from '../../../cli/pipeline-records';
import { COMMAND, inNewFolders } from '../../support/cli';
import { documentIn } from '../../support/output-schema';
import { changed, PIPELINES } from '../../support/pipelines';
import { describeWith } from '../../support/tools';

const STUB = path.join(__dirname, '../../support/tsdat_stub');
const { datastream, env, file, path: at } = inNewFolders();

/** The checkout of the pipelines' repository, with files of the stand-in of tsdat. */
function repository(config: object = {}): void {
  for (const [name, content] of Object.entries({
    'lidar/config/pipeline_humboldt.yaml': {
      classname: 'tsdat.IngestPipeline',
      datastream: 'humboldt.lidar.b1',
      ...config,
    },
    'lidar/config/pipeline_morro.yaml': { classname: 'tsdat.IngestPipeline', datastream: 'morro.lidar.b1' },
    'lidar_vap/config/pipeline.yaml': {
      classname: 'tsdat.TransformationPipeline',
      datastream: 'humboldt.vap.c1',
      datastreams: ['humboldt.lidar.b1'],
    },
  })) {
    const target = at(`repo/pipelines/${name}`);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, JSON.stringify(content));
  }
  writeFileSync(at('repo/requirements.txt'), 'tsdat>=0.8\n');
}

/** Runs the command with the stand-in of tsdat. */
function withStub(...args: string[]) {
  const options = { cwd: at(), env: { ...env(), PYTHONPATH: STUB }, encoding: 'utf8', timeout: 540_000 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, 'pipelines', ...args], options);
  return { status, stdout, stderr };
}
const run = (...args: string[]) => withStub('run', '--local', 'pipelines_config.yml', '--repo', 'repo', ...args);
const outputs = (datastream_: string) => {
  const folder = at(`.datastream/buckets/buoy-output/storage/root/data/${datastream_}`);
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]));
};

beforeEach(() => {
  file('pipelines_config.yml', PIPELINES);
  mkdirSync(at('lidar/morro'), { recursive: true });
  file('20260309.csv', 'wind');
});

describeWith(['python3'], 'pipelines on this computer', () => {
  test('a file arrives, its pipeline runs, and its output is in the output bucket', () => {
    repository();
    const { status, stdout } = run('--to', 'lidar/humboldt', '20260309.csv');

    expect([status, stdout]).toEqual([
      0,
      [
        '20260309.csv -> s3://buoy-input/lidar/humboldt/20260309.csv',
        '  lidar/humboldt  succeeded',
        `1 run, 0 failed; outputs are in ${path.join('.datastream', 'buckets', 'buoy-output')}`,
        '',
      ].join('\n'),
    ]);
    expect(outputs('humboldt.lidar.b1')).toEqual({ 'humboldt.lidar.b1.20260309.000000.nc': 'wind, local\n' });
  });

  test('the path of a file says where it arrives, and its commit is in its output', () => {
    repository();
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', at('repo'), '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
        encoding: 'utf8',
      });
    git('init', '-q');
    git('add', '.');
    git('commit', '-qm', 'x');
    file('lidar/morro/20260308.csv', 'rain');

    expect(run('lidar/morro/20260308.csv').status).toBe(0);
    expect(outputs('morro.lidar.b1')).toEqual({
      'morro.lidar.b1.20260308.000000.nc': `rain, ${git('rev-parse', 'HEAD').trim()}\n`,
    });
  });

  test('a folder within a repository has no commit of its own', () => {
    repository();
    execFileSync('git', ['-C', at(), 'init', '-q']);
    execFileSync('git', [
      '-C',
      at(),
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@b',
      'commit',
      '-q',
      '--allow-empty',
      '-mx',
    ]);

    expect(run('--to', 'lidar/humboldt', '20260309.csv').status).toBe(0);
    expect(outputs('humboldt.lidar.b1')).toEqual({ 'humboldt.lidar.b1.20260309.000000.nc': 'wind, local\n' });
  });

  test('a schedule runs the Cron pipelines, also by name', () => {
    repository();
    run('--to', 'lidar/humboldt', '20260309.csv');

    expect(run('--schedule').stdout).toContain('lidar_vap/humboldt  succeeded');
    expect(run('--schedule', 'lidar_vap/humboldt').status).toBe(0);
    expect(run('--schedule', 'lidar_vab')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('write lidar_vap if that is meant'),
    });
  });

  test('--docker builds the images with the deployed build, and runs the handler in them', () => {
    repository();
    mkdirSync(at('repo/shared'));
    writeFileSync(at('repo/shared/storage.yaml'), 'classname: tsdat.io.storage.FileSystem\n');
    mkdirSync(at('bin'));
    // A stand-in: the container is a process in the repository, with the variables and the folder that it would have.
    const script = [
      '#!/bin/bash',
      `echo "$*" >> ${at('docker.txt')}`,
      '[ "$1" = run ] || exit 0',
      'while [ $# -gt 0 ]; do case "$1" in',
      '--volume) [[ "$2" == *:/buckets ]] && folder="${2%:/buckets}"; shift;;',
      '--env) export "${2//\\/buckets/$folder}"; shift;;',
      'handler.py) request="$2";;',
      'esac; shift; done',
      `cd ${at('repo')} && PYTHONPATH=${STUB} exec python3 -B ${path.resolve('images/tsdat/handler.py')} "$request"`,
    ].join('\n');
    writeFileSync(at('bin/docker'), script, { mode: 0o755 });
    const { status, stdout } = spawnSync(
      process.execPath,
      [
        COMMAND,
        'pipelines',
        'run',
        '--local',
        '--docker',
        'pipelines_config.yml',
        '--repo',
        'repo',
        '--to',
        'lidar/humboldt',
        '20260309.csv',
      ],
      { cwd: at(), env: { ...env(), PATH: `${at('bin')}${path.delimiter}${process.env.PATH}` }, encoding: 'utf8' },
    );
    const calls = readFileSync(at('docker.txt'), 'utf8').split('\n');
    const built = calls.filter((line) => line.startsWith('build')).map((line) => /--tag (\S+)/.exec(line)?.[1]);

    expect([status, stdout]).toEqual([0, expect.stringContaining('lidar/humboldt  succeeded')]);
    expect(built).toEqual(['base', 'lidar', 'lidar_vap'].map((name) => `buoy-pipelines-main:${name}-main`));
    expect(calls.filter((line) => /^(push|login)/.test(line))).toEqual([]);
    expect(calls.find((line) => line.startsWith('run'))).toContain('--platform linux/amd64');
    expect(outputs('humboldt.lidar.b1')).toEqual({ 'humboldt.lidar.b1.20260309.000000.nc': 'wind, unknown\n' });
  });

  test.each([
    ['python3', `python3 has no tsdat: run 'python3 -m pip install -r ${path.join('repo', 'requirements.txt')}'`],
    ['no-such-python', 'no-such-python cannot be started: install Python 3, or name with --python'],
    ['node', 'node is no Python 3: name with --python an interpreter that has tsdat.'],
  ])('with %s it says what to install, and nothing arrives', (python, message) => {
    repository();
    const common = ['--local', 'pipelines_config.yml', '--repo', 'repo', '--python', python];
    const run = datastream('pipelines', 'run', ...common, '--to', 'lidar/morro', '20260309.csv');
    const rerun = datastream('pipelines', 'rerun', ...common);

    for (const { status, stdout, stderr } of [run, rerun]) {
      expect([status, stdout, stderr.replace(/\s+/g, ' ')]).toEqual([2, '', expect.stringContaining(message)]);
    }
    expect(readdirSync(at('.datastream/buckets'))).toEqual([]);
  });

  test('a run that is interrupted ends at once, keeps its event, and is run again by rerun', async () => {
    repository();
    mkdirSync(at('slow/tsdat'), { recursive: true });
    writeFileSync(at('slow/tsdat/__init__.py'), 'print("reading", flush=True)\nimport time\ntime.sleep(600)\n');
    const args = ['run', '--local', 'pipelines_config.yml', '--repo', 'repo', '--to', 'lidar/humboldt', '20260309.csv'];
    const child = spawn(process.execPath, [COMMAND, 'pipelines', ...args], {
      cwd: at(),
      env: { ...env(), PYTHONPATH: at('slow') },
    });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      if (String(chunk).includes('reading')) child.kill('SIGINT');
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    const shown = withStub('status', '--local', 'pipelines_config.yml');
    const again = withStub('rerun', '--local', '--repo', 'repo', 'pipelines_config.yml');

    expect(shown.stdout).toMatch(
      /^ {2}\S+Z {2}interrupted {2}\S+ s {2}1 input {2}local\n {4}lidar\/humboldt\/20260309\.csv\n {2}waits for rerun/m,
    );
    expect([code, out]).toEqual([130, expect.stringContaining("interrupted, kept for 'pipelines rerun'")]);
    expect(again).toMatchObject({ status: 0, stdout: expect.stringContaining('1 event called again') });
    expect(outputs('humboldt.lidar.b1')).toEqual({ 'humboldt.lidar.b1.20260309.000000.nc': 'wind, local\n' });
  });

  test('a run that fails is repeated, kept, shown by status, and runs again', () => {
    repository({ fails: 'no such variable' });
    const failed = run('--to', 'lidar/humboldt', '20260309.csv');
    const shown = withStub('status', '--local', 'pipelines_config.yml');
    const again = withStub('rerun', '--local', '--repo', 'repo', 'pipelines_config.yml');
    const shownAgain = withStub('status', '--local', 'pipelines_config.yml');
    repository();
    const repaired = withStub('rerun', '--local', '--repo', 'repo', 'pipelines_config.yml', 'lidar');
    const after = withStub('status', '--local', 'pipelines_config.yml');
    const nothing = withStub('rerun', '--local', '--repo', 'repo', 'pipelines_config.yml');

    expect(failed).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/failed 2 times, kept for 'pipelines rerun'\n1 run, 1 failed\n$/),
    });
    const since = /waits for rerun since (\S{19}Z): ValueError: no such variable\n/;
    expect(shown).toMatchObject({ status: 1, stdout: expect.stringMatching(since) });
    expect(shown.stdout).toMatch(
      /^ {2}\S+Z {2}failed {2}\S+ s {2}1 input {2}local\n {4}lidar\/humboldt\/20260309\.csv\n {4}ValueError: no such variable$/m,
    );
    expect(since.exec(shownAgain.stdout)?.[1]).toBe(since.exec(shown.stdout)?.[1]);
    expect(again).toMatchObject({ status: 1, stdout: expect.stringContaining('failed again') });
    expect(repaired).toMatchObject({ status: 0, stdout: expect.stringContaining('1 event called again') });
    expect(after.status).toBe(0);
    expect(after.stdout).not.toContain('waits for rerun');
    expect(nothing.stdout).toBe('0 events called again\n');
    expect(outputs('humboldt.lidar.b1')).toEqual({ 'humboldt.lidar.b1.20260309.000000.nc': 'wind, local\n' });
  });
});

test.each<[string, string[], string]>([
  ['without --local', ['--repo', 'repo', 'x.csv'], "write '--local'. On AWS, upload the file to the input bucket."],
  ['without an input', ['--local', '--repo', 'repo'], 'Nothing is to be run: name an input file, or write --schedule'],
  [
    'with a file that is not there',
    ['--local', '--repo', 'repo', '--to', 'lidar/morro', 'x.csv'],
    'x.csv: there is no such file: check the path.',
  ],
  [
    'where it is not known where a file arrives',
    ['--local', '--repo', 'repo', '20260309.csv'],
    'write --to with one of lidar/humboldt/, lidar/morro/.',
  ],
  [
    'with a repository that lacks a file',
    ['--local', '--repo', 'lidar', '20260309.csv'],
    'The repository has no such file',
  ],
])('runs nothing %s', (_, args, message) => {
  repository();
  const { status, stdout, stderr } = datastream('pipelines', 'run', 'pipelines_config.yml', ...args);

  expect([status, stdout]).toEqual([2, '']);
  expect(stderr.replace(/\s+/g, ' ')).toContain(message);
});

test('runs nothing of a file with errors', () => {
  repository();
  file('pipelines_config.yml', changed(['trigger: S3', 'trigger: s3']));
  const { status, stderr } = datastream(
    'pipelines',
    'run',
    '--local',
    'pipelines_config.yml',
    '--repo',
    'repo',
    '20260309.csv',
  );

  expect(status).toBe(2);
  expect(stderr).toContain('line 17: $.pipelines[0].trigger');
  expect(stderr).toContain('nothing was run');
});

describe('on AWS', () => {
  const lidar = 'buoy-pipelines-main-lambda-lidar-humboldt';
  const calls: [string, unknown][] = [];
  const aws = () => ({
    objects: folderObjects(at('s3')),
    functions: async () => [lidar, 'buoy-pipelines-main-lambda-old-site'],
    rules: async () => ['buoy-pipelines-main-lambda-old-site-cron-rule', lidar],
    execution: async () => ({ status: 'Failed', time: new Date('2026-03-10T13:30:00Z') }),
    call: async (name: string, event: unknown) => {
      calls.push([name, event]);
    },
  });
  const text = () => {
    const written: string[] = [];
    return { written, write: (each: string) => written.push(each) };
  };
  const object = (bucket: string, key: string, content: object) => {
    const target = at(`s3/buoy-pipelines-main-123456789012-${bucket}/${key}`);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, JSON.stringify(content));
  };
  const NOW = new Date('2026-03-10T14:00:00Z');
  const status = async (options: object = {}) => {
    const [out, err] = [text(), text()];
    const code = await pipelinesStatus(
      at('pipelines_config.yml'),
      { branch: 'main', folder: '.', days: 7, ...options },
      aws,
      out,
      err,
      NOW,
    );
    return { code, out: out.written.join(''), err: err.written.join('') };
  };

  test('status has runs, the last build with its digest, what is left over, and links to the console; as JSON too', async () => {
    object('records', `runs/${lidar}/2026-03-10/130000-a.json`, {
      status: 'succeeded',
      started: '2026-03-10T13:00:00+00:00',
      ended: '2026-03-10T13:00:02.500+00:00',
      runs: [['x', 'y']],
      code_version: '0123456789abcdef',
    });
    object('records', `runs/${lidar}/2026-03-09/130000-b.json`, {
      status: 'running',
      started: '2026-03-09T13:00:00+00:00',
      inputs: ['lidar/a.csv', 'lidar/b.csv'],
      code_version: 'abc',
    });
    object('artifacts', 'built/lidar', { commit: '0123456789abcdef', digest: 'sha256:feed' });

    const { code, out } = await status();

    expect(code).toBe(1);
    expect(out).toContain(
      '  2026-03-10T13:00:00Z  succeeded  2.5 s  2 inputs  0123456789ab\n  2026-03-09T13:00:00Z  killed            2 inputs  abc\n    lidar/a.csv and 1 more\n',
    );
    expect(out).toMatch(
      /Last build: Failed, 2026-03-10T13:30:00\.000Z\n {2}lidar {6}\S+Z {2}0123456789ab {2}sha256:feed\n {2}lidar_vap {2}never/,
    );
    expect(out).toContain(
      'Deployed, but not in the file\n  function buoy-pipelines-main-lambda-old-site\n  rule buoy-pipelines-main-lambda-old-site-cron-rule\n',
    );
    expect(out).toContain(
      'https://us-west-2.console.aws.amazon.com/codesuite/codepipeline/pipelines/buoy-pipelines-main-build-pipeline/view?region=us-west-2',
    );
    expect(documentIn('pipelines status', (await status({ json: true })).out)).toMatchObject({
      configs: [
        {
          pipeline: 'lidar',
          config: 'humboldt',
          runs: [
            {
              status: 'succeeded',
              started_at: '2026-03-10T13:00:00.000Z',
              seconds: 2.5,
              inputs: 2,
              first_input: 'x',
              error: null,
            },
            { status: 'killed', seconds: null },
          ],
        },
        { config: 'morro', runs: [], failed_events: [] },
        { pipeline: 'lidar_vap' },
      ],
      builds: [{ digest: 'sha256:feed' }, { built_at: null, commit: null, digest: null }],
      last_build: { status: 'Failed', started_at: '2026-03-10T13:30:00.000Z' },
      leftovers: [expect.stringMatching(/^function /), expect.stringMatching(/^rule /)],
    });
  });

  test('status without some rights shows the rest, and says what it could not ask', async () => {
    const refuse = async () =>
      Promise.reject(Object.assign(new Error('User is not authorized'), { name: 'AccessDeniedException' }));
    const [out, err] = [text(), text()];
    const options = { branch: 'main', folder: '.', days: 7 };
    const code = await pipelinesStatus(
      at('pipelines_config.yml'),
      options,
      () => ({ ...aws(), functions: refuse, execution: refuse }),
      out,
      err,
      NOW,
    );

    expect(code).toBe(0);
    expect(out.written.join('')).toContain('lidar/humboldt  s3://buoy-input/lidar/humboldt/\n  no run\n');
    expect(err.written.join('')).toMatch(
      /^The last build cannot be shown: .*not authorized.*\nWhat is left over cannot be shown: .*not authorized/,
    );
  });

  test("status of this computer's runs as JSON knows of no build and nothing left over", () => {
    const { stdout } = datastream('pipelines', 'status', '--local', '--json', 'pipelines_config.yml');

    expect(documentIn('pipelines status', stdout)).toMatchObject({
      builds: [],
      last_build: null,
      leftovers: null,
      links: {},
    });
  });

  test('rerun calls the function with the event, and only then forgets it', async () => {
    const key = `aws/lambda/async/${lidar}/2026/03/10/x`;
    object('records', key, {
      requestPayload: { id: 'e1' },
      timestamp: 't',
      responsePayload: { errorType: 'ValueError', errorMessage: 'bad' },
    });
    const options = { branch: 'main', folder: '.', python: 'python3' };
    const lost = () => ({
      ...aws(),
      call: async () => Promise.reject(Object.assign(new Error('reset'), { name: 'TimeoutError' })),
    });
    calls.length = 0;

    expect(await rerunPipelines(at('pipelines_config.yml'), undefined, options, lost, text(), text())).toBe(5);
    expect(await rerunPipelines(at('pipelines_config.yml'), 'lidar/humboldt', options, aws, text(), text())).toBe(0);
    expect(await rerunPipelines(at('pipelines_config.yml'), undefined, options, aws, text(), text())).toBe(0);
    expect(calls).toEqual([[lidar, { id: 'e1', rerun: true, failed_first: 't' }]]);
  });

  test('rerun knows no other pipeline', async () => {
    const err = text();

    expect(
      await rerunPipelines(
        at('pipelines_config.yml'),
        'lidra',
        { branch: 'main', folder: '.', python: '' },
        aws,
        text(),
        err,
      ),
    ).toBe(2);
    expect(err.written.join('')).toContain("no pipeline is called 'lidra': write lidar if that is meant.");
  });
});
