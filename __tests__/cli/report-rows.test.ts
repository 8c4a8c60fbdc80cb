import { deployedExecutions } from '../../cli/aws/executions';
import { reportRows } from '../../cli/report-rows';
import { pinnedInput } from '../../executions/matrix/pinned';
import { startsOfDay } from '../../executions/matrix/schedule';
import { startExecution } from '../../local/machine';
import { operatorClients, testCloud } from '../support/cloud';
import { expanded, matrixFile } from '../support/matrices';

/** Four jobs of a day. On the embedded cloud, the first three are started, and each lasts a minute. */
async function played() {
  const matrix = expanded(matrixFile());
  const starts = startsOfDay(matrix, '20260301');
  let run = 0;
  const { cloud, clock, wait } = testCloud({
    shell: async ({ signal }) => {
      const code = run++ === 1 ? 1 : 0;
      await clock.sleep(60_000, signal);
      return { code, stdout: '', stderr: code ? 'no forcing\n' : '' };
    },
  });
  const begin = (index: number) => {
    const start = starts[index];
    if (!start) throw new Error(`The matrix has no job ${index}.`);
    return startExecution(cloud, pinnedInput(start), undefined, start.name);
  };
  await clock.run(begin(0).result);
  await clock.run(begin(1).result);
  const running = begin(2);
  await wait(5_000);
  const calls: string[] = [];
  const client = cloud.sfn.client();
  const sfn = {
    send: (command: { readonly constructor: { readonly name: string }; readonly input: { executionArn?: string } }) => {
      calls.push(`${command.constructor.name} ${command.input.executionArn?.split(':').at(-1) ?? ''}`.trim());
      return client.send(command as never);
    },
  } as typeof client;
  const executions = deployedExecutions(cloud.stateMachineArn, { ...operatorClients(cloud, clock), sfn });
  const rows = (known?: Parameters<typeof reportRows>[2]) => clock.run(reportRows(starts, executions, known));
  const again = async (index: number) => {
    const start = starts[index];
    if (start) await clock.run(startExecution(cloud, pinnedInput(start), undefined, `${start.name}_r2`).result);
  };
  return { starts, rows, again, calls, end: () => clock.run(running.result) };
}

it('tells what became of each job of a matrix, in their order', async () => {
  const { rows, starts } = await played();

  const told = await rows();

  expect(told.map(({ name }) => name)).toEqual(starts.map(({ name }) => name));
  expect(told[0]).toEqual({
    name: starts[0]?.name,
    execution: starts[0]?.name,
    executions: 1,
    place: 'a',
    day: '20260301',
    stream: 'flow',
    line: 'short',
    cycle: starts[0]?.job.cycle,
    status: 'SUCCEEDED',
    error: null,
    attempts: 1,
    seconds: expect.any(Number),
    // The test begins at noon, and the cycle is that of midnight.
    lead_s: 43_200 + (told[0]?.seconds ?? 0),
    // Some 99 s of an m8g.xlarge with a volume and an address, and the state machine.
    object: null,
    dollars: expect.closeTo(((0.17952 + 0.005 + (8 * 0.08) / 720) * 99) / 3600 + 0.00031, 4),
  });
  expect(told[1]).toMatchObject({ status: 'FAILED', error: 'CommandFailed', attempts: 1 });
  expect(told[1]?.cause).toMatch(/exit code 1|exited/i);
  expect(told[1]?.cause).not.toContain('\n');
  expect(told[2]).toMatchObject({ status: 'RUNNING', error: null, seconds: null, dollars: null });
  expect(told[3]).toMatchObject({ status: 'NOT_STARTED', attempts: null, dollars: 0 });
});

it('asks again only for the jobs that had not ended, and for those that are new', async () => {
  const { rows, calls, starts, end } = await played();
  const first = await rows();
  await end();
  calls.length = 0;

  const second = await rows(first);

  expect(second.map(({ status }) => status)).toEqual(['SUCCEEDED', 'FAILED', 'SUCCEEDED', 'NOT_STARTED']);
  expect(second.slice(0, 2)).toEqual(first.slice(0, 2));
  expect(calls).toEqual(['ListExecutionsCommand', `DescribeExecutionCommand ${starts[2]?.name}`]);
});

it('takes a job that was started again for one job: its outcome, its attempts and all its dollars', async () => {
  const { rows, starts, again, calls, end } = await played();
  await end();
  const first = await rows();
  await again(1);
  calls.length = 0;

  const second = await rows(first);

  const name = starts[1]?.name;
  expect(second.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED', 'NOT_STARTED']);
  expect(second[1]).toMatchObject({ name, execution: `${name}_r2`, executions: 2, attempts: 2, error: null });
  expect(second[1]?.dollars).toBeCloseTo(2 * (first[1]?.dollars ?? 0), 3);
  // The executions of this job alone are asked for again.
  expect(calls.filter((call) => call.startsWith('Describe'))).toEqual([
    `DescribeExecutionCommand ${name}`,
    `DescribeExecutionCommand ${name}_r2`,
  ]);
});
