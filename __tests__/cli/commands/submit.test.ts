import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ResultRow } from '../../../lambdas/datastream/result-row';
import { EXAMPLES, inNewFolders, job } from '../../support/cli';

const { datastream, file, path } = inNewFolders();

const RIVERS = join(EXAMPLES, 'schedules/rivers.matrix.json');
const NOTHING = '. Nothing was submitted.\n';

/** Six jobs, of which `fails` exits with 3, until a file `mended` is in the bucket. */
function manifest(fails: number): string {
  const command = `[ \${n} != ${fails} ] || [ -e $$DATASTREAM_BUCKETS/mended ] || exit 3`;
  file('job.json', job(['echo basin ${n}', command.replace('$$DATASTREAM_BUCKETS', path('.datastream/buckets'))]));
  const rows = [1, 2, 3, 4, 5, 6].map((n) => `basin_${n},job.json,${n}`);
  return file('basins.csv', ['name,file,n', ...rows, ''].join('\n'));
}

/** The results of each submission of the embedded bucket. */
function results(): ResultRow[][] {
  const folder = path('.datastream/buckets/submissions/submissions');
  return readdirSync(folder)
    .sort()
    .map((id) => JSON.parse(readFileSync(join(folder, id, 'results.json'), 'utf8')) as ResultRow[]);
}

describe('datastream submit --local', () => {
  it('runs jobs for real, two at a time; and those that failed again', () => {
    const first = datastream('submit', '--local', '--concurrency', '2', '--tolerate', '20%', manifest(5));

    expect({ status: first.status, stderr: first.stderr }).toEqual({ status: 1, stderr: '' });
    const [id] = /basins-\d{8}-\d{6}-[0-9a-f]{4}/.exec(first.stdout) ?? [];
    expect(first.stdout).toContain(`submission ${id}: 6 jobs, at most 2 at once, 1 may fail (20 %)\n`);
    expect(first.stdout).toContain(`${id}  6 of 6 jobs ended, 1 failed  `);
    expect(first.stdout).toContain('  FAILED      basin_5  CommandFailed: ');
    expect(first.stdout).toContain(`  again       datastream submit --resume ${id} --local\n`);
    const running = [...first.stdout.matchAll(/(\d+) running/g)].map(([, number]) => Number(number));
    expect(Math.max(...running)).toBe(2);
    const [rows = []] = results();
    expect(rows.map(({ name, status }) => [name, status])).toEqual(
      [1, 2, 3, 4, 5, 6].map((n) => [`basin_${n}`, n === 5 ? 'FAILED' : 'SUCCEEDED']),
    );

    file('.datastream/buckets/mended', 'yes');
    const second = datastream('submit', '--local', '--resume', String(id));

    expect({ status: second.status, stderr: second.stderr }).toEqual({ status: 0, stderr: '' });
    expect(second.stdout).toContain(': 1 job, at most 50 at once');
    const again = results().find((each) => each.length === 1);
    expect(again).toEqual([expect.objectContaining({ name: 'basin_5_r2', status: 'SUCCEEDED', attempts: 1 })]);
    const [next] = /basins-\d{8}-\d{6}-[0-9a-f]{4}/.exec(second.stdout) ?? [];
    expect(datastream('submit', '--local', '--resume', String(next))).toEqual({
      status: 0,
      stdout: `${next}: all jobs succeeded, and nothing is to be done again.\n`,
      stderr: '',
    });
  });

  it('refuses what is wrong with any job, all of it at once, and runs none', () => {
    file('good.json', job(['true']));
    file('bad.json', job([]));
    file('broken.json', '{');

    const { status, stdout, stderr } = datastream('submit', '--local', 'good.json', 'bad.json', 'broken.json');

    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('  error    broken.json:1:2: not JSON: ');
    expect(stderr).toMatch(/ {2}error {4}Job bad_\d{8}-\d{6} \(bad\.json\): \$\.commands: This list is empty/);
    expect(stderr).toContain(`good: 2 errors, 0 warnings${NOTHING}`);
    expect(readdirSync(path('.datastream/buckets'))).toEqual([]);
  });

  it('knows no submission that there was not', () => {
    const { status, stderr } = datastream('submit', '--local', '--resume', 'basins-1');

    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: "There is no submission 'basins-1': write the ID that 'datastream submit' has printed.\n",
    });
  });
});

describe('datastream submit', () => {
  it('prints the jobs of a day of a matrix, and submits nothing with --dry-run', () => {
    const { status, stdout, stderr } = datastream('submit', RIVERS, '--date', '20260818', '--dry-run');

    const lines = stdout.trimEnd().split('\n');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(lines).toHaveLength(126);
    expect(lines.slice(0, -1).every((line) => /^\S+_202608\d\d {2}\S+rivers\.matrix\.json$/.test(line))).toBe(true);
    expect(lines.at(-1)).toBe('125 jobs, at most 50 at once, 6 may fail (5 %). Nothing was submitted (--dry-run).');
  });

  it('takes one stream of a matrix', () => {
    const { stdout } = datastream('submit', RIVERS, '--date', '2026-08-18', '--stream', 'gauges', '--dry-run');

    expect(stdout).toMatch(/^gauges\S*_20260818 /);
    expect(stdout).not.toContain('forecast');
  });

  it.each([
    ['nothing to submit', [], /^Name a matrix, a manifest or execution files, or an earlier submission by --resume ID/],
    ['a matrix without a day', [RIVERS], /is a matrix: name the day of its cycles by --date\./],
    ['a day without a matrix', ['job.json', '--date', '20260818'], /^--date is for a matrix, and job\.json is none/],
    ['a stream that is not there', [RIVERS, '--date', '20260818', '--stream', 'x'], /no stream is called 'x'/],
    ['a matrix beside other files', [RIVERS, 'job.json'], /names many jobs itself: submit it alone/],
    ['a machine that is not known', ['job.json'], /^The machine of submissions is not known: set submissions_bucket/],
    ['an ARN of something else', ['job.json', '--arn', 'arn:aws:s3:::b'], /is no state machine's ARN/],
    ['no number of jobs', ['job.json', '--concurrency', '0'], /'0' is no number of jobs; write a whole number from 1/],
    ['no percentage', ['job.json', '--tolerate', '101%'], /'101%' is no percentage; write one from 0% to 100%/],
    ['no day', [RIVERS, '--date', '20260230'], /'20260230' is no day/],
  ])('exits 2 for %s', (_, args, message) => {
    file('job.json', job(['true']));

    const { status, stdout, stderr } = datastream('submit', ...args);

    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('exits 5 where AWS cannot be asked', () => {
    file('job.json', job(['true']));
    const arn = 'arn:aws:states:us-east-1:123456789012:stateMachine:submissions';

    const { status, stderr } = datastream('submit', 'job.json', '--arn', arn);

    expect(status).toBe(5);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});
