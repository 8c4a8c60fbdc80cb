import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import { startExecution } from '../../local/machine';
import type { Faults } from '../../local/service';
import { bashShell } from '../../local/shell';
import { brokenInvariants } from '../support/invariants';
import { BUCKET, begin, executionFile, healthyJob, type Job, KEY, play } from '../support/scenario';

/** The first calls of an operation fail. */
const failing =
  (operation: string, error: string, { times = 1, after = false, status = 400 } = {}): Faults =>
  (name, call) =>
    name === operation && call <= times ? { error, after, status } : undefined;

const failingJob: Job = async ({ cloud, signal }) => {
  await cloud.clock.sleep(60_000, signal);
  return { code: 3, stderr: 'datastream: command 1 of 1 exited with code 3\nno forcings for VPU_09\n' };
};

describe('An execution on the embedded cloud', () => {
  it('succeeds when the commands exit 0 and the object is there', async () => {
    const { end } = await play();

    expect(end.status).toBe('SUCCEEDED');
    expect(end.output).toMatchObject({
      attempt: 1,
      market: 'on-demand',
      result: { exit_code: 0, stdout: 'done' },
      object: { bucket: BUCKET, key: KEY, size: 6 },
      instances: [{ state: 'shutting-down' }],
    });
  });

  it('terminates the instance within 2 s of the end of the job', async () => {
    let now = () => 0;
    const moments = { jobEnded: 0, terminated: 0 };
    await play({
      job: async (context) => {
        const outcome = await healthyJob(context);
        moments.jobEnded = now();
        return outcome;
      },
      faults: (operation) => {
        if (operation === 'TerminateInstances') moments.terminated = now();
        return undefined;
      },
      meanwhile: ({ cloud }) => {
        now = () => cloud.clock.now().getTime();
      },
    });

    expect(moments.terminated - moments.jobEnded).toBeGreaterThan(0);
    expect(moments.terminated - moments.jobEnded).toBeLessThan(2000);
  });

  it('fails with the command, its exit code and the end of its standard error when a command fails', async () => {
    const { end } = await play({ job: failingJob });

    expect(end).toMatchObject({ status: 'FAILED', error: 'CommandFailed' });
    expect(end.cause).toBe(
      "Command 1 of 1 exited with code 3: runuser -l ec2-user -c './job'\nEnd of standard error:\nno forcings for VPU_09",
    );
  });

  it('does not run the second command when the first of two fails', async () => {
    const { end, runs } = await play({
      file: executionFile({ ii_check_s3: false }, { commands: ['ls /nowhere-at-all', 'touch second'] }),
      shell: ({ folder, clock }) => bashShell({ buckets: `${folder}/buckets`, scratch: folder, clock }),
    });

    expect(runs.map((run) => run.code)).toEqual([2]);
    expect(end).toMatchObject({ status: 'FAILED', error: 'CommandFailed' });
    expect(end.cause).toMatch(/^Command 1 of 2 exited with code 2: ls \/nowhere-at-all\nEnd of standard error:\n/);
  });

  it.each([
    ['of a shell', ['echo one more >> "$HOME/runs"', 'trap : EXIT', 'exit 0']],
    ['of another language', ['#!/usr/bin/awk -f\nBEGIN { print "one more" >> (ENVIRON["HOME"] "/runs") }']],
  ])('runs commands %s once when they are sent twice', async (_, commands) => {
    const ran: string[] = [];
    const live = await begin({
      file: executionFile({ ii_check_s3: false }, { commands }),
      shell: ({ folder, clock }) => {
        const bash = bashShell({ buckets: `${folder}/buckets`, scratch: folder, clock });
        return async (job) => {
          const outcome = await bash(job);
          ran.push(readFileSync(join(folder, job.instanceId, 'root', 'runs'), 'utf8'));
          return outcome;
        };
      },
      // SendCommand's reply is lost, and ListCommands does not show the command yet.
      faults: (operation, call) => {
        if (operation === 'SendCommand' && call === 1)
          return { error: 'InternalServerError', status: 500, after: true };
        return operation === 'ListCommands' ? { lag: 60_000 } : undefined;
      },
    });

    // Two scripts, which the harness would take for two runs: what counts is what the commands did.
    const { end, cloud } = await live.finish();

    expect(end.status).toBe('SUCCEEDED');
    expect(cloud.calls('SendCommand')).toBe(2);
    expect(ran).toEqual(['one more\n', 'one more\n']);
  });

  it('fails with ObjectNotFound when the object does not appear', async () => {
    const { end } = await play({ job: async () => ({ code: 0 }) });

    expect(end).toMatchObject({ status: 'FAILED', error: 'ObjectNotFound' });
    expect(end.cause).toBe(`The commands succeeded, but s3://${BUCKET}/${KEY} does not exist, or its bucket does not.`);
  });

  it('finds an object that appears some seconds after the commands', async () => {
    const { end } = await play({
      job: async ({ cloud }) => {
        cloud.clock.after(12_000, () => cloud.s3.put(BUCKET, KEY, 'late'));
        return { code: 0 };
      },
    });

    expect(end.status).toBe('SUCCEEDED');
  });

  it('fails with ObjectStale when the object is of an earlier run', async () => {
    const { end } = await play({
      before: (cloud) => cloud.s3.put(BUCKET, KEY, 'of an earlier run'),
      job: async () => ({ code: 0 }),
    });

    expect(end).toMatchObject({ status: 'FAILED', error: 'ObjectStale' });
  });

  it('is not deceived by another object whose key begins alike', async () => {
    const { end } = await play({
      job: async ({ cloud }) => {
        cloud.s3.put(BUCKET, `${KEY}.part`, 'half');
        return { code: 0 };
      },
    });

    expect(end).toMatchObject({ status: 'FAILED', error: 'ObjectNotFound' });
  });

  it("fails with EC2's own error when there is no capacity", async () => {
    const { end, cloud } = await play({
      faults: failing('RunInstances', 'InsufficientInstanceCapacity', { times: 99 }),
    });

    expect(end).toMatchObject({ status: 'FAILED', error: 'InsufficientInstanceCapacity' });
    expect(cloud.ec2.instances.size).toBe(0);
  });

  it('succeeds when there is capacity at the second attempt to launch', async () => {
    const { end } = await play({ faults: failing('RunInstances', 'InsufficientInstanceCapacity') });

    expect(end.status).toBe('SUCCEEDED');
  });

  it('launches on-demand when there is no spot capacity', async () => {
    const { end, cloud } = await play({
      file: executionFile({ ii_cheapo: true }),
      faults: failing('RunInstances', 'InsufficientInstanceCapacity'),
    });

    expect(end.output).toMatchObject({ attempt: 1, market: 'on-demand' });
    expect(cloud.calls('RunInstances')).toBe(2);
  });

  it('launches in the next subnet when the first has no capacity', async () => {
    const { end, cloud } = await play({
      faults: failing('RunInstances', 'InsufficientInstanceCapacity', { times: 2 }),
      subnetIds: ['subnet-a', 'subnet-b', 'subnet-c'],
    });

    expect(end.status).toBe('SUCCEEDED');
    expect(cloud.invocations.filter((each) => each.error === 'InsufficientInstanceCapacity')).toEqual([]);
    expect(cloud.calls('RunInstances')).toBe(3);
  });

  it('tries all markets and subnets again, some minutes later, when none has capacity', async () => {
    const launches: RunInstancesCommandInput[] = [];
    const { end, cloud } = await play({
      file: executionFile({ ii_cheapo: true }),
      // Spot in subnet-a alone, and that not at once.
      faults: (operation, _call, input) => {
        if (operation !== 'RunInstances') return undefined;
        const launch = input as RunInstancesCommandInput;
        launches.push(launch);
        const spot = launch.InstanceMarketOptions?.MarketType === 'spot';
        const capacity = spot && launch.SubnetId === 'subnet-a' && launches.length > 8;
        return capacity ? undefined : { error: 'InsufficientInstanceCapacity' };
      },
      subnetIds: ['subnet-a', 'subnet-b'],
    });

    const places = launches.map((launch) => `${launch.InstanceMarketOptions?.MarketType ?? ''} ${launch.SubnetId}`);
    expect(new Set(places.slice(0, 4)).size).toBe(4);
    expect(places.slice(4, 8)).toEqual(places.slice(0, 4));
    expect(new Set(launches.map(({ ClientToken }) => ClientToken)).size).toBe(launches.length);
    expect(end.output).toMatchObject({ attempt: 1, market: 'spot' });
    // Two waits of three minutes, and no instance that costs while it waits.
    expect(cloud.ec2.instances.size).toBe(1);
    const [instance] = cloud.ec2.instances.values();
    const seconds = ((instance?.api.LaunchTime?.getTime() ?? 0) - end.startedAt.getTime()) / 1000;
    expect(seconds).toBeGreaterThan(360);
    expect(seconds).toBeLessThan(380);
  });

  it("tries all places three times before EC2's refusal is the outcome", async () => {
    const { end, cloud } = await play({
      faults: failing('RunInstances', 'VcpuLimitExceeded', { times: 99 }),
      subnetIds: ['subnet-a', 'subnet-b'],
    });

    expect(end).toMatchObject({ status: 'FAILED', error: 'VcpuLimitExceeded' });
    expect(cloud.calls('RunInstances')).toBe(6);
  });

  it("launches one instance when RunInstances' reply is lost", async () => {
    const { end, cloud } = await play({ faults: failing('RunInstances', 'TimeoutError', { after: true }) });

    expect(end.status).toBe('SUCCEEDED');
    expect(cloud.ec2.instances.size).toBe(1);
  });

  it("sends the commands once when SendCommand's reply is lost", async () => {
    const { end, cloud, runs } = await play({ faults: failing('SendCommand', 'TimeoutError', { after: true }) });

    expect(end.status).toBe('SUCCEEDED');
    expect(cloud.calls('SendCommand')).toBe(1);
    expect(runs).toHaveLength(1);
  });

  it.each([
    ['SendCommand', 'AccessDeniedException', 'is not authorized to perform: ssm:SendCommand', 1],
    ['RunInstances', 'InvalidParameterValue', 'Invalid IAM Instance Profile name', 0],
  ])(
    'fails after two minutes, in the first attempt, when IAM refuses %s',
    async (operation, error, message, launched) => {
      const calls: number[] = [];
      let now = () => 0;
      const { end, cloud } = await play({
        file: executionFile({ n_retries_allowed: 3 }),
        faults: (name) => {
          if (name !== operation) return undefined;
          calls.push(now());
          return { error, message };
        },
        meanwhile: ({ cloud: { clock } }) => {
          now = () => clock.now().getTime() / 1000;
        },
      });

      const seconds = (calls.at(-1) ?? 0) - (calls[0] ?? 0);
      expect(end).toMatchObject({ status: 'FAILED', error: 'IamRefused' });
      expect(end.cause).toContain(message);
      expect(seconds).toBeGreaterThan(110);
      expect(seconds).toBeLessThan(140);
      expect(cloud.ec2.instances.size).toBe(launched);
    },
  );

  it('succeeds when IAM shows the profile, and then the tags of the instance, after a minute', async () => {
    let began = 0;
    let now = () => 0;
    const { end, cloud, runs } = await play({
      faults: (name) => {
        if (name === 'RunInstances' && now() < began + 60) {
          return { error: 'InvalidParameterValue', message: 'Invalid IAM Instance Profile name' };
        }
        return name === 'SendCommand' && now() < began + 150 ? { error: 'AccessDeniedException' } : undefined;
      },
      meanwhile: ({ cloud: { clock } }) => {
        now = () => clock.now().getTime() / 1000;
        began = now();
      },
    });

    expect(end.status).toBe('SUCCEEDED');
    expect(cloud.calls('SendCommand')).toBeGreaterThan(1);
    expect(runs).toHaveLength(1);
  });

  it('fails with the cause and what to do, in the first attempt, when a KMS key has no grant', async () => {
    const { end, cloud } = await play({
      file: executionFile({ n_retries_allowed: 3, ii_cheapo: true }),
      lifecycle: { running: 2_000, online: 20_000, ended: 40_000, failure: 'Client.InternalError' },
    });

    expect(end).toMatchObject({ status: 'FAILED', error: 'LaunchFailed' });
    expect(end.cause).toContain('Client.InternalError');
    expect(end.cause).toContain('KMS');
    expect(end.cause).toContain('docs/security.md');
    expect(cloud.ec2.instances.size).toBe(1);
    expect(end.endedAt.getTime() - end.startedAt.getTime()).toBeLessThan(60_000);
  });

  it.each([
    ['an HTML page with status 502', { status: 502, body: '<html><body>502 Bad Gateway</body></html>' }],
    ['an empty answer with status 503', { status: 503 }],
    ['an HTML page with status 200', { status: 200, body: '<html><body>Please log in</body></html>' }],
  ])('runs the commands once when SSM takes them and %s is the reply', async (_what, http) => {
    const { end, cloud, runs } = await play({
      faults: (name, call) => (name === 'SendCommand' && call === 1 ? { http, after: true } : undefined),
    });

    expect(end.status).toBe('SUCCEEDED');
    expect(cloud.calls('SendCommand')).toBe(1);
    expect(runs).toHaveLength(1);
  });

  it.each([
    'DescribeInstances',
    'DescribeImages',
    'RunInstances',
    'DescribeInstanceInformation',
    'ListCommands',
    'SendCommand',
    'PutObject',
    'CreateTags',
    'GetCommandInvocation',
    'SendTaskSuccess',
    'HeadObject',
    'TerminateInstances',
  ])('succeeds when %s is throttled for its first four calls', async (operation) => {
    const { end, cloud } = await play({
      file: executionFile(
        {},
        { commands: ["runuser -l ec2-user -c './job --S3_BUCKET scenario-bucket --S3_PREFIX run'"] },
      ),
      faults: failing(
        operation,
        operation === 'HeadObject' || operation === 'PutObject' ? 'SlowDown' : 'RequestLimitExceeded',
        {
          times: 4,
          status: 503,
        },
      ),
    });

    expect(end.status).toBe('SUCCEEDED');
    // The record of the execution is written once or not at all: it is no reason to wait.
    expect(cloud.calls(operation)).toBeGreaterThan(operation === 'PutObject' ? 0 : 4);
  });

  it('launches from an SSM parameter as EC2 takes it, when GetParameters is throttled for its first four calls', async () => {
    const ImageId = 'resolve:ssm:/datastream/ami:prod';
    const file = executionFile({ n_retries_allowed: 1 });
    const { end, cloud } = await play({
      file: { ...file, instance_parameters: { ImageId, InstanceType: 't4g.large' } },
      faults: failing('GetParameters', 'ThrottlingException', { times: 4 }),
    });

    expect(end.status).toBe('SUCCEEDED');
    expect(cloud.calls('GetParameters')).toBe(5);
    expect([...cloud.ec2.instances.values()].map(({ input }) => [input.ImageId, input.BlockDeviceMappings])).toEqual([
      [ImageId, [{ DeviceName: '/dev/xvda', Ebs: { Encrypted: true, DeleteOnTermination: true } }]],
    ]);
  });

  it('fails at once and says what to do when GetParameters is denied', async () => {
    const file = executionFile({ n_retries_allowed: 3 });
    const { end, cloud } = await play({
      file: { ...file, instance_parameters: { ImageId: 'resolve:ssm:/secret', InstanceType: 't4g.large' } },
      faults: failing('GetParameters', 'AccessDeniedException', { times: 99 }),
    });

    expect(end).toMatchObject({ status: 'FAILED', error: 'AccessDeniedException' });
    expect(end.cause).toContain('ami_parameter_name');
    expect([cloud.calls('GetParameters'), cloud.calls('RunInstances')]).toEqual([1, 0]);
  });

  it.each(['StopInstances', 'DescribeVolumes', 'DetachVolume', 'DeleteVolume'])(
    'stops the instance and deletes its volume when %s is throttled for its first four calls',
    async (operation) => {
      const { end, cloud } = await play({
        file: executionFile({ ii_terminate_instance: false, ii_delete_volume: true }),
        faults: failing(operation, 'RequestLimitExceeded', { times: 4, status: 503 }),
      });

      expect(end.status).toBe('SUCCEEDED');
      expect(end.output).not.toHaveProperty('stopper_error');
      expect(cloud.calls(operation)).toBeGreaterThan(4);
      expect(cloud.ec2.volumes).toEqual([]);
    },
  );

  it('fails with the same error when SendTaskFailure is throttled for its first four calls', async () => {
    const { end, cloud } = await play({
      job: failingJob,
      faults: failing('SendTaskFailure', 'ThrottlingException', { times: 4 }),
    });

    expect(end).toMatchObject({ status: 'FAILED', error: 'CommandFailed' });
    expect(cloud.calls('SendTaskFailure')).toBeGreaterThan(4);
  });

  it.each(['TerminateInstances', 'CreateTags', 'SendTaskSuccess', 'CancelCommand', 'DescribeInstances'])(
    'keeps its outcome when the reply of %s is lost',
    async (operation) => {
      const { end } = await play({ faults: failing(operation, 'TimeoutError', { after: true }) });

      expect(end.status).toBe('SUCCEEDED');
    },
  );

  it('succeeds though the clean-up failed, and the reaper cleans up', async () => {
    const { end, cloud } = await play({
      faults: failing('TerminateInstances', 'UnauthorizedOperation', { times: 11 }),
    });

    expect(end.status).toBe('SUCCEEDED');
    expect(end.output).toMatchObject({ stopper_error: { Error: 'UnauthorizedOperation' } });
    expect(cloud.invocations.some((each) => each.function === 'reaper' && !each.error)).toBe(true);
  });

  it("fails with the job's error, not the clean-up's, when both fail", async () => {
    const { end } = await play({
      job: failingJob,
      file: executionFile({ n_retries_allowed: 1 }),
      faults: failing('TerminateInstances', 'UnauthorizedOperation', { times: 11 }),
    });

    expect(end).toMatchObject({ status: 'FAILED', error: 'CommandFailed' });
  });

  it('fails with InstanceLost within seconds when the instance dies', async () => {
    const { end } = await play({
      meanwhile: ({ cloud }) =>
        cloud.clock.after(200_000, () => {
          for (const id of cloud.ec2.instances.keys()) cloud.ec2.end(id, 'terminate', 'Server.InternalError');
        }),
    });

    expect(end).toMatchObject({ status: 'FAILED', error: 'InstanceLost' });
    expect(end.cause).toContain('Server.InternalError');
    expect(end.endedAt.getTime() - end.startedAt.getTime()).toBeLessThan(205_000);
  });

  it('runs a spot job again, at last on-demand, when EC2 takes the instance back', async () => {
    const { end, runs } = await play({
      file: executionFile({ ii_cheapo: true, n_retries_allowed: 2 }),
      meanwhile: ({ cloud }) => {
        for (const seconds of [200, 500]) {
          cloud.clock.after(seconds * 1000, () => {
            const running = [...cloud.ec2.instances.values()].find(({ api }) => api.State.Name === 'running');
            if (running) cloud.ec2.interrupt(running.api.InstanceId);
          });
        }
      },
    });

    expect(end.status).toBe('SUCCEEDED');
    expect(end.output).toMatchObject({
      attempt: 3,
      market: 'on-demand',
      errors: [
        { attempt: 1, Error: 'SpotInterrupted' },
        { attempt: 2, Error: 'SpotInterrupted' },
      ],
    });
    expect(runs.map((run) => run.code)).toEqual([undefined, undefined, 0]);
  });

  it('fails with JobTimedOut when the job runs longer than timeout_s', async () => {
    const { end } = await play({ file: executionFile({ timeout_s: 300 }) });

    expect(end).toMatchObject({ status: 'FAILED', error: 'JobTimedOut' });
    expect(end.endedAt.getTime() - end.startedAt.getTime()).toBeLessThan(310_000);
  });

  it('fails with JobTimedOut and cancels the command when SSM does not end it', async () => {
    const { end, cloud } = await play({
      file: executionFile({ timeout_s: 1200 }),
      // A command that is marked as ended changes no more: neither SSM's own time-out nor a report of the agent comes.
      meanwhile: ({ cloud: { ssm, clock } }) =>
        clock.after(100_000, () => {
          for (const command of ssm.commands.values()) command.endedAt = clock.now();
        }),
      job: async ({ cloud: { clock }, signal }) => {
        await clock.sleep(90_000_000, signal);
        return { code: 0 };
      },
    });

    expect(end).toMatchObject({ status: 'FAILED', error: 'JobTimedOut' });
    expect(cloud.calls('CancelCommand')).toBe(1);
    expect(end.endedAt.getTime() - end.startedAt.getTime()).toBeLessThan(1_245_000);
  });

  it('leaves nothing behind when the user stops it while the job runs', async () => {
    const { end, cloud } = await play({
      meanwhile: ({ cloud: { clock }, execution }) => clock.after(200_000, () => execution.stop()),
    });

    expect(end.status).toBe('ABORTED');
    expect(cloud.ec2.instances.size).toBe(1);
  });

  it.each([50, 300, 500, 1000, 20_000])(
    'leaves nothing behind when the user stops it after %d ms',
    async (milliseconds) => {
      const { end } = await play({
        meanwhile: ({ cloud: { clock }, execution }) => clock.after(milliseconds, () => execution.stop()),
      });

      expect(end.status).toBe('ABORTED');
    },
  );

  it('never takes a throttled DescribeExecution, or a list that lags behind, for the end of an execution', async () => {
    const { end, cloud } = await play({
      file: executionFile({ timeout_s: 7200 }),
      job: async (context) => {
        await context.cloud.clock.sleep(3_000_000, context.signal);
        return healthyJob(context);
      },
      faults: (operation, call) => {
        if (operation === 'ListExecutions') return { lag: 7_200_000 };
        return operation === 'DescribeExecution' && call % 2 === 1 ? { error: 'ThrottlingException' } : undefined;
      },
    });

    expect(end.status).toBe('SUCCEEDED');
    expect(cloud.calls('DescribeExecution')).toBeGreaterThan(5);
  });

  it('finds the end of the job within the reconcile interval when every event is lost', async () => {
    const { end } = await play({ deliver: () => [] });

    expect(end.status).toBe('SUCCEEDED');
    expect(end.endedAt.getTime() - end.startedAt.getTime()).toBeLessThan(480_000 + 60_000 + 900_000);
  });

  it('finds a dead instance when every event is lost', async () => {
    const { end } = await play({
      deliver: () => [],
      meanwhile: ({ cloud }) =>
        cloud.clock.after(200_000, () => {
          for (const id of cloud.ec2.instances.keys()) cloud.ec2.end(id, 'terminate', 'Server.InternalError');
        }),
    });

    expect(end).toMatchObject({ status: 'FAILED', error: 'InstanceLost' });
  });

  it('keeps its outcome when every event comes twice, at once and a minute late', async () => {
    const { end } = await play({ deliver: () => [200, 60_000] });

    expect(end.status).toBe('SUCCEEDED');
  });

  it('is not disturbed in its second attempt by the late events of the first', async () => {
    const { end, runs } = await play({
      file: executionFile({ n_retries_allowed: 1 }),
      job: (context) => (context.run === 1 ? failingJob(context) : healthyJob(context)),
      deliver: () => [500, 240_000],
    });

    expect(end.status).toBe('SUCCEEDED');
    expect(end.output).toMatchObject({ attempt: 2, errors: [{ attempt: 1, Error: 'CommandFailed' }] });
    expect(runs.map((run) => run.code)).toEqual([3, 0]);
  });

  it('tells of every attempt when the last one has failed', async () => {
    const { end } = await play({ file: executionFile({ n_retries_allowed: 1 }), job: failingJob });

    expect(end).toMatchObject({ status: 'FAILED', error: 'CommandFailed' });
    expect(end.cause).toContain('(attempt 2 of 2)\nAttempt 1: CommandFailed: Command 1 of 1 exited with code 3');
  });

  it('fails with every fault of the file and launches nothing', async () => {
    const file = executionFile({ timeout_s: -1 });
    const { end, cloud } = await play({
      file: {
        ...file,
        instance_parameters: { ...file.instance_parameters, InstanceType: 't2g', ImageId: 'ami-###' },
      },
    });

    expect(end).toMatchObject({ status: 'FAILED', error: 'InvalidExecution' });
    for (const path of [
      '$.run_options.timeout_s',
      '$.instance_parameters.InstanceType',
      '$.instance_parameters.ImageId',
    ]) {
      expect(end.cause).toContain(path);
    }
    expect(cloud.calls('RunInstances')).toBe(0);
  });

  it('fails with InstanceNotReady and what to see to when the agent never comes Online', async () => {
    const { end } = await play({ lifecycle: { running: 15_000, online: 9_000_000, ended: 40_000 } });

    expect(end).toMatchObject({ status: 'FAILED', error: 'InstanceNotReady' });
    expect(end.cause).toContain('AmazonSSMManagedInstanceCore');
  });

  it('stops the instance and keeps its volume when the file says so', async () => {
    const { end, cloud } = await play({
      file: executionFile({ ii_terminate_instance: false, ii_delete_volume: false }),
    });

    expect(end.status).toBe('SUCCEEDED');
    expect([...cloud.ec2.instances.values()].map(({ api }) => api.State.Name)).toEqual(['stopped']);
    expect(cloud.ec2.volumes).toHaveLength(1);
  });

  it('stops the instance and deletes its volume when the file says so, without the reaper', async () => {
    const live = await begin({ file: executionFile({ ii_terminate_instance: false, ii_delete_volume: true }) });
    await live.end();
    const left = live.cloud.ec2.volumes;

    expect(left).toEqual([]);
    const { end, cloud } = await live.finish();
    expect(end.status).toBe('SUCCEEDED');
    expect([...cloud.ec2.instances.values()].map(({ api }) => api.State.Name)).toEqual(['stopped']);
  });

  it('ends the instance by its own switch when neither clean-up nor reaper can', async () => {
    const { cloud } = await play({
      file: executionFile({ timeout_s: 600 }),
      faults: failing('TerminateInstances', 'UnauthorizedOperation', { times: 9999 }),
      // The switch is thrown a quarter of an hour after the deadline.
      aftermath: 1_200_000,
    });

    expect([...cloud.ec2.instances.values()].map(({ api }) => api.StateReason?.Code)).toEqual([
      'Client.InstanceInitiatedShutdown',
    ]);
  });

  it('does not run the commands again when the instance is restarted in the middle of them', async () => {
    const { end, runs } = await play({
      meanwhile: ({ cloud: { clock, ec2 } }) =>
        clock.after(200_000, () => {
          for (const id of ec2.instances.keys()) ec2.reboot(id);
        }),
    });

    expect(runs).toHaveLength(1);
    expect(end).toMatchObject({ status: 'FAILED', error: 'CommandFailed' });
    // Seconds after the agent is back, not at timeout_s.
    expect(end.endedAt.getTime() - end.startedAt.getTime()).toBeLessThan(240_000);
  });

  it('runs beside another execution of the same file', async () => {
    const live = await begin();
    const other = startExecution(live.cloud, executionFile(), undefined, 'other');
    const played = await live.finish();
    const second = { ...played, end: await other.result };

    expect([played.end.status, second.end.status]).toEqual(['SUCCEEDED', 'SUCCEEDED']);
    expect(live.cloud.ec2.instances.size).toBe(2);
    expect(played.runs).toHaveLength(2);
    expect([...brokenInvariants(played), ...brokenInvariants(second)]).toEqual([]);
  });

  it('is started once under one name, while it runs and after its end', async () => {
    const live = await begin();
    const again = (file = executionFile()) => startExecution(live.cloud, file, undefined, 'scenario');

    expect(again().arn).toBe(live.execution.arn);
    expect(() => again(executionFile({ timeout_s: 60 }))).toThrow('Execution Already Exists');
    const played = await live.finish();
    expect(again).toThrow('Execution Already Exists');

    expect(played.end.status).toBe('SUCCEEDED');
    expect(live.cloud.ec2.instances.size).toBe(1);
    expect(brokenInvariants(played)).toEqual([]);
  });
});

describe('What upstream published, on the embedded cloud', () => {
  const backoff = { retry_backoff_base_s: 60, retry_backoff_max_s: 100, retry_backoff_rate: 2 };

  it('waits between attempts as the file asks, without an instance, each wait a transition', async () => {
    const launches: number[] = [];
    const attempts = { job: failingJob, lifecycle: { running: 1000, online: 1000, ended: 1000 } };
    const waiting = await play({
      ...attempts,
      file: executionFile({ n_retries_allowed: 3, ...backoff }),
      faults: (operation, _call, _input, caller) => {
        if (caller === 'starter' && operation === 'RunInstances') launches.push(waitingNow());
        return undefined;
      },
      meanwhile: ({ cloud }) => {
        waitingNow = () => cloud.clock.now().getTime() / 1000;
      },
    });
    const atOnce = await play({ ...attempts, file: executionFile({ n_retries_allowed: 3 }) });

    const between = launches.slice(1).map((at, index) => Math.round(at - (launches[index] ?? 0)));
    const usual = Math.round((atOnce.end.endedAt.getTime() - atOnce.end.startedAt.getTime()) / 4000);
    for (const [index, wait] of [60, 100, 100].entries()) {
      expect(Math.abs((between[index] ?? 0) - usual - wait)).toBeLessThan(5);
    }
    expect(waiting.end.error).toBe('CommandFailed');
    expect(waiting.end.transitions).toBe(atOnce.end.transitions + 3);
  });
  let waitingNow = () => 0;

  it('waits as the file asks too when the instance could not be launched', async () => {
    const { end } = await play({
      file: executionFile({ n_retries_allowed: 1, ...backoff }),
      faults: failing('RunInstances', 'VolumeLimitExceeded'),
    });

    expect(end.status).toBe('SUCCEEDED');
    expect(end.endedAt.getTime() - end.startedAt.getTime()).toBeGreaterThan(60_000 + 480_000);
  });

  it('takes the next instance type where EC2 has no capacity for the one before, and names it', async () => {
    let stored = '{}';
    const { end, cloud } = await play({
      file: executionFile(
        { ii_instance_types: ['m8g.large', 'c8g.large'], ii_check_s3: false },
        { commands: ['echo $INSTANCE_TYPE --S3_BUCKET scenario-bucket --S3_PREFIX run'] },
      ),
      subnetIds: ['subnet-a', 'subnet-b'],
      faults: (operation, _call, input) => {
        if (operation === 'PutObject') stored = String((input as { Body: string }).Body);
        return operation === 'RunInstances' && (input as RunInstancesCommandInput).InstanceType !== 'c8g.large'
          ? { error: 'InsufficientInstanceCapacity' }
          : undefined;
      },
    });

    expect(end.status).toBe('SUCCEEDED');
    expect(cloud.calls('RunInstances')).toBe(5);
    expect(end.output?.job).toMatchObject({
      commands: ['echo c8g.large --S3_BUCKET scenario-bucket --S3_PREFIX run'],
      instance_parameters: { InstanceType: 'c8g.large' },
    });
    expect(JSON.parse(stored).instance_parameters).toMatchObject({ InstanceType: 'c8g.large' });
  });

  it('has EC2 take the size of the root volume by whichever name the file has for it', async () => {
    const file = executionFile();
    const parameters = {
      ...file.instance_parameters,
      BlockDeviceMappings: [{ DeviceName: '/dev/sda1', Ebs: { VolumeSize: 64, VolumeType: 'gp3' } }],
    };
    const launches: RunInstancesCommandInput[] = [];
    const { end } = await play({
      file: { ...file, instance_parameters: parameters },
      faults: (operation, _call, input) => {
        if (operation === 'RunInstances') launches.push(input as RunInstancesCommandInput);
        return undefined;
      },
    });

    expect(end.status).toBe('SUCCEEDED');
    // The embedded cloud's images have their root at /dev/xvda.
    expect(launches[0]?.BlockDeviceMappings).toEqual([
      {
        DeviceName: '/dev/xvda',
        Ebs: { VolumeSize: 64, VolumeType: 'gp3', Encrypted: true, DeleteOnTermination: true },
      },
    ]);
  });

  it.each([[['ls']], ['ls'], [3]])('ends %j as an execution with InvalidExecution', async (file) => {
    const { end, cloud } = await play({ file });

    expect(end).toMatchObject({ status: 'FAILED', error: 'InvalidExecution' });
    expect(end.cause).toContain('write { ... }');
    expect(cloud.calls('RunInstances')).toBe(0);
  });

  it('ends FAILED where the object at the top level, beside run_options, was not written', async () => {
    const run_options = { ii_terminate_instance: true };
    const job: Job = async () => ({ code: 0 });
    const { end } = await play({
      job,
      file: executionFile({}, { run_options, bucket: BUCKET, obj_key: 'never/written' }),
    });

    expect(end).toMatchObject({ status: 'FAILED', error: 'ObjectNotFound' });
  });

  it('runs member 0 and a source without its hour', async () => {
    for (const source of ['NWM_V3_MEDIUM_RANGE_00_0', 'NWM_V3_SHORT_RANGE']) {
      const commands = [
        `scripts/datastream -s DAILY -C ${source} --S3_BUCKET ${BUCKET} --S3_PREFIX out/ngen.DAILY/short`,
      ];
      const live = await begin({
        file: executionFile({ ii_check_s3: true }, { commands }),
        job: async ({ cloud }) => {
          cloud.s3.put(BUCKET, 'out/ngen.20260301/short/merkdir.file', 'x');
          return { code: 0 };
        },
      });
      const { end } = await live.finish();

      expect(end).toMatchObject({ status: 'SUCCEEDED' });
      expect(end.output?.object).toMatchObject({ key: 'out/ngen.20260301/short/merkdir.file' });
    }
  });
});
