import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@aws-lambda-powertools/logger';
import { DescribeImagesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { Execution } from '../../../executions/model';
import { parseExecution } from '../../../executions/parse';
import { commanderSsm, reconcileSeconds } from '../../../lambdas/datastream/commander';
import { mayRetry } from '../../../lambdas/datastream/errors';
import { registeredToken } from '../../../lambdas/datastream/instance';
import { createStarter } from '../../../lambdas/datastream/starter';
import { Tag } from '../../../lambdas/datastream/tags';
import { TRANSIENT_ERRORS } from '../../../lambdas/runtime/errors';
import type { Log } from '../../../lambdas/runtime/handler';
import { LIKE_EC2 } from '../../../local/cloud';
import { History } from '../../../local/history';
import { EXECUTION, failureOf, NOW, testCloud } from '../../support/cloud';
import { DIALECTS } from '../../support/executions';
import { NO_INPUTS } from '../../support/no-inputs';
import { BUCKET, executionFile, KEY } from '../../support/scenario';

describe('EC2StarterFromAMI', () => {
  it('comes back to the instance that it has launched', async () => {
    const { start, cloud, instances } = testCloud();

    const state = await start();

    expect(state).toMatchObject({
      attempt: 1,
      attempts: 1,
      instance_id: instances()[0]?.api.InstanceId,
      started_at: instances()[0]?.api.LaunchTime?.toISOString(),
    });
    expect(cloud.calls('RunInstances')).toBe(1);
  });

  it('launches nothing for a file with problems, and says them all', async () => {
    const { call, cloud } = testCloud();

    const { name, message } = await failureOf(
      call('starter', {
        execution: EXECUTION,
        start_time: NOW,
        state: { region: 'eu-west-1', comands: [] },
      }),
    );

    expect(name).toBe('InvalidExecution');
    expect(message).toContain('nothing was launched');
    for (const path of ['$.region', '$.comands', '$.instance_parameters']) expect(message).toContain(path);
    expect(cloud.calls('RunInstances') + cloud.calls('DescribeInstances')).toBe(0);
  });

  it.each([null, [], 'text', 42])('says what is wrong with %j as an execution', async (state) => {
    const { call } = testCloud();

    const { name } = await failureOf(call('starter', { execution: EXECUTION, start_time: NOW, state }));

    expect(name).toBe('InputNotAnObject');
  });

  it('fails with InstanceLost when the instance ends before it is Online', async () => {
    const { start, cloud, clock } = testCloud();
    clock.after(5_000, () => {
      for (const id of cloud.ec2.instances.keys()) cloud.ec2.end(id, 'terminate', 'Client.VolumeLimitExceeded');
    });

    const { name, message } = await failureOf(start());

    expect(name).toBe('InstanceLost');
    expect(message).toContain('Client.VolumeLimitExceeded');
  });

  it.each<[string, (message: string) => string, number]>([
    ['goes on with the next place after a refusal', (message) => message, 2],
    ['begins anew where an older deployment told of the refusal in prose', () => 'Launch 1 of 6 (spot): x', 1],
  ])('%s', async (_what, errorMessage, launch) => {
    const { call } = testCloud({
      faults: (name) => (name === 'RunInstances' ? { error: 'InsufficientInstanceCapacity' } : undefined),
    });
    const state = executionFile({ ii_cheapo: true });
    const first = await failureOf(call('starter', { execution: EXECUTION, start_time: NOW, state }));
    const refused = { Error: first.name, Cause: JSON.stringify({ errorMessage: errorMessage(first.message) }) };

    const second = await failureOf(
      call('starter', { execution: EXECUTION, start_time: NOW, state: { ...state, refused } }),
    );

    expect(first.name).toBe('LaunchRefused');
    expect(JSON.parse(first.message)).toMatchObject({ launch: 1, of: 6, market: 'spot' });
    expect(JSON.parse(second.message)).toMatchObject({ launch, error: 'InsufficientInstanceCapacity' });
  });

  it('counts timeout_s from the launch, however long EC2 has throttled it', async () => {
    const { call, start, wait, instances } = testCloud({
      faults: (name, count) => (name === 'RunInstances' && count === 1 ? { error: 'RequestLimitExceeded' } : undefined),
    });
    const event = { execution: EXECUTION, start_time: NOW, state: executionFile({ timeout_s: 600 }) };
    expect((await failureOf(call('starter', event))).name).toBe('RequestLimitExceeded');
    await wait(900_000);

    const state = await start(executionFile({ timeout_s: 600 }));

    const launched = Date.parse(String(state.started_at));
    expect(instances()[0]?.api.LaunchTime?.getTime()).toBeGreaterThanOrEqual(launched);
    expect(launched - Date.parse(NOW)).toBeGreaterThan(900_000);
    expect(Date.parse(String(state.deadline)) - launched).toBe(600_000);
    expect(instances()[0]?.api.Tags).toContainEqual({ Key: Tag.timeout, Value: '600' });
  });

  it.each([
    [0, 85, 1],
    [0, 91, 0],
    [2, 865, 1],
    [2, 871, 0],
  ])('of retry %i launches %i s after its state was entered: %i', async (retries, seconds, launched) => {
    const { call, wait, instances } = testCloud();
    const event = { execution: EXECUTION, start_time: NOW, entered: NOW, retries, state: executionFile() };
    await wait(seconds * 1000);

    const outcome = await call('starter', event).catch((error: Error) => error);

    expect(instances()).toHaveLength(launched);
    if (launched === 0) expect(outcome).toMatchObject({ name: 'GivenUp' });
  });

  it('comes back to an instance that EC2 launched without an answer and does not list yet', async () => {
    const { call, start, wait, instances } = testCloud({
      faults: (name, count) =>
        name === 'RunInstances' && count === 1 ? { error: 'TimeoutError', after: true } : undefined,
    });
    const event = { execution: EXECUTION, start_time: NOW, state: executionFile() };
    expect((await failureOf(call('starter', event))).name).toBe('TimeoutError');
    const [instance] = instances();
    const tags = instance?.api.Tags.splice(0) ?? [];

    await wait(7_000);

    // The same request at another time: EC2 answers with the instance, where it would refuse a changed one.
    const { name, message } = await failureOf(call('starter', event));
    instance?.api.Tags.push(...tags);

    expect(name).toBe('InstanceNotReady');
    expect(message).toContain(`Instance ${instance?.api.InstanceId} is not Online`);
    await expect(start()).resolves.toMatchObject({ instance_id: instance?.api.InstanceId });
    expect(instances()).toHaveLength(1);
  });

  it('waits for the instance of a launch that is repeated otherwise, as when a parameter has changed meanwhile', async () => {
    const { call, instances } = testCloud();
    const event = { execution: EXECUTION, start_time: NOW, state: executionFile() };
    await failureOf(call('starter', event));
    const [instance] = instances();
    instance?.api.Tags.splice(0);
    Object.assign(instance?.input ?? {}, { ImageId: 'ami-00000000000000000' });

    expect(await failureOf(call('starter', event))).toEqual({
      name: 'InstanceNotReady',
      message: 'The instance is launched, but EC2 does not list it yet.',
    });
    expect(instances()).toHaveLength(1);
  });

  it('waits for the reason why EC2 has ended its instance before it listed it', async () => {
    const { call, wait, cloud, instances } = testCloud();
    const event = { execution: EXECUTION, start_time: NOW, state: executionFile() };
    await failureOf(call('starter', event));
    const [instance] = instances();
    const tags = instance?.api.Tags.splice(0) ?? [];
    cloud.ec2.end(instance?.api.InstanceId ?? '', 'terminate', 'Server.InternalError');
    await wait(60_000);

    expect((await failureOf(call('starter', event))).name).toBe('InstanceNotReady');
    instance?.api.Tags.push(...tags);
    const { name, message } = await failureOf(call('starter', event));

    expect(name).toBe('InstanceLost');
    expect(message).toContain('Server.InternalError');
    expect(instances()).toHaveLength(1);
  });

  it.each([
    ['Client.InternalError', 'LaunchFailed', 'docs/security.md'],
    ['Client.InvalidSnapshot.NotFound', 'LaunchFailed', 'snapshot'],
    ['Client.VolumeLimitExceeded', 'InstanceLost', ''],
    ['Server.InsufficientInstanceCapacity', 'InstanceLost', ''],
    ['Server.InternalError', 'InstanceLost', ''],
    ['Server.SpotInstanceTermination', 'InstanceLost', ''],
    ['Client.UserInitiatedShutdown', 'InstanceLost', ''],
  ])('tells an instance that dies of %s during its launch as %s', async (failure, error, advice) => {
    const { start } = testCloud({ lifecycle: { ...LIKE_EC2, failure } });

    const { name, message } = await failureOf(start());

    expect(name).toBe(error);
    expect(message).toContain(failure);
    expect(message).toContain(advice);
    expect(mayRetry(name)).toBe(error === 'InstanceLost');
  });

  it.each([
    'Value (p) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name',
    'Value (arn:x) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN',
    'IAM Instance Profile "arn:x" has no associated IAM Roles',
  ])('comes back with the same launch while EC2 does not know the profile: %s', async (message) => {
    const launches: unknown[] = [];
    const { call, start, instances } = testCloud({
      faults: (name, _count, input) => {
        if (name !== 'RunInstances') return undefined;
        launches.push(input);
        return launches.length === 1 ? { error: 'InvalidParameterValue', message } : undefined;
      },
    });
    const event = { execution: EXECUTION, start_time: NOW, state: executionFile() };

    const refused = await failureOf(call('starter', event));
    await start();

    expect(refused.name).toBe('IamRefused');
    expect(refused.message).toContain(message);
    expect(launches[1]).toEqual(launches[0]);
    expect(instances()).toHaveLength(1);
  });

  it('does not wait for another wrong value', async () => {
    const { start, cloud } = testCloud({
      faults: (name) =>
        name === 'RunInstances'
          ? { error: 'InvalidParameterValue', message: 'Value (x) for groupId is invalid.' }
          : undefined,
    });

    expect((await failureOf(start())).name).toBe('InvalidParameterValue');
    expect(cloud.calls('RunInstances')).toBe(1);
  });

  it.each([
    [
      'RunInstances',
      '<RunInstancesResponse><instancesSet><item><imageId>a</imageId></item></instancesSet></RunInstancesResponse>',
    ],
    ['RunInstances', '<RunInstancesResponse/>'],
    [
      'DescribeInstances',
      '<DescribeInstancesResponse><reservationSet><item><instancesSet><item><imageId>a</imageId></item></instancesSet></item></reservationSet></DescribeInstancesResponse>',
    ],
  ])('takes an answer of %s without an ID for a fault, and launches once: %s', async (operation, body) => {
    const { call, start, instances } = testCloud({
      faults: (name, count) =>
        name === operation && count === 1 ? { http: { status: 200, body }, after: true } : undefined,
    });

    const failure = await failureOf(call('starter', { execution: EXECUTION, start_time: NOW, state: executionFile() }));
    const state = await start();

    expect(failure).toEqual({
      name: 'ServiceUnavailable',
      message: `${operation} told of an instance without its ID.`,
    });
    expect(TRANSIENT_ERRORS).toContain(failure.name);
    expect(instances().map(({ api }) => api.InstanceId)).toEqual([state.instance_id]);
  });

  it("names in its log where a file's problems are, and none of what was found there", async () => {
    const lines: unknown[] = [];
    const line = (...all: unknown[]) => lines.push(all);
    const log = { info: line, warn: line, error: line, appendKeys: () => {}, resetKeys: () => {} };
    const { call } = testCloud({ log: log as unknown as Log });
    const state = executionFile({ timeout_s: 'SECRET-1' }, { region: 'SECRET-2', commands: { 'SECRET-3': 4 } });

    const { message } = await failureOf(call('starter', { execution: EXECUTION, start_time: NOW, state }));

    expect(message).toContain('SECRET-1');
    expect(JSON.stringify(lines)).toContain('$.run_options.timeout_s');
    expect(JSON.stringify(lines)).not.toContain('SECRET');
  });

  it('goes on looking when SSM throttles its looks', async () => {
    const { start, cloud } = testCloud({
      faults: (name, count) =>
        name === 'DescribeInstanceInformation' && count < 5 ? { error: 'ThrottlingException' } : undefined,
    });

    await start();

    expect(cloud.invocations.map(({ error }) => error)).toEqual(['InstanceNotReady', undefined]);
  });

  it('asks SSM three times at most in the first 20 s, in which an instance boots', async () => {
    const { call, cloud } = testCloud();

    await failureOf(call('starter', { execution: EXECUTION, start_time: NOW, state: executionFile() }));

    expect(cloud.calls('DescribeInstanceInformation')).toBeLessThanOrEqual(3);
  });

  it('resolves DATE and DAILY by the start of the execution, in the second attempt too', async () => {
    const { call, wait } = testCloud();
    const file = executionFile({ ii_check_s3: { bucket: BUCKET, prefix: 'run/DAILY/done' } });
    const event = {
      execution: EXECUTION,
      start_time: '2026-02-28T23:00:00.000Z',
      state: { attempt: 2, errors: [], input: file },
    };

    await call('starter', event).catch(() => wait(20_000));
    const state = await call('starter', event);

    expect(state.attempt).toBe(2);
    expect(state.job).toMatchObject({ check_object: { key: 'run/20260227/done' }, dates: { DAILY: '20260227' } });
  });
});

describe('EC2StarterFromAMI, with an SSM parameter as ImageId,', () => {
  /** The starter, where SSM answers GetParameters with this value, or with none, and DescribeImages tells the architecture. */
  function starting(name: string, value: string | undefined) {
    const { cloud, clock } = testCloud();
    const described: unknown[] = [];
    const asked: unknown[] = [];
    const ssm = {
      send: (async (command: object) => {
        if (!(command instanceof GetParametersCommand)) return cloud.ssm.client().send(command as never);
        asked.push(command.input);
        const { Names = [] } = command.input;
        return value === undefined ? { InvalidParameters: Names } : { Parameters: [{ Name: Names[0], Value: value }] };
      }) as SSMClient['send'],
    };
    const ec2 = {
      send: (async (command: object) => {
        if (!(command instanceof DescribeImagesCommand)) return cloud.ec2.client().send(command as never);
        described.push(command.input);
        return { Images: [{ Architecture: 'x86_64', RootDeviceName: '/dev/sda1' }] };
      }) as EC2Client['send'],
    };
    const defaults = { stateMachineArn: cloud.stateMachineArn, securityGroupId: 'sg-0', instanceProfileName: 'p' };
    const start = (InstanceType: string) =>
      clock.run(
        createStarter(
          { ...NO_INPUTS, ec2, ssm, clock, region: 'us-east-1', defaults: { ...defaults, subnetIds: [] } },
          new Logger({ logLevel: 'SILENT' }),
        )({
          execution: EXECUTION,
          start_time: NOW,
          state: { commands: ['true'], instance_parameters: { ImageId: `resolve:ssm:${name}`, InstanceType } },
        }),
      );
    return { start, asked, described, launched: () => [...cloud.ec2.instances.values()].map(({ input }) => input) };
  }

  it.each(['/datastream/ami', 'golden:3', 'arn:aws:ssm:us-east-1:123456789012:parameter/ami:prod'])(
    'looks at the image of %s, and leaves it to EC2 to resolve it again',
    async (name) => {
      const { start, asked, described, launched } = starting(name, 'ami-0123456789abcdef0');

      await expect(start('t3.micro')).rejects.toMatchObject({ name: 'InstanceNotReady' });

      expect(asked).toEqual([{ Names: [name] }]);
      expect(described).toEqual([{ ImageIds: ['ami-0123456789abcdef0'] }]);
      expect(launched()).toMatchObject([
        {
          ImageId: `resolve:ssm:${name}`,
          BlockDeviceMappings: [{ DeviceName: '/dev/sda1', Ebs: { Encrypted: true, DeleteOnTermination: true } }],
        },
      ]);
    },
  );

  it.each([
    [
      'an instance type of another architecture',
      't4g.micro',
      'ami-0123456789abcdef0',
      'InstanceType: This type is arm64',
    ],
    [
      'a parameter that does not exist',
      't3.micro',
      undefined,
      'ImageId: SSM has no such parameter, version or label in us-east-1',
    ],
    [
      'a parameter that holds something else',
      't3.micro',
      'secret',
      "ImageId: The SSM parameter /ami holds no AMI's ID",
    ],
    [
      'a parameter that holds two AMIs',
      't3.micro',
      'ami-01234567,ami-12345678',
      'ImageId: The SSM parameter /ami holds no',
    ],
  ])('refuses %s before anything is launched', async (_what, type, value, message) => {
    const { start, launched } = starting('/ami', value);

    await expect(start(type)).rejects.toMatchObject({
      name: 'InvalidExecution',
      message: expect.stringContaining(`nothing was launched.\n$.instance_parameters.${message}`),
    });
    expect(launched()).toEqual([]);
  });
});

describe('Commander', () => {
  const withOutput = (prefix: string) =>
    executionFile(
      {},
      { commands: [`/opt/scripts/datastream -s 202601010000 --S3_BUCKET ${BUCKET} --S3_PREFIX ${prefix}`] },
    );

  it.each([
    ['run/a', 'run/a/datastream-metadata/execution.json'],
    ['v2.2/forcing_short_range/00', 'v2.2/forcing_short_range/00/metadata/execution.json'],
  ])('stores the execution as run below %s', async (prefix, key) => {
    const { start, call, cloud } = testCloud();

    const state = await call('commander', { execution: EXECUTION, state: await start(withOutput(prefix)) });

    const stored = JSON.parse(readFileSync(join(cloud.s3.folder, BUCKET, key), 'utf8'));
    expect(stored).toMatchObject({
      t0: Date.parse(String(state.started_at)) / 1000,
      retry_attempt: 0,
      region: 'us-east-1',
      command_id: state.command_id,
      instance_parameters: { InstanceId: state.instance_id },
      datastream_run: { execution: EXECUTION, attempt: 1, attempts: 1, market: 'on-demand' },
    });
  });

  it.each(Object.entries(DIALECTS))('stores an execution of %s that can be started again as it is', async (_, file) => {
    const { start, call, cloud } = testCloud();
    const region = { region: 'us-east-1' };
    const output = { commands: [`x --S3_BUCKET ${BUCKET} --S3_PREFIX run`] };
    const given = { ...file(), ...region, ...(file().datastream_command_options ? {} : output) };

    const state = await call('commander', { execution: EXECUTION, state: await start(given) });

    const { job } = state as { job: Execution };
    const where = join(cloud.s3.folder, job.output?.bucket ?? '', job.output?.prefix ?? '');
    const stored = JSON.parse(readFileSync(join(where, 'datastream-metadata', 'execution.json'), 'utf8'));
    const { dates: _dates, ...resolved } = job;
    expect(parseExecution(stored, region)).toEqual({ execution: { ...resolved, ...region }, problems: [] });
  });

  it('does not fail the job when it cannot store the execution', async () => {
    const { start, call, cloud } = testCloud({
      faults: (name) => (name === 'PutObject' ? { error: 'AccessDenied', status: 403 } : undefined),
    });

    const state = await call('commander', { execution: EXECUTION, state: await start(withOutput('run')) });

    expect(state.command_id).toEqual(expect.any(String));
    expect(existsSync(join(cloud.s3.folder, BUCKET))).toBe(false);
  });

  it('finds the command of this attempt instead of sending it again', async () => {
    const { start, call, cloud } = testCloud();
    const event = { execution: EXECUTION, state: await start() };

    const [first, second] = [await call('commander', event), await call('commander', event)];

    expect(second.command_id).toBe(first.command_id);
    expect(cloud.calls('SendCommand')).toBe(1);
  });

  it('sends the commands where it may not look for an earlier one, and not where SSM cannot say', async () => {
    const denied = testCloud({
      faults: (name) => (name === 'ListCommands' ? { error: 'AccessDeniedException' } : undefined),
    });
    const failing = testCloud({
      faults: (name) => (name === 'ListCommands' ? { error: 'InternalServerError', status: 500 } : undefined),
    });

    const state = await denied.call('commander', { execution: EXECUTION, state: await denied.start() });
    const failure = failing.call('commander', { execution: EXECUTION, state: await failing.start() });

    expect(state.command_id).toEqual(expect.any(String));
    expect((await failureOf(failure)).name).toBe('ServiceUnavailable');
    expect(failing.cloud.calls('SendCommand')).toBe(0);
  });

  it.each([
    ['SendCommand', '{"Command":{"Status":"Pending"}}'],
    ['SendCommand', '{}'],
  ])('takes an answer of %s without an ID for a fault, and finds what SSM has taken: %s', async (operation, body) => {
    const { start, call, cloud } = testCloud({
      faults: (name, count) =>
        name === operation && count === 1 ? { http: { status: 200, body }, after: true } : undefined,
    });
    const event = { execution: EXECUTION, state: await start() };

    const failure = await failureOf(call('commander', event));
    const state = await call('commander', event);

    expect(failure).toEqual({
      name: 'ServiceUnavailable',
      message: "SendCommand told of the attempt's command without its ID.",
    });
    expect([...cloud.ssm.commands.keys()]).toEqual([state.command_id]);
  });

  it('does not send the commands again when it is told of them without their ID', async () => {
    const { start, call, cloud } = testCloud({
      faults: (name, count) => {
        if (name !== 'ListCommands' || count === 1) return undefined;
        return { http: { status: 200, body: JSON.stringify({ Commands: [{ Comment: comment() }] }) } };
      },
    });
    const comment = () => [...cloud.ssm.commands.values()][0]?.Comment;
    const event = { execution: EXECUTION, state: await start() };
    await call('commander', event);

    expect((await failureOf(call('commander', event))).name).toBe('ServiceUnavailable');
    expect(cloud.calls('SendCommand')).toBe(1);
  });

  it('sends nothing when timeout_s is over already', async () => {
    const { start, call, wait, cloud } = testCloud();
    const state = await start(executionFile({ timeout_s: 60 }));
    await wait(60_000);

    expect((await failureOf(call('commander', { execution: EXECUTION, state }))).name).toBe('JobTimedOut');
    expect(cloud.calls('SendCommand')).toBe(0);
  });

  it("turns off the SDK's own retry, which would send the commands twice", async () => {
    await expect(commanderSsm().config.maxAttempts()).resolves.toBe(1);
  });

  it.each([
    [60, 90],
    [870, 900],
    [3600, 726],
    [172_800, 896],
    [-5, 30],
  ])('with %d s left asks EC2Poller to look every %d s, at last just after the deadline', (left, every) => {
    const seconds = reconcileSeconds(left);

    expect(seconds).toBe(every);
    expect(seconds).toBeLessThanOrEqual(900);
    const rounds = Math.ceil((Math.max(left, 0) + 30) / seconds);
    expect(rounds * seconds).toBeGreaterThanOrEqual(left + 30);
    expect(rounds * seconds).toBeLessThan(Math.max(left, 0) + 30 + rounds);
  });
});

describe('EC2Poller', () => {
  it('leaves a token of the greatest length on the instance, whole', async () => {
    const { start, call, cloud, instances } = testCloud();
    const state = await call('commander', { execution: EXECUTION, state: await start() });
    const { token } = cloud.sfn.waitForTaskToken();

    await call('poller', { execution: EXECUTION, state, token });

    const [instance] = instances();
    expect(token).toHaveLength(2048);
    expect(registeredToken(instance?.api ?? {})).toBe(token);
    expect(instance?.api.Tags.length).toBeLessThanOrEqual(16);
    expect(Math.max(...(instance?.api.Tags ?? []).map((tag) => tag.Value?.length ?? 0))).toBeLessThanOrEqual(256);
  });

  it('completes the token itself when the command has ended before', async () => {
    const { start, call, wait, clock, cloud } = testCloud();
    const state = await call('commander', { execution: EXECUTION, state: await start() });
    await wait(70_000);
    const { token, result } = cloud.sfn.waitForTaskToken();

    await call('poller', { execution: EXECUTION, state, token });

    await expect(clock.run(result)).resolves.toMatchObject({
      command_id: state.command_id,
      exit_code: 0,
      stdout: 'done',
    });
  });

  it('sees the end of a job whose token cannot be written', async () => {
    const { start, call, wait, clock, cloud } = testCloud({
      faults: (name) => (name === 'CreateTags' ? { error: 'UnauthorizedOperation' } : undefined),
    });
    const state = await call('commander', { execution: EXECUTION, state: await start() });
    const { token, result } = cloud.sfn.waitForTaskToken();

    expect((await failureOf(call('poller', { execution: EXECUTION, state, token }))).name).toBe(
      'UnauthorizedOperation',
    );
    await wait(70_000);
    await call('poller', { execution: EXECUTION, state, token });

    await expect(clock.run(result)).resolves.toMatchObject({ exit_code: 0 });
  });

  it('gives a job up that cannot be looked at long after its deadline', async () => {
    const { start, call, wait, cloud } = testCloud({
      faults: (name) => (name === 'GetCommandInvocation' ? { error: 'AccessDeniedException' } : undefined),
    });
    const state = await call('commander', {
      execution: EXECUTION,
      state: await start(executionFile({ timeout_s: 300 })),
    });
    const look = () =>
      failureOf(call('poller', { execution: EXECUTION, state, token: cloud.sfn.waitForTaskToken().token }));

    expect((await look()).name).toBe('AccessDeniedException');
    await wait(1_300_000);
    expect((await look()).name).toBe('JobTimedOut');
  });

  it('does not take an instance for lost that one of two calls still knows', async () => {
    const { start, call, cloud } = testCloud({
      faults: (name) => (name === 'CreateTags' ? { error: 'InvalidInstanceID.NotFound' } : undefined),
    });
    const state = await call('commander', { execution: EXECUTION, state: await start() });
    const { token } = cloud.sfn.waitForTaskToken();

    const { name } = await failureOf(call('poller', { execution: EXECUTION, state, token }));

    expect(name).toBe('InvalidInstanceID.NotFound');
  });

  it('takes an instance that EC2 has forgotten for lost, but not one that EC2 does not show yet', async () => {
    const { start, call, clock, cloud, wait } = testCloud({
      shell: ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
    });
    const state = await call('commander', { execution: EXECUTION, state: await start() });
    cloud.ec2.instances.clear();
    const { token, result } = cloud.sfn.waitForTaskToken();

    const early = await failureOf(call('poller', { execution: EXECUTION, state, token }));
    expect(early.name).toBe('InvalidInstanceID.NotFound');
    await wait(600_000);
    await call('poller', { execution: EXECUTION, state, token });

    await expect(clock.run(result)).rejects.toMatchObject({ name: 'InstanceLost' });
  });
});

describe('RunChecker', () => {
  const checked = async (options: Parameters<typeof testCloud>[0] = {}) => {
    const { start, call, cloud } = testCloud(options);
    const state = await call('commander', { execution: EXECUTION, state: await start() });
    return { check: () => call('checker', { execution: EXECUTION, state }), cloud };
  };

  it('returns the object', async () => {
    const { check, cloud } = await checked();
    cloud.s3.put(BUCKET, KEY, 'result');

    expect((await check()).object).toMatchObject({ bucket: BUCKET, key: KEY, size: 6 });
  });

  it('says what is missing when S3 denies access', async () => {
    const { check } = await checked({
      faults: (name) => (name === 'HeadObject' ? { error: '403', status: 403 } : undefined),
    });

    const { name, message } = await failureOf(check());

    expect(name).toBe('ObjectAccessDenied');
    expect(message).toContain(`s3://${BUCKET}/${KEY}`);
    expect(message).toContain('s3:ListBucket');
  });

  it.each([429, 500, 503])('leaves an answer of status %d, which has no name, to the Retry', async (status) => {
    const { check } = await checked({
      faults: (name) => (name === 'HeadObject' ? { error: 'Unknown', message: 'UnknownError', status } : undefined),
    });

    const { name, message } = await failureOf(check());

    expect(name).toBe('ServiceUnavailable');
    expect(message).toContain(String(status));
    expect(TRANSIENT_ERRORS).toContain(name);
  });

  it('asks S3 nothing when the file asks for no object', async () => {
    const { start, call, cloud } = testCloud();
    const state = await call('commander', {
      execution: EXECUTION,
      state: await start(executionFile({ ii_check_s3: false })),
    });

    await expect(call('checker', { execution: EXECUTION, state })).resolves.not.toHaveProperty('object');
    expect(cloud.calls('HeadObject')).toBe(0);
  });
});

describe('EC2Stopper', () => {
  it.each([
    ['nothing', {}],
    [
      'a file that is none',
      { commands: 3, run_options: 'x', attempt: 'first', errors: 7, error: { Error: 'InvalidExecution' } },
    ],
    [
      'an attempt whose starter failed',
      { attempt: 2, errors: [], input: executionFile(), error: { Error: 'InstanceNotReady', Cause: '' } },
    ],
  ])('ends the instance by its tag when it is given %s', async (_what, state) => {
    const { start, call, instances } = testCloud();
    await start();

    await call('stopper', { execution: EXECUTION, state });

    expect(instances().map(({ api }) => api.State.Name)).toEqual(['shutting-down']);
  });

  it("leaves another execution's instance alone", async () => {
    const { start, call, instances } = testCloud();
    await start();

    await call('stopper', { execution: `${EXECUTION}-other`, state: {} });

    expect(instances().map(({ api }) => api.State.Name)).toEqual(['running']);
  });

  it('leaves the instance of a later attempt alone, when it is late itself', async () => {
    const { start, call, instances } = testCloud();
    await start({ attempt: 2, errors: [], input: executionFile() });

    await call('stopper', { execution: EXECUTION, state: { attempt: 1, errors: [], input: executionFile() } });

    expect(instances().map(({ api }) => api.State.Name)).toEqual(['running']);
  });

  it('ends the other instances when one cannot be ended, and fails', async () => {
    const { start, call, instances } = testCloud({
      faults: (name, count) =>
        name === 'TerminateInstances' && count === 1 ? { error: 'OperationNotPermitted' } : undefined,
    });
    await start();
    await start({ attempt: 2, errors: [], input: executionFile() });

    const stopped = call('stopper', {
      execution: EXECUTION,
      state: { attempt: 2, errors: [], input: executionFile() },
    });

    expect((await failureOf(stopped)).name).toBe('OperationNotPermitted');
    expect(instances().map(({ api }) => api.State.Name)).toEqual(['running', 'shutting-down']);
  });

  it('says that another attempt follows, for a retryable error with attempts left', async () => {
    const { call } = testCloud();
    const state = {
      ...executionFile({ n_retries_allowed: '2' }),
      error: { Error: 'InsufficientInstanceCapacity', Cause: 'none left' },
    };

    expect((await call('stopper', { execution: EXECUTION, state })).next).toEqual({
      attempt: 2,
      errors: [{ attempt: 1, Error: 'InsufficientInstanceCapacity', Cause: 'none left' }],
    });
  });

  it('tells of every instance of every attempt in its summary', async () => {
    const { start, call, wait, instances } = testCloud();
    const lost = { Error: 'InstanceLost', Cause: 'gone' };
    const first = await start({ ...executionFile({ n_retries_allowed: '1', ii_cheapo: true }) });
    await wait(60_000);
    const { next } = await call('stopper', { execution: EXECUTION, state: { ...first, error: lost } });
    const second = await start({
      ...(next as object),
      input: executionFile({ n_retries_allowed: '1', ii_cheapo: true }),
    });
    await wait(120_000);

    const told = await call('stopper', { execution: EXECUTION, state: { ...second, error: lost } });

    const [one, two] = instances().map(({ api }) => api.InstanceId);
    expect(told.summary).toEqual({
      attempts: 2,
      launches: [
        {
          attempt: 1,
          instance_id: one,
          type: 't4g.large',
          market: 'spot',
          launched_at: expect.any(String),
          seconds: expect.any(Number),
        },
        {
          attempt: 2,
          instance_id: two,
          type: 't4g.large',
          market: 'on-demand',
          launched_at: expect.any(String),
          seconds: expect.any(Number),
        },
      ],
      object: null,
    });
    const seconds = (told.summary as { launches: { seconds: number }[] }).launches.map((each) => each.seconds);
    expect(seconds[0]).toBeGreaterThanOrEqual(60);
    expect(seconds[1]).toBeGreaterThanOrEqual(120);
    expect(seconds[1]).toBeLessThan(180);
  });

  it("turns a function's error into its sentence", async () => {
    const { call } = testCloud();
    const Cause = JSON.stringify({ errorType: 'JobTimedOut', errorMessage: 'It took too long.', trace: ['at x'] });

    const { error } = await call('stopper', {
      execution: EXECUTION,
      state: { error: { Error: 'JobTimedOut', Cause } },
    });

    expect(error).toEqual({ Error: 'JobTimedOut', Cause: 'It took too long.' });
  });
});

describe('EC2Stopper without an error', () => {
  const evidence = async () => {
    const { start, call } = testCloud();
    const commanded = await call('commander', { execution: EXECUTION, state: await start() });
    const result = { command_id: commanded.command_id, exit_code: 0 };
    const object = { bucket: BUCKET, key: KEY, size: 6 };
    return { state: { ...commanded, result, object }, call };
  };

  it('passes a success on with what was found', async () => {
    const { state, call } = await evidence();

    const told = await call('stopper', { execution: EXECUTION, state });

    expect(told).not.toHaveProperty('error');
    expect(told).toMatchObject({ object: { key: KEY }, result: { exit_code: 0 } });
    expect(told.summary).toMatchObject({ attempts: 1, launches: [{ attempt: 1 }], object: { key: KEY } });
  });

  it.each(['result', 'object', 'command_id', 'job'])(
    'does not take it for a success without its %s',
    async (member) => {
      const { state, call } = await evidence();

      const told = await call('stopper', { execution: EXECUTION, state: { ...state, [member]: undefined } });

      expect(told.error).toMatchObject({ Error: 'OutcomeUnknown' });
    },
  );

  it('does not take an error that it cannot read for none', async () => {
    const { state, call } = await evidence();

    const told = await call('stopper', { execution: EXECUTION, state: { ...state, error: { Error: 7, Cause: null } } });

    expect(told.error).toMatchObject({ Error: 'OutcomeUnknown' });
  });
});

describe('relay', () => {
  const command = (id: unknown, instance: unknown, status = 'Success') => ({
    'detail-type': 'EC2 Command Invocation Status-change Notification',
    detail: { 'command-id': id, 'instance-id': instance, status },
  });

  const polled = async () => {
    const test = testCloud({ deliver: () => [] });
    const state = await test.call('commander', { execution: EXECUTION, state: await test.start() });
    const task = test.cloud.sfn.waitForTaskToken();
    await test.call('poller', { execution: EXECUTION, state, token: task.token });
    let outcome: unknown;
    task.result.then(
      (result) => {
        outcome = result;
      },
      (error: Error) => {
        outcome = error.name;
      },
    );
    return { ...test, state, outcome: () => outcome };
  };

  it("passes over another command on the job's instance", async () => {
    const { call, state, outcome } = await polled();

    await call('relay', command('another', state.instance_id));

    expect(outcome()).toBeUndefined();
  });

  it('passes over an instance that is not of this state machine', async () => {
    const { call, state, instances, outcome } = await polled();
    for (const { api } of instances()) api.Tags = api.Tags.filter((tag) => tag.Key !== Tag.stateMachine);

    await call('relay', command(state.command_id, state.instance_id, 'Failed'));

    expect(outcome()).toBeUndefined();
  });

  it('believes the event when GetCommandInvocation still lags behind it', async () => {
    const { call, state, outcome } = await polled();

    await call('relay', command(state.command_id, state.instance_id, 'Failed'));

    expect(outcome()).toBe('CommandFailed');
  });

  it('waits for the token of a command that has ended before EC2 shows it', async () => {
    const { call, cloud, clock, start } = testCloud({ deliver: () => [] });
    const state = await call('commander', { execution: EXECUTION, state: await start() });
    const task = cloud.sfn.waitForTaskToken();
    clock.after(1_500, () => void cloud.invoke('poller', { execution: EXECUTION, state, token: task.token }));

    await call('relay', command(state.command_id, state.instance_id, 'Failed'));

    await expect(clock.run(task.result)).rejects.toMatchObject({ name: 'CommandFailed' });
  });

  it('passes over a late event of an instance that runs', async () => {
    const { call, state, outcome } = await polled();

    await call('relay', {
      'detail-type': 'EC2 Instance State-change Notification',
      detail: { 'instance-id': state.instance_id, state: 'stopped' },
    });

    expect(outcome()).toBeUndefined();
  });

  it('prefers the success of the command to the end of its instance', async () => {
    const { call, state, wait, cloud, outcome } = await polled();
    await wait(70_000);
    cloud.ec2.end(String(state.instance_id), 'terminate', 'Server.SpotInstanceTermination');

    await call('relay', {
      'detail-type': 'EC2 Instance State-change Notification',
      detail: { 'instance-id': state.instance_id, state: 'shutting-down' },
    });

    expect(outcome()).toMatchObject({ exit_code: 0 });
  });
});

describe('reaper', () => {
  it('leaves the instance of a running execution alone', async () => {
    const { start, call, instances } = testCloud();
    await start();

    await expect(call('reaper', {})).resolves.toEqual([]);
    expect(instances().map(({ api }) => api.State.Name)).toEqual(['running']);
  });

  it.each(['FAILED', 'ABORTED', 'TIMED_OUT', 'SUCCEEDED'] as const)(
    'ends the instance of an execution that has %s',
    async (status) => {
      const { start, call, cloud, instances } = testCloud();
      await start();
      cloud.sfn.note(EXECUTION, status);

      await call('reaper', {});

      expect(instances().map(({ api }) => api.State.Name)).toEqual(['shutting-down']);
    },
  );

  it('asks for a thousand executions that run in one call, and for those alone that do not', async () => {
    const { start, call, clock, cloud, instances } = testCloud();
    await start();
    const [one] = instances();
    if (!one) throw new Error('There is no instance.');
    for (let n = 0; n < 2500; n++) {
      const arn = `${EXECUTION}-${n}`;
      const Tags = one.api.Tags.map((tag) => (tag.Key === Tag.execution ? { ...tag, Value: arn } : tag));
      const api = { ...one.api, InstanceId: `i-${n}`, Tags };
      const instance = { ...one, api, history: new History(clock, () => ({ api, online: true })) };
      cloud.ec2.instances.set(api.InstanceId, instance);
      cloud.sfn.note(arn, n === 2000 ? 'ABORTED' : 'RUNNING');
    }

    await call('reaper', {});

    expect([cloud.calls('ListExecutions'), cloud.calls('DescribeExecution')]).toEqual([3, 1]);
    expect(instances().flatMap(({ api }) => (api.State.Name === 'running' ? [] : api.InstanceId))).toEqual(['i-2000']);
  });

  it('asks for each execution where it may not list them', async () => {
    const { start, call, cloud, instances } = testCloud({
      faults: (name) => (name === 'ListExecutions' ? { error: 'AccessDeniedException' } : undefined),
    });
    await start();
    cloud.sfn.note(EXECUTION, 'FAILED');

    await call('reaper', {});

    expect(instances().map(({ api }) => api.State.Name)).toEqual(['shutting-down']);
  });

  it('ends an instance that is still pending, and none whose execution waits to be redriven', async () => {
    const { call, cloud, instances } = testCloud({ lifecycle: { running: 900_000, online: 1000, ended: 1000 } });
    const event = { execution: EXECUTION, start_time: NOW, state: executionFile() };
    await failureOf(call('starter', event));

    cloud.sfn.note(EXECUTION, 'PENDING_REDRIVE');
    await call('reaper', {});
    expect(instances().map(({ api }) => api.State.Name)).toEqual(['pending']);

    cloud.sfn.note(EXECUTION, 'ABORTED');
    await call('reaper', {});
    expect(instances().map(({ api }) => api.State.Name)).not.toEqual(['pending']);
  });

  it('asks Step Functions again when its list lags behind, before it ends an instance', async () => {
    const { start, call, cloud, instances } = testCloud({
      faults: (name) => (name === 'ListExecutions' ? { lag: 3_600_000 } : undefined),
    });
    await start();

    await call('reaper', {});

    expect([cloud.calls('ListExecutions'), cloud.calls('DescribeExecution')]).toEqual([1, 1]);
    expect(instances().map(({ api }) => api.State.Name)).toEqual(['running']);
  });

  it.each(['ThrottlingException', 'AccessDeniedException', 'InvalidArn', 'ValidationException', 'TimeoutError'])(
    'never takes %s for the end of an execution, however old its instance is',
    async (error) => {
      const { start, call, wait, instances } = testCloud({
        faults: (name) => (/^(Describe|List)Execution/.test(name) ? { error } : undefined),
      });
      await start();
      await wait(3_000_000);

      await expect(call('reaper', {})).rejects.toMatchObject({ name: error });
      expect(instances().map(({ api }) => api.State.Name)).toEqual(['running']);
    },
  );

  it.each([
    ['ends', 'an instance', 'terminate', { ii_terminate_instance: true }, 301_000, 'shutting-down'],
    [
      'ends',
      'an instance',
      'stop-delete-volumes',
      { ii_terminate_instance: false, ii_delete_volume: true },
      301_000,
      'stopping',
    ],
    [
      'leaves',
      'a kept instance',
      'stop',
      { ii_terminate_instance: false, ii_delete_volume: false },
      301_000,
      'running',
    ],
    ['leaves', 'a young instance', 'terminate', { ii_terminate_instance: true }, 200_000, 'running'],
  ])('%s %s (%s) of an execution that does not exist', async (_ends, _which, _end, options, age, left) => {
    const { start, call, clock, cloud, instances } = testCloud();
    await start(executionFile(options));
    cloud.sfn.executions.clear();
    const [instance] = instances();
    const old = (instance?.api.LaunchTime?.getTime() ?? 0) + age;
    await clock.run(clock.sleep(old - clock.now().getTime()));

    await call('reaper', {});

    expect(instances().map(({ api }) => api.State.Name)).toEqual([left]);
  });

  it("goes on with the others when one execution's answer fails, and reports the failure", async () => {
    const { start, call, cloud, instances } = testCloud({
      faults: (name, call) =>
        name === 'DescribeExecution' && call === 1 ? { error: 'ThrottlingException' } : undefined,
    });
    await start();
    const other = `${EXECUTION}-other`;
    await call('starter', { execution: other, start_time: NOW, state: executionFile() }).catch(() => {});
    cloud.sfn.note(EXECUTION, 'FAILED');
    cloud.sfn.note(other, 'FAILED');

    await expect(call('reaper', {})).rejects.toMatchObject({ name: 'ThrottlingException' });
    expect(instances().map(({ api }) => api.State.Name)).toEqual(['running', 'shutting-down']);
  });

  it('believes Step Functions, not the event', async () => {
    const { start, call, instances } = testCloud();
    await start();

    await call('reaper', { detail: { executionArn: EXECUTION, status: 'FAILED' } });

    expect(instances().map(({ api }) => api.State.Name)).toEqual(['running']);
  });

  it.each([
    ['stop', 'running'],
    ['terminate', 'shutting-down'],
  ])('of a kept instance that somebody has started again (%s) leaves it %s', async (end, left) => {
    const { start, call, cloud, instances, wait } = testCloud();
    await start(executionFile({ ii_terminate_instance: end === 'terminate' }));
    cloud.sfn.note(EXECUTION, 'SUCCEEDED');
    // Before the reaper's own next look.
    await wait(400_000);
    for (const { api } of instances()) api.LaunchTime = cloud.clock.now();

    await call('reaper', {});

    expect(instances().map(({ api }) => api.State.Name)).toEqual([left]);
  });

  it("looks only at the event's execution", async () => {
    const { start, call, cloud, instances } = testCloud();
    await start();
    cloud.sfn.note(EXECUTION, 'ABORTED');

    await call('reaper', { detail: { executionArn: `${EXECUTION}-other`, status: 'ABORTED' } });

    expect(instances().map(({ api }) => api.State.Name)).toEqual(['running']);
  });
});
