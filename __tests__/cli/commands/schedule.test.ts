import { join } from 'node:path';
import { EXAMPLES, inNewFolders } from '../../support/cli';

const { datastream, file } = inNewFolders();
const RIVERS = join(EXAMPLES, 'schedules/rivers.matrix.json');
const ARN = 'arn:aws:states:us-east-1:123456789012:stateMachine:datastream';
const backfill = (...args: string[]) => datastream('backfill', RIVERS, '--arn', ARN, ...args);

describe('which state machine is meant', () => {
  it('is told to be unknown, with what to write', () => {
    expect(datastream('schedule', 'list')).toEqual({
      status: 2,
      stdout: '',
      stderr:
        'Which state machine is meant is not known: write --arn, set DATASTREAM_ARN, or run this in the folder of terraform.datastream.tfstate.\n',
    });
  });

  it("is read from Terraform's state in the folder", () => {
    file('terraform.datastream.tfstate', { outputs: { datastream_arn: { value: 'no ARN' } } });

    expect(datastream('schedule', 'list').stderr).toBe(
      "'no ARN' is no state machine's ARN: write the output datastream_arn, such as arn:aws:states:us-east-1:123456789012:stateMachine:datastream.\n",
    );
  });
});

describe('datastream backfill', () => {
  const day = (daysAgo: number) =>
    new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');

  it.each([
    [
      'an unknown stream',
      ['--stream', 'gages', '--from', day(2), '--to', day(1)],
      /: no stream is called 'gages': write gauges if that is meant\.\n$/,
    ],
    [
      'an unknown line',
      ['--stream', 'forecast', '--line', 'long', '--from', day(2), '--to', day(1)],
      /: no line is called 'long': write one of short_range, medium_range\.\n$/,
    ],
    [
      'days in the wrong order',
      ['--stream', 'gauges', '--from', day(1), '--to', day(2)],
      /: --from \d{8} is after --to \d{8}: write the earlier day first\.\n$/,
    ],
    [
      'days that Step Functions has forgotten',
      ['--stream', 'gauges', '--from', day(100), '--to', day(1)],
      /: --from \d{8} is more than 90 days ago, .*: write a later day\.\n$/,
    ],
  ])('refuses %s before AWS is asked', (_, args, message) => {
    const { status, stdout, stderr } = backfill(...args);

    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  it('exits 2 without a stream or a day', () => {
    expect(backfill('--stream', 'gauges').status).toBe(2);
  });

  it('exits 1 with a matrix that has errors', () => {
    const matrix = file('bad.json', { matrix: 'bad' });

    expect(datastream('backfill', matrix, '--arn', ARN, '--stream', 'a', '--from', day(2), '--to', day(1)).status).toBe(
      1,
    );
  });
});

describe('datastream matrix play', () => {
  it('prints hours, lines and what it comes to', () => {
    const { status, stdout } = datastream('matrix', 'play', RIVERS, '--from', '2026-08-18', '--hours', '2');

    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^HOUR +JOBS +LAUNCHED +LAST +THROTTLED +OUTCOMES\n2026-08-18T00Z +10 +10 +66 s +0 +10 SUCCEEDED\n/,
    );
    expect(stdout).toMatch(/\nforcing\/short_range +2 +2 +60 s +2 SUCCEEDED\n/);
    expect(stdout).toMatch(
      /\n14 jobs, 0 throttled calls; the last launch 66 s after its schedule\nthe planner: 5 calls, /,
    );
  });

  it('exits 2 for hours that are none', () => {
    expect(datastream('matrix', 'play', RIVERS, '--hours', '0').status).toBe(2);
  });
});
