import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PutObjectCommand } from '@aws-sdk/client-s3';
import { deployedExecutions } from '../../../cli/aws/executions';
import { type ReportSources, report } from '../../../cli/commands/report';
import { pinnedInput } from '../../../executions/matrix/pinned';
import { startsOfDay } from '../../../executions/matrix/schedule';
import { startExecution } from '../../../local/machine';
import { EXAMPLES, inNewFolders } from '../../support/cli';
import { operatorClients, testCloud } from '../../support/cloud';
import { expanded, matrixFile, TEMPLATE } from '../../support/matrices';

const { datastream, file, path } = inNewFolders();

const RIVERS = join(EXAMPLES, 'schedules/rivers.matrix.json');
const ARN = 'arn:aws:states:us-east-1:123456789012:stateMachine:sm';

describe('datastream report', () => {
  it('writes the page and its twin for the days of a matrix, and asks no more than it must the next time', async () => {
    file('job.tpl', TEMPLATE);
    const matrix = path(file('m.json', matrixFile()));
    // Noon of 1 March: the cycles of midnight have been scheduled, those of noon have not.
    const { cloud, clock } = testCloud();
    const [first] = startsOfDay(expanded(matrixFile()), '20260301');
    if (!first) throw new Error('The matrix has no job.');
    await clock.run(startExecution(cloud, pinnedInput(first), undefined, first.name).result);
    const client = cloud.sfn.client();
    const asked: string[] = [];
    const sfn = {
      send: (command: Parameters<typeof client.send>[0]) => {
        asked.push(command.constructor.name);
        return client.send(command);
      },
    } as typeof client;
    const texts: string[] = [];
    const out = { write: (text: string) => texts.push(text) };
    const options = { arn: cloud.stateMachineArn, days: 1, out: path('status.html'), folder: '.datastream' };
    const executions = deployedExecutions(cloud.stateMachineArn, { ...operatorClients(cloud, clock), sfn });
    const run = (schedules: Awaited<ReturnType<ReportSources['schedules']>> = []) =>
      clock.run(
        report(matrix, options, clock.now(), out, out, {
          executions: (_, __, act) => act(executions),
          schedules: async () => schedules,
          s3: () => cloud.s3.client(),
        }),
      );

    expect([await run(), texts.join('')]).toEqual([
      0,
      expect.stringMatching(/status\.html {2}\d+ KB {2}2 jobs expected, 1 ok, 0 failed, 1 missing\n$/),
    ]);
    const twin = JSON.parse(readFileSync(path('status.json'), 'utf8'));
    expect(twin.totals).toMatchObject({ jobs: 2, ok: 1, missing: 1 });
    expect(readFileSync(path('status.html'), 'utf8')).toContain('The same figures are in status.json.');

    asked.length = 0;
    expect(await run()).toBe(0);
    expect(asked).toEqual(['ListExecutionsCommand']);

    await run([{ stream: 'flow', line: 'short', state: 'DISABLED' }]);
    expect(JSON.parse(readFileSync(path('status.json'), 'utf8')).totals).toMatchObject({
      ok: 1,
      missing: 0,
      paused: 1,
    });
    // Resumed without a catch-up, after the time of the job that is missing.
    await run([{ stream: 'flow', line: 'short', state: 'ENABLED', notBefore: clock.now().toISOString() }]);
    expect(JSON.parse(readFileSync(path('status.json'), 'utf8')).totals).toMatchObject({ missing: 0, paused: 1 });
    await run([{ stream: 'flow', line: 'short', state: 'ENABLED', notBefore: '2026-02-01T00:00:00Z' }]);
    expect(JSON.parse(readFileSync(path('status.json'), 'utf8')).totals).toMatchObject({ missing: 1, paused: 0 });
  });

  it('puts page and twin into S3 too, and exits 5 where it cannot, with the report written', async () => {
    file('job.tpl', TEMPLATE);
    const matrix = path(file('m.json', matrixFile()));
    const { cloud, clock } = testCloud();
    const executions = deployedExecutions(cloud.stateMachineArn, operatorClients(cloud, clock));
    const [texts, puts]: [string[], string[]] = [[], []];
    const out = { write: (text: string) => texts.push(text) };
    const options = {
      arn: cloud.stateMachineArn,
      days: 1,
      out: path('r.html'),
      folder: '.',
      upload: 's3://bucket/status/',
    };
    const run = (send: (command: PutObjectCommand) => Promise<unknown>) =>
      clock.run(
        report(matrix, options, clock.now(), out, out, {
          executions: (_, __, act) => act(executions),
          schedules: async () => [],
          s3: () => ({ send }) as unknown as ReturnType<ReportSources['s3']>,
        }),
      );

    expect(await run(async ({ input }) => puts.push(`${input.Key} ${input.Body}`))).toBe(0);

    expect(puts).toEqual([
      `status/r.html ${readFileSync(path('r.html'), 'utf8')}`,
      `status/r.json ${readFileSync(path('r.json'), 'utf8')}`,
    ]);
    expect(texts.join('')).toMatch(/\ns3:\/\/bucket\/status\/r\.html\ns3:\/\/bucket\/status\/r\.json\n$/);
    expect(await run(() => Promise.reject(Object.assign(new Error('no'), { name: 'AccessDenied' })))).toBe(5);
    expect(texts.at(-1)).toMatch(/^The report is not in s3:\/\/bucket\/status\/: These credentials have no permission/);
  });

  it('tells of the executions of this computer', () => {
    file('job.tpl', TEMPLATE);
    const matrix = file('m.json', matrixFile());

    const { status, stdout, stderr } = datastream('report', matrix, '--local', '--days', '2');

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^report\.html {2}\d+ KB {2}\d+ jobs expected, 0 ok, 0 failed, \d+ missing\n$/);
  });

  it.each([
    ['no machine', [RIVERS], 2, /^Which state machine is meant is not known: write --arn/],
    ['days that are not possible', [RIVERS, '--days', '91'], 2, /whole number from 1 to 90/],
    ['no place in S3', [RIVERS, '--upload', 'my-bucket/status'], 2, /'my-bucket\/status' is no place in S3; write/],
    ['a page of another kind', [RIVERS, '--out', 'report.pdf'], 2, /a name such as report\.html/],
    ['a matrix that is not there', ['no.json', '--arn', ARN], 2, /there is no such file/],
    ['a matrix with errors', ['bad.json', '--arn', ARN], 1, /this matrix has errors/],
  ])('says what is wrong with %s', (_, args, code, message) => {
    file('bad.json', { matrix: 'bad', streams: {} });

    const { status, stdout, stderr } = datastream('report', ...args);

    expect({ status, stdout }).toEqual({ status: code, stdout: '' });
    expect(stderr).toMatch(message);
    expect(existsSync(path('report.html'))).toBe(false);
  });

  it('exits 5 where AWS cannot be asked, and writes nothing', () => {
    const { status, stdout, stderr } = datastream('report', RIVERS, '--arn', ARN);

    expect({ status, stdout }).toEqual({ status: 5, stdout: '' });
    expect(stderr).not.toBe('');
    expect(existsSync(path('report.html'))).toBe(false);
  });
});
