import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { listLines } from '../../cli/commands/list-lines';
import { thisProcess } from '../../files/processes';
import { COMMAND, inNewFolders, job } from '../support/cli';
import { matrixFile, TEMPLATE, withLine } from '../support/matrices';
import { documentIn } from '../support/output-schema';

const { datastream, env, file, path } = inNewFolders();

/** Writes the record of an execution of this computer. */
function recorded(name: string, status: string, startedAt: Date, seconds = 60): void {
  mkdirSync(path(`.datastream/executions/${name}`), { recursive: true });
  file(`.datastream/executions/${name}/execution.json`, {
    version: 1,
    name,
    status,
    started_at: startedAt.toISOString(),
    ...(status !== 'RUNNING' && { ended_at: new Date(startedAt.getTime() + 1000 * seconds).toISOString() }),
    input: job(['true']),
    instances: [],
    process: thisProcess(),
    ...(status === 'SUCCEEDED' && {
      output: {
        attempt: 1,
        attempts: 1,
        summary: {
          attempts: 1,
          launches: [{ attempt: 1, instance_id: 'i-1', type: 'm8g.xlarge', market: 'on-demand', seconds }],
        },
      },
    }),
  });
}

function matrix(content: Record<string, unknown> = matrixFile()): string {
  file('job.tpl', TEMPLATE);
  return file('m.json', content);
}

/** Four cycles of two jobs: one healthy, one with a retry, one that runs and has failed, one of which nothing is known. */
function twoDays(): void {
  const at = (time: string) => new Date(`2026-08-${time}:00Z`);
  recorded('job_short_a_00_20260818', 'SUCCEEDED', at('18T01:31'), 190);
  recorded('job_short_b_00_20260818', 'SUCCEEDED', at('18T01:31'), 200);
  recorded('job_short_a_12_20260817', 'FAILED', at('17T13:31'));
  recorded('job_short_a_12_20260817_r2', 'SUCCEEDED', at('17T15:00'), 240);
  recorded('job_short_b_12_20260817', 'SUCCEEDED', at('17T13:31'), 100);
  recorded('job_short_a_12_20260818', 'RUNNING', at('18T13:31'));
  recorded('job_short_b_12_20260818', 'TIMED_OUT', at('18T13:31'));
  recorded('another', 'SUCCEEDED', at('18T13:31'));
}

const NOW = new Date('2026-08-18T15:00:00Z');

async function list(options: object, now = NOW) {
  const told: string[] = [];
  const out = { write: (text: string) => told.push(text) };
  const where = { local: true, folder: path('.datastream'), matrix: path('m.json') };
  const code = await listLines({ ...where, ...options }, now, out, out);
  return { code, text: told.join('') };
}

describe('list --stream', () => {
  it('has a row for each cycle of a line, in which a retry counts as its job', async () => {
    matrix();
    twoDays();

    expect(await list({ stream: 'flow', since: 2 * 86_400_000 })).toEqual({
      code: 0,
      text: [
        'CYCLE        LINE   JOBS  OK  FAIL  RUN  MISS    P50    COST',
        '20260818T12  short     2   0     1    1     0      -       -',
        '20260818T00  short     2   2     0    0     0  3m10s   $0.02',
        '20260817T12  short     2   2     0    0     0  1m40s  $0.02+',
        '20260817T00  short     2   0     0    0     2      -       -',
        '',
      ].join('\n'),
    });
  });

  it('is the same in JSON', async () => {
    matrix();
    twoDays();

    const { text } = await list({ stream: 'flow', json: true });

    expect((documentIn('list --stream', text) as { lines: unknown[] }).lines[1]).toEqual({
      stream: 'flow',
      line: 'short',
      cycle: '20260818T00',
      scheduled_at: '2026-08-18T01:30:00.000Z',
      ...{ jobs: 2, ok: 2, failed: 0, running: 0, starting: 0, missing: 0 },
      p50_seconds: 190,
      dollars: expect.any(Number),
      dollars_unknown: 0,
    });
  });

  it('counts what the planner still starts as neither running nor missing', async () => {
    matrix();

    const { text } = await list({ stream: 'flow', since: 3_600_000, json: true }, new Date('2026-08-18T13:40:00Z'));

    expect(JSON.parse(text).lines).toMatchObject([{ cycle: '20260818T12', jobs: 2, starting: 2, missing: 0 }]);
  });

  it('says that nothing was due', async () => {
    matrix();

    expect(await list({ stream: 'flow', since: 60_000 })).toEqual({
      code: 0,
      text: 'No cycle of these lines was due in that time.\n',
    });
  });
});

describe('list --missing', () => {
  it('prints the jobs without an execution, and the command that starts them', async () => {
    matrix();
    twoDays();

    const { code, text } = await list({ missing: true, since: 2 * 86_400_000 });
    expect({ code, text }).toEqual({
      code: 0,
      text: 'job_short_a_00_20260817\njob_short_b_00_20260817\n2 jobs missing.\n',
    });
    const { text: json } = await list({ missing: true, since: 2 * 86_400_000, json: true });
    expect((documentIn('list --missing', json) as { missing: unknown[] }).missing[0]).toEqual({
      name: 'job_short_a_00_20260817',
      stream: 'flow',
      line: 'short',
      cycle: '20260817T00',
      scheduled_at: '2026-08-17T01:30:00.000Z',
    });
    expect(await list({ missing: true, since: 3_600_000 })).toEqual({ code: 0, text: 'No job is missing.\n' });
  });
});

/** A line with a cycle in each hour: the one of two hours ago is no longer its planner's. */
function hourly() {
  matrix(withLine({ cycles: '00..23', lag: '0:00' }));
  const due = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000 - 2 * 3_600_000);
  const [day = '', hour = ''] = due.toISOString().slice(0, 13).replaceAll('-', '').split('T');
  const name = (place: string) => `job_short_${place}_${hour}_${day}`;
  const watch = (...args: string[]) =>
    datastream('watch', 'flow/short', '--local', '--matrix', 'm.json', '--cycle', `${day}T${hour}`, ...args);
  return { cycle: `${day}T${hour}`, due, name, watch };
}

describe('watch STREAM/LINE', () => {
  it('exits 0 where all jobs have succeeded', () => {
    const { cycle, due, name, watch } = hourly();
    for (const place of ['a', 'b']) recorded(name(place), 'SUCCEEDED', due);

    expect(watch()).toEqual({ status: 0, stdout: `${cycle}  2 jobs: 2 ok\n`, stderr: '' });
    expect(documentIn('watch STREAM/LINE', watch('--json').stdout)).toMatchObject({
      stream: 'flow',
      cycle,
      jobs: 2,
      ok: 2,
    });
  });

  it('exits 1 where one has failed, or is missing', () => {
    const { cycle, due, name, watch } = hourly();
    recorded(name('a'), 'FAILED', due);

    expect(watch()).toEqual({ status: 1, stdout: `${cycle}  2 jobs: 1 failed, 1 missing\n`, stderr: '' });
  });

  it('exits 3 where one still runs at the end of --timeout', () => {
    const { due, name, watch } = hourly();
    recorded(name('a'), 'SUCCEEDED', due);
    recorded(name('b'), 'RUNNING', due);

    const { status, stdout, stderr } = watch('--timeout', '1');
    expect(status).toBe(3);
    expect(stdout).toMatch(/ {2}2 jobs: 1 ok, 1 running; the oldest [23]h\d\dm\n$/);
    expect(stderr).toMatch(
      /^Still running: 1 job of flow\/short\. Stop them with 'datastream cancel --stream flow --line/,
    );
  });

  it('exits 2 for a line or a cycle that there is not', () => {
    hourly();
    const wrong = (...args: string[]) => datastream('watch', ...args, '--local', '--matrix', 'm.json');

    expect(wrong('flow/shrt')).toMatchObject({ status: 2, stderr: expect.stringContaining('write short if') });
    expect(wrong('flow/short', '--cycle', '20200101T00').status).toBe(2);
    expect(wrong('flow/short', '--cycle', 'today').status).toBe(2);
    expect(wrong('name', '--cycle', '20260818T22').status).toBe(2);
  });
});

describe('cancel --stream', () => {
  it('stops what runs of a stream, and nothing else; it asks, and without anybody to ask it refuses', async () => {
    matrix();
    file('job.json', job(['sleep 600']));
    const begin = (name: string) => {
      const args = [COMMAND, 'run', '--local', 'job.json', '--name', name];
      const child = spawn(process.execPath, args, { cwd: path(), env: env() });
      const begun = new Promise((done) =>
        child.stdout.on('data', (text) => `${text}`.includes('EC2Poller') && done(0)),
      );
      const ended = new Promise<number | null>((done) => child.on('close', done));
      return { begun, ended };
    };
    const runs = ['job_short_a_12_20260818', 'job_short_b_00_20260818_r2', 'another'].map(begin);
    await Promise.all(runs.map(({ begun }) => begun));
    const cancel = (...args: string[]) => datastream('cancel', '--local', '--matrix', 'm.json', ...args);

    expect(cancel('--stream', 'flow')).toEqual({
      status: 2,
      stdout: '',
      stderr: '2 executions will be stopped. Nobody can be asked here: write --yes.\n',
    });
    expect(cancel('--stream', 'flow', '--cycle', '20260818T12', '--yes')).toEqual({
      status: 0,
      stdout: 'job_short_a_12_20260818: stopped; its instance ends\n1 execution stopped\n',
      stderr: '',
    });
    expect(cancel('--stream', 'flow', '--yes').stdout).toContain('job_short_b_00_20260818_r2: stopped');
    expect(cancel('--stream', 'flow', '--yes').stdout).toBe('No execution of these jobs runs.\n');
    expect(cancel('another', 'job_short_a_12_20260818')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^another: stopped; .*\n.*has ended \(ABORTED\).*\n1 execution stopped\n$/),
    });
    expect(await Promise.all(runs.map(({ ended }) => ended))).toEqual([130, 130, 130]);
  });
});

describe('Wrong options', () => {
  it.each([
    [['list', '--stream', 'flwo', '--matrix', 'm.json'], /no stream is called 'flwo': write flow if that is meant/],
    [
      ['list', '--stream', 'flow', '--status', 'failed', '--matrix', 'm.json'],
      /--status and --limit are for executions/,
    ],
    [['list', '--stream', 'flow', '--limit', '3', '--matrix', 'm.json'], /--status and --limit are for executions/],
    [['list', '--line', 'short'], /--line is for --stream/],
    [['list', '--missing'], /^Which matrix is deployed is not known: write --matrix FILE/],
    [['cancel'], /^Name the executions to stop, or write --stream/],
    [['cancel', 'a', '--stream', 'flow'], /^--stream finds the executions itself/],
  ])('%j exits 2', (args, message) => {
    matrix();

    const { status, stderr } = datastream(...args, '--local');
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });
});
