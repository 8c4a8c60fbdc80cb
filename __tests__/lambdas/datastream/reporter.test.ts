import { StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { PublishCommand } from '@aws-sdk/client-sns';
import { createReporter, type HourReport, type ReporterClients } from '../../../lambdas/datastream/reporter';
import type { Log } from '../../../lambdas/runtime/handler';
import { testCloud } from '../../support/cloud';
import { expanded, matrixFile } from '../../support/matrices';

/** Two jobs at 01:30 and two at 13:30. */
const matrix = expanded(matrixFile());

/** A job that fails if its input says so, a minute after its start. */
const JOB = {
  StartAt: 'Work',
  States: {
    Work: { Type: 'Wait', Seconds: 60, Next: 'Which' },
    Which: {
      Type: 'Choice',
      Choices: [{ Variable: '$.fails', IsPresent: true, Next: 'Broken' }],
      Default: 'Done',
    },
    Broken: {
      Type: 'Fail',
      Error: 'CommandFailed',
      Cause: 'Command 1 of 1 exited with code 3: ./model\nSegmentation fault',
    },
    Done: { Type: 'Succeed' },
  },
};

/** A cloud at 13:31 on the first of March 2026, and its reporter, which runs at :50. */
async function hour(options: Partial<ReporterClients> = {}) {
  const { cloud, clock, wait } = testCloud();
  cloud.sfn.define(cloud.stateMachineArn, JOB);
  await wait(91 * 60_000);
  const messages: { Subject: string; Message: string }[] = [];
  const lines: Record<string, unknown>[] = [];
  const log = {
    info: (message: string, extra: object) => lines.push({ message, ...extra }),
    warn: () => {},
    error: () => {},
    appendKeys: () => {},
    resetKeys: () => {},
  } as unknown as Log;
  const reporter = createReporter(
    {
      sfn: cloud.sfn.client(),
      sns: {
        send: async ({ input }: PublishCommand) => {
          messages.push(input as { Subject: string; Message: string });
          return {};
        },
      } as unknown as ReporterClients['sns'],
      stateMachineArn: cloud.stateMachineArn,
      topicArn: 'arn:aws:sns:us-east-1:000000000000:alarms',
      matrix,
      metrics: true,
      ...options,
    },
    log,
  );
  return {
    messages,
    start: (name: string, input: object = {}) =>
      clock.run(
        cloud.sfn
          .client()
          .send(
            new StartExecutionCommand({ stateMachineArn: cloud.stateMachineArn, name, input: JSON.stringify(input) }),
          ),
      ),
    wait,
    report: (time: string) => clock.run(reporter({ time })) as Promise<HourReport>,
    /** The members of a line of metrics, without their description. */
    metrics: () => lines.map(({ message: _m, _aws: _a, ...rest }) => rest),
    formats: () =>
      lines.map(({ _aws }) => _aws as { CloudWatchMetrics: { Dimensions: string[][]; Metrics: object[] }[] }),
  };
}

describe('the message about failed jobs', () => {
  test('is one for a line and an hour, and names job, error, first line of the Cause, and the command', async () => {
    const { start, wait, report, messages } = await hour();
    for (const name of ['job_short_a_12_20260301', 'job_short_b_12_20260301', 'mine'])
      await start(name, { fails: true });
    await start('fine');
    await wait(300_000);

    expect(await report('2026-03-01T13:50:00Z')).toMatchObject({ failed: 3, messages: 2 });

    const [ofLine, ofOthers] = messages.sort((a, b) => a.Subject.localeCompare(b.Subject)).reverse();
    expect([ofOthers?.Subject, ofLine?.Subject].sort()).toEqual([
      'local: 1 job failed, no line of the matrix',
      'local: 2 jobs failed, flow/short',
    ]);
    const text = messages.find(({ Subject }) => Subject.includes('flow/short'))?.Message ?? '';
    expect(text).toContain(
      'job_short_a_12_20260301: CommandFailed\n  Command 1 of 1 exited with code 3: ./model\n  datastream logs job_short_a_12_20260301 --arn arn:aws:states:',
    );
    expect(text).not.toContain('Segmentation');
  });

  test('comes in one hour alone, and not where nothing failed', async () => {
    const { start, wait, report, messages } = await hour();
    await start('mine', { fails: true });
    await wait(300_000);

    await report('2026-03-01T13:30:00Z');
    await report('2026-03-01T13:50:00Z');
    await report('2026-03-01T14:50:00Z');

    expect(messages).toHaveLength(1);
  });

  test('is one for a thousand jobs, and within what SNS takes', async () => {
    const { start, wait, report, messages } = await hour();
    for (let job = 0; job < 1000; job++) await start(`job_${job}_${'x'.repeat(60)}`, { fails: true });
    await wait(600_000);

    await report('2026-03-01T13:50:00Z');

    expect(messages).toHaveLength(1);
    expect(messages[0]?.Subject).toBe('local: 1000 jobs failed, no line of the matrix');
    expect(Buffer.byteLength(messages[0]?.Message ?? '')).toBeLessThan(262_144);
  });
});

describe('the metrics of an hour', () => {
  test('count each stream: what was due, what ended, and what is missing an hour later', async () => {
    const { start, wait, report, metrics } = await hour({ topicArn: '' });
    await start('job_short_a_12_20260301');
    await wait(300_000);
    await report('2026-03-01T13:50:00Z');
    const { missing } = await report('2026-03-01T14:50:00Z');

    expect(metrics()).toEqual([
      {
        machine: 'local',
        stream: 'flow',
        Expected: 0,
        Succeeded: 1,
        Failed: 0,
        Missing: 0,
        LeadMinutes: [92],
        Dollars: 0,
      },
      { machine: 'local', Missing: 0 },
      { machine: 'local', stream: 'flow', Expected: 2, Succeeded: 0, Failed: 0, Missing: 1, Dollars: 0 },
      { machine: 'local', Missing: 1 },
    ]);
    expect(missing).toEqual(['job_short_b_12_20260301']);
  });

  test('count a retry as its job', async () => {
    const { start, wait, report, metrics } = await hour({ topicArn: '' });
    await start('job_short_a_12_20260301', { fails: true });
    await start('job_short_a_12_20260301_r2');
    await start('job_short_b_12_20260301');
    await wait(300_000);
    await report('2026-03-01T13:50:00Z');
    const { missing } = await report('2026-03-01T14:50:00Z');

    expect(metrics()[0]).toMatchObject({ Succeeded: 2, Failed: 1 });
    expect(missing).toEqual([]);
  });

  test('do not expect what the budget refuses', async () => {
    const { report } = await hour({ budget: () => ({ allowed: false, before: 0 }) });

    expect((await report('2026-03-01T14:50:00Z')).missing).toEqual([]);
  });

  test('are in the embedded metric format', async () => {
    const { report, formats } = await hour();
    await report('2026-03-01T13:50:00Z');

    expect(formats()[0]).toEqual({
      Timestamp: Date.parse('2026-03-01T13:50:00Z'),
      CloudWatchMetrics: [
        {
          Namespace: 'Datastream',
          Dimensions: [['machine', 'stream']],
          Metrics: [
            { Name: 'Expected', Unit: 'Count' },
            { Name: 'Succeeded', Unit: 'Count' },
            { Name: 'Failed', Unit: 'Count' },
            { Name: 'Missing', Unit: 'Count' },
            { Name: 'Dollars', Unit: 'None' },
          ],
        },
      ],
    });
    expect(formats()[1]?.CloudWatchMetrics[0]?.Dimensions).toEqual([['machine']]);
  });

  test('are written only where they are asked for', async () => {
    const { report, metrics } = await hour({ metrics: false });

    expect((await report('2026-03-01T14:50:00Z')).missing).toEqual([]);
    expect(metrics()).toEqual([]);
  });
});
