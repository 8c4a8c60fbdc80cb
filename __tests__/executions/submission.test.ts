import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  itemsOf,
  LARGEST_ITEM_BYTES,
  LONGEST_JOB_NAME,
  MOST_JOBS,
  nextName,
  problemsOfJobs,
} from '../../executions/submission/items';
import { readManifest } from '../../executions/submission/manifest';
import { collectProblems } from '../../files/problems';
import { executionFile } from '../support/scenario';

const input = executionFile({ ii_check_s3: false });
const job = (name: string, rest: object = {}) => ({ name, input, source: 'a.csv:2', ...rest });
const errors = (...jobs: Parameters<typeof problemsOfJobs>[0]) =>
  problemsOfJobs(jobs)
    .filter(({ severity }) => severity === 'error')
    .map(({ message }) => message);

describe('the jobs of a submission', () => {
  test('have no problem where names and files are right', () => {
    expect(errors(job('a'), job('b'))).toEqual([]);
  });

  test('need names of their own, and each problem names the other job', () => {
    expect(errors(job('a'), job('a', { source: 'a.csv:3' }))).toEqual([
      'Job a (a.csv:3): the job of a.csv:2 has this name too: give each a name of its own.',
    ]);
  });

  test.each(['a b', 'a.b', 'ä', ''])('are not called %j', (name) => {
    expect(errors(job(name))[0]).toContain('write letters, digits, _ and - alone');
  });

  test('are warned of an object that two of them check', () => {
    const checked = (key: string) => ({ input: executionFile({ ii_check_s3: { bucket: 'b-ucket', prefix: key } }) });

    const told = problemsOfJobs([
      job('a', checked('x/1')),
      job('b', checked('x/2')),
      job('c', checked('x/1')),
      job('d', checked('x/1')),
    ]);

    expect(told.filter(({ message }) => message.includes('checks the same object'))).toEqual([
      expect.objectContaining({
        severity: 'warning',
        message: expect.stringMatching(/^Job c \(a\.csv:2\) and 1 other: the job a checks the same object/),
        found: '"s3://b-ucket/x/1"',
      }),
    ]);
  });

  test('leave room for the name of a later submission within 80 characters', () => {
    const longest = 'n'.repeat(LONGEST_JOB_NAME);

    expect(errors(job(longest))).toEqual([]);
    expect(nextName(nextName(longest)).length).toBeLessThanOrEqual(80);
    expect(errors(job(`${longest}n`))[0]).toContain('the name has 77 characters: write at most 76');
  });

  test('tell of the same problem of many files once, and of every other one beside it', () => {
    const wrong = { ...input, commands: [] };

    const told = errors(job('a', { input: wrong }), job('b', { input: wrong }), job('c', { input: 7 }));

    expect(told).toHaveLength(2);
    expect(told[0]).toMatch(/^Job a \(a\.csv:2\) and 1 other: \$\.commands: /);
    expect(told[1]).toMatch(/^Job c \(a\.csv:2\): \$: An execution file is one JSON object/);
  });

  test('have files so small that a nested result holds them twice', () => {
    const padded = (bytes: number) => {
      const file = { ...input, commands: [''] };
      const rest = bytes - JSON.stringify(file).length;
      return { ...file, commands: [`#${'x'.repeat(rest - 1)}`] };
    };

    const told = expect.stringContaining(`at most ${LARGEST_ITEM_BYTES} are possible in a submission`);

    expect(errors(job('a', { input: padded(LARGEST_ITEM_BYTES) }))).not.toContainEqual(told);
    expect(errors(job('a', { input: padded(LARGEST_ITEM_BYTES + 1) }))).toContainEqual(told);
    // Twice, with the ARNs and dates around them.
    expect(2 * LARGEST_ITEM_BYTES + 20_000).toBeLessThan(262_144);
  });

  test('are not none, and not too many', () => {
    const many = Array.from({ length: MOST_JOBS + 1 }, (_, index) => job(`j${index}`, { input: null }));

    expect(errors()).toEqual(['There are no jobs: name a file with some.']);
    expect(errors(...many)).toContain('These are 10001 jobs: at most 10000 are possible; make several submissions.');
  });
});

describe('the items of a submission', () => {
  test('are started one after the other at first, and then as others end', () => {
    const slots = itemsOf(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ name, input })),
      4,
    ).map((item) => item.slot_s);

    // 1.5 a second.
    expect(slots).toEqual([0, 0, 1, 2, 0, 0]);
  });

  test.each([
    ['job', 'job_r2'],
    ['job_r2', 'job_r3'],
    ['job_r9', 'job_r10'],
    ['job_river', 'job_river_r2'],
  ])('have the next name: %s, %s', (name, next) => {
    expect(nextName(name)).toBe(next);
  });
});

describe('a manifest', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'datastream-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const read = (csv: string, template = '{"commands": ["./run ${basin}"], "echo": "$${HOME}"}') => {
    writeFileSync(join(folder, 'job.json'), template);
    writeFileSync(join(folder, 'jobs.csv'), csv);
    const problems = collectProblems();
    const jobs = readManifest(join(folder, 'jobs.csv'), problems);
    const short = (text: string) => text.replaceAll(`${folder}/`, '');
    return {
      jobs: jobs.map(({ source, ...rest }) => ({ ...rest, source: short(source) })),
      problems: problems.inFileOrder(undefined).map(({ severity, message }) => `${severity}: ${short(message)}`),
    };
  };

  test('gives a job for each line, filled from its columns', () => {
    const { jobs, problems } = read('\uFEFFname,file,basin\r\none,job.json,"a, b"\r\n\r\ntwo,job.json,c\r\n');

    expect(problems).toEqual([]);
    expect(jobs).toEqual([
      { name: 'one', input: { commands: ['./run a, b'], echo: '${HOME}' }, source: 'jobs.csv:2' },
      { name: 'two', input: { commands: ['./run c'], echo: '${HOME}' }, source: 'jobs.csv:4' },
    ]);
  });

  test.each([
    ['spaces around its columns', 'name, file , basin\none,job.json,a\n'],
    ['semicolons', 'name;file;basin\none;job.json;a\n'],
    ['tabs', 'name\tfile\tbasin\none\tjob.json\ta\n'],
  ])('may have %s, as spreadsheets write them', (_, csv) => {
    const { jobs, problems } = read(csv);

    expect(problems).toEqual([]);
    expect(jobs).toEqual([expect.objectContaining({ name: 'one', input: { commands: ['./run a'], echo: '${HOME}' } })]);
  });

  test('tells of everything that is wrong at once, with its line', () => {
    const { jobs, problems } = read(
      'name,file,bassin\none,job.json,a\n,job.json,b\ntwo,no.json,c\nthree,,d\nfour,job.json,e\n',
    );

    expect(jobs).toEqual([]);
    expect(problems).toEqual([
      'error: jobs.csv:3: the column name is empty: write a value.',
      'error: jobs.csv:4: no.json: there is no such file: check the path.',
      'error: jobs.csv:5: the column file is empty: write a value.',
      'error: Job one (jobs.csv:2) and 1 other: job.json: ${basin} is no column of jobs.csv: write ${bassin} if that is meant, or write $${basin} for what the shell is to read.',
    ]);
  });

  test.each([
    ['a line with too few values', 'name,file,basin\none,job.json\n', /^error: jobs\.csv:2: this is no CSV: /],
    [
      'a quote without its end',
      'name,file,basin\none,job.json,"a\n',
      /^error: jobs\.csv:2: this is no CSV: Quote Not Closed/,
    ],
    ['no line', '', /^error: jobs\.csv: there are no jobs/],
    ['a header without file', 'name,basin\none,a\n', /^error: jobs\.csv:1: the header lacks file/],
  ])('is refused for %s', (_, csv, message) => {
    const { jobs, problems } = read(csv);

    expect(jobs).toEqual([]);
    expect(problems).toEqual([expect.stringMatching(message)]);
  });

  test('is refused where a value breaks its file, and where the file has what only Terraform evaluates', () => {
    expect(read('name,file,basin\none,job.json,"a""b"\n').problems).toEqual([
      expect.stringMatching(/^error: Job one \(jobs\.csv:2\): job\.json is no JSON when it is filled: /),
    ]);
    expect(read('name,file,basin\none,job.json,a\n', '{"a": "%{ if x }"}').problems).toEqual([
      expect.stringMatching(/^error: job\.json:1:8: "%\{" begins a directive/),
    ]);
  });

  test('warns of a column that fills nothing', () => {
    expect(read('name,file,basin,note\none,job.json,a,b\n').problems).toEqual([
      'warning: jobs.csv: no file has ${note}, so the column note fills nothing.',
    ]);
  });
});
