import {
  DescribeJobQueuesCommand,
  DescribeJobsCommand,
  ListJobsCommand,
  SubmitJobCommand,
  type SubmitJobCommandInput,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { type Container, EmbeddedBatch } from '../../local/batch';
import { virtualClock } from '../../local/clock';
import { Service } from '../../local/service';
import { EmbeddedSqs } from '../../local/sqs';

function batch(container: Container) {
  const clock = virtualClock(new Date('2026-11-28T09:00:00Z'));
  const events: string[] = [];
  const service = new Service(clock, 10);
  const cloud = new EmbeddedBatch(clock, (_, __, { status }) => events.push(String(status)), service, container, 1000);
  cloud.define('job', {
    command: ['work', 'Ref::month', 'Ref::none'],
    parameters: { month: '12' },
    timeoutSeconds: 60,
    attempts: 3,
  });
  const client = cloud.client();
  const send = <T>(promise: Promise<T>) => clock.run(promise);
  const submit = (rest: Partial<SubmitJobCommandInput> = {}) =>
    send(client.send(new SubmitJobCommand({ jobName: 'one', jobQueue: 'q', jobDefinition: 'job', ...rest })));
  const describe = async (jobId = '') =>
    (await send(client.send(new DescribeJobsCommand({ jobs: [jobId] })))).jobs?.[0];
  return { clock, cloud, client, events, send, submit, describe };
}

test("runs the definition's command with the parameters' values, and tells of each status", async () => {
  const commands: (readonly string[])[] = [];
  const { clock, events, send, submit, describe } = batch(async ({ command }) => {
    commands.push(command);
    return { code: 0 };
  });
  const { jobId } = await submit({ parameters: { month: '3' } });
  expect(await describe(jobId)).toMatchObject({ status: 'SUBMITTED' });
  await send(clock.sleep(5000));

  expect(commands).toEqual([['work', '3', 'Ref::none']]);
  expect(events).toEqual(['RUNNING', 'SUCCEEDED']);
  expect(await describe(jobId)).toMatchObject({ status: 'SUCCEEDED', container: { exitCode: 0 } });
});

test('retries a job whose host is taken, and no other', async () => {
  const attempts: number[] = [];
  const lost = batch(async ({ attempt }) => {
    attempts.push(attempt);
    return { code: 137, hostLost: true };
  });
  const { jobId } = await lost.submit();
  await lost.send(lost.clock.sleep(60_000));
  expect(attempts).toEqual([1, 2, 3]);
  expect(await lost.describe(jobId)).toMatchObject({
    status: 'FAILED',
    statusReason: expect.stringMatching(/^Host EC2/),
  });

  attempts.length = 0;
  const failing = batch(async ({ attempt }) => {
    attempts.push(attempt);
    return { code: 1 };
  });
  await failing.submit();
  await failing.send(failing.clock.sleep(60_000));
  expect(attempts).toEqual([1]);
});

test('ends a job at its time-out, and one that is terminated at once', async () => {
  const { clock, send, submit, describe, client } = batch(async ({ signal }) => {
    await clockOf().sleep(3_600_000, signal);
    return { code: signal.aborted ? 137 : 0 };
  });
  const clockOf = () => clock;
  const late = await submit();
  const stopped = await submit({ jobName: 'two' });
  await send(clock.sleep(10_000));
  await send(client.send(new TerminateJobCommand({ jobId: stopped.jobId, reason: 'enough' })));
  expect(await describe(stopped.jobId)).toMatchObject({ status: 'FAILED', statusReason: 'enough' });
  await send(clock.sleep(60_000));

  expect(await describe(late.jobId)).toMatchObject({
    status: 'FAILED',
    statusReason: 'Job attempt duration exceeded timeout',
  });
});

test('runs the children of an array, each with its index, and fails with any of them', async () => {
  const indexes: string[] = [];
  const { clock, send, submit, describe, client } = batch(async ({ environment }) => {
    indexes.push(environment.AWS_BATCH_JOB_ARRAY_INDEX ?? '');
    return { code: environment.AWS_BATCH_JOB_ARRAY_INDEX === '2' ? 1 : 0 };
  });
  const { jobId } = await submit({ arrayProperties: { size: 4 } });
  await send(clock.sleep(10_000));

  expect(indexes).toEqual(['0', '1', '2', '3']);
  expect(await describe(jobId)).toMatchObject({ status: 'FAILED', arrayProperties: { size: 4 } });
  expect(await describe(`${jobId}:1`)).toMatchObject({ status: 'SUCCEEDED', arrayProperties: { index: 1 } });
  const { jobSummaryList } = await send(client.send(new ListJobsCommand({ arrayJobId: jobId, jobStatus: 'FAILED' })));
  expect(jobSummaryList?.map((each) => each.jobId)).toEqual([`${jobId}:2`]);
});

test('an array that is terminated before it has begun never begins', async () => {
  const runs: string[] = [];
  const { clock, cloud, send, submit, client } = batch(async ({ jobId }) => {
    runs.push(jobId);
    return { code: 0 };
  });
  const { jobId } = await submit({ arrayProperties: { size: 3 } });
  await send(client.send(new TerminateJobCommand({ jobId, reason: 'enough' })));
  await send(clock.sleep(60_000));

  expect([runs, cloud.live]).toEqual([[], []]);
});

test('tells of each attempt with its log stream, of an array how its children stand, and of queues their priority', async () => {
  const { clock, cloud, client, send, submit, describe } = batch(async ({ attempt, arrayIndex }) =>
    attempt === 1 && arrayIndex === 0 ? { code: 137, hostLost: true } : { code: 0 },
  );
  cloud.queue('q', 10);
  const { jobId } = await submit({ arrayProperties: { size: 2 } });
  await send(clock.sleep(1_100));
  expect((await describe(jobId))?.arrayProperties?.statusSummary).toEqual({ RUNNABLE: 1, SUCCEEDED: 1 });
  await send(clock.sleep(10_000));

  expect((await describe(jobId))?.arrayProperties?.statusSummary).toEqual({ SUCCEEDED: 2 });
  expect(await describe(`${jobId}:0`)).toMatchObject({
    status: 'SUCCEEDED',
    attempts: [
      { statusReason: 'Host EC2 (instance i-00000000000000000) terminated.' },
      { container: { exitCode: 0, logStreamName: `job/default/${jobId}-0-2` } },
    ],
  });
  expect((await send(client.send(new DescribeJobQueuesCommand({ jobQueues: ['q', 'none'] })))).jobQueues).toMatchObject(
    [{ jobQueueName: 'q', priority: 10, state: 'ENABLED' }],
  );
});

test('finds jobs by name and by status', async () => {
  const { clock, send, submit, client } = batch(async () => ({ code: 0 }));
  await submit({ jobName: 'carousel-a-1' });
  await submit({ jobName: 'other' });
  const named = (name: string) =>
    send(client.send(new ListJobsCommand({ jobQueue: 'q', filters: [{ name: 'JOB_NAME', values: [name] }] })));

  expect((await named('carousel-a-1')).jobSummaryList).toHaveLength(1);
  expect((await named('carousel-*')).jobSummaryList).toHaveLength(1);
  await send(clock.sleep(10_000));
  const byStatus = await send(client.send(new ListJobsCommand({ jobQueue: 'q', jobStatus: 'SUCCEEDED' })));
  expect(byStatus.jobSummaryList).toHaveLength(2);
});

test.each([
  [{ jobDefinition: 'none' }, 'JobDefinition not found'],
  [{ jobName: 'a name' }, 'Invalid job name'],
  [{ arrayProperties: { size: 1 } }, 'Array size'],
])('refuses %j', async (rest, message) => {
  await expect(batch(async () => ({ code: 0 })).submit(rest)).rejects.toThrow(message);
});

test('a FIFO queue keeps the order of a group, drops doubles, and hands what fails three times to the dead letters', async () => {
  const clock = virtualClock(new Date('2026-11-28T09:00:00Z'));
  const sqs = new EmbeddedSqs(clock, new Service(clock, 0));
  sqs.queue('work', 60, { url: 'dead', receives: 3 });
  sqs.queue('dead', 60);
  const client = sqs.client();
  const send = (MessageBody: string, MessageGroupId: string, MessageDeduplicationId = MessageBody) =>
    clock.run(
      client.send(new SendMessageCommand({ QueueUrl: 'work', MessageBody, MessageGroupId, MessageDeduplicationId })),
    );
  const receive = async () =>
    (await clock.run(client.send(new ReceiveMessageCommand({ QueueUrl: 'work', MaxNumberOfMessages: 10 })))).Messages ??
    [];
  await send('a', 'one');
  await send('a', 'one');
  await send('b', 'two');

  const first = await receive();
  expect(first.map(({ Body }) => Body)).toEqual(['a', 'b']);
  await clock.run(client.send(new DeleteMessageCommand({ QueueUrl: 'work', ReceiptHandle: first[1]?.ReceiptHandle })));
  expect(await receive()).toEqual([]);
  for (let count = 0; count < 2; count++) {
    await clock.run(clock.sleep(61_000));
    expect((await receive()).map(({ Body }) => Body)).toEqual(['a']);
  }
  await clock.run(clock.sleep(61_000));
  expect(await receive()).toEqual([]);
  expect(sqs.bodies('dead')).toEqual(['a']);
});
