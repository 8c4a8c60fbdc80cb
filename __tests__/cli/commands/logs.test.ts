import { inNewFolders, job } from '../../support/cli';
import { type Answer, jsonAws } from '../../support/json-aws';

const { file, inBackground, datastream } = inNewFolders();

const ARN = 'arn:aws:states:us-east-1:123456789012:stateMachine:datastream';
const EXECUTION = `${ARN.replace(':stateMachine:', ':execution:')}:a`;
const INSTANCE = 'i-0123456789abcdef0';
const STARTED = 1_755_500_000;

/** An execution whose job runs on an instance. */
const running = { executionArn: EXECUTION, status: 'RUNNING', startDate: STARTED, input: '{}' };
const history = {
  events: [
    {
      ...{ id: 9, type: 'TaskStateEntered', timestamp: STARTED },
      stateEnteredEventDetails: {
        name: 'EC2Poller',
        input: JSON.stringify({ attempt: 1, attempts: 1, instance_id: INSTANCE, errors: [] }),
      },
    },
  ],
};
const commands = (config: object) => ({
  Commands: [{ CommandId: 'c-1', Comment: 'datastream abc', Status: 'InProgress', ...config }],
});
const live = commands({
  CloudWatchOutputConfig: { CloudWatchOutputEnabled: true, CloudWatchLogGroupName: '/datastream/jobs/datastream' },
});

async function onAws(answers: Readonly<Record<string, Answer>>, ...args: string[]) {
  const aws = await jsonAws({ DescribeExecution: running, GetExecutionHistory: history, ...answers });
  const command = inBackground([...args, '--arn', ARN], aws.env);
  void command.ended.then(aws.close);
  return { ...command, asked: aws.asked };
}

describe('logs --follow on AWS', () => {
  const asked: Record<string, unknown>[] = [];
  /** Two pages, an empty one between, then the end of the stream for ever. */
  const stream = (input: Record<string, unknown>) => {
    asked.push(input);
    const { nextToken } = input;
    const event = (message: string) => ({ timestamp: STARTED * 1000, ingestionTime: STARTED * 1000, message });
    if (nextToken === undefined) return { events: [event('one\ntwo\n')], nextForwardToken: 'f/1' };
    if (nextToken === 'f/1') return { events: [], nextForwardToken: 'f/2' };
    if (nextToken === 'f/2') return { events: [event('three')], nextForwardToken: 'f/3' };
    return { events: [], nextForwardToken: 'f/3' };
  };

  it("prints what comes, each line once, and ends with the execution's end", async () => {
    let described = 0;
    const DescribeExecution = () =>
      ++described < 4 ? running : { ...running, status: 'SUCCEEDED', stopDate: STARTED + 60, output: '{}' };

    const { ended } = await onAws(
      { DescribeExecution, ListCommands: live, GetLogEvents: stream },
      'logs',
      'a',
      '--follow',
    );

    expect(await ended).toEqual({ status: 0, stdout: 'one\ntwo\nthree\n', stderr: '' });
    expect(asked[0]).toMatchObject({
      logGroupName: '/datastream/jobs/datastream',
      logStreamName: `c-1/${INSTANCE}/aws-runShellScript/stdout`,
      startFromHead: true,
    });
  });

  it('goes on with the next attempt', async () => {
    let described = 0;
    const second = structuredClone(history);
    Object.assign(second.events[0]?.stateEnteredEventDetails ?? {}, {
      input: JSON.stringify({ attempt: 2, attempts: 2, instance_id: 'i-2', errors: [] }),
    });
    const GetExecutionHistory = () => (++described < 3 ? history : second);
    const GetLogEvents = ({ logStreamName, nextToken }: Record<string, unknown>) => ({
      events: nextToken ? [] : [{ timestamp: 1, message: String(logStreamName).includes('i-2') ? 'second' : 'first' }],
      nextForwardToken: 'f/1',
    });

    const { child, ended, until } = await onAws(
      { GetExecutionHistory, ListCommands: live, GetLogEvents },
      ...['logs', 'a', '--follow'],
    );
    await until('second');
    child.kill('SIGINT');

    expect(await ended).toEqual({ status: 130, stdout: 'first\nsecond\n', stderr: 'a: attempt 2\n' });
  });

  it('says in one sentence what to do where the deployment sends none, and exits 2', async () => {
    const { ended } = await onAws({ ListCommands: commands({}) }, 'logs', 'a', '--follow');

    expect(await ended).toEqual({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(
        /^The output of this job does not come while it runs: set job_logs = "cloudwatch" .*\.\n$/,
      ),
    });
  });

  it('exits 5 where the credentials may not read the log', async () => {
    const { ended } = await onAws({ ListCommands: live }, 'logs', 'a', '--follow');

    expect(await ended).toMatchObject({ status: 5, stderr: expect.stringContaining('have no permission for this') });
  });
});

describe('logs --functions', () => {
  const line = (message: string, rest: object = {}) =>
    JSON.stringify({ level: 'INFO', message, service: 'starter', execution: EXECUTION, attempt: 1, ...rest });
  const DescribeStateMachine = {
    stateMachineArn: ARN,
    definition:
      '{"a":"arn:aws:lambda:us-east-1:1:function:x_start_ec2:7","b":"arn:aws:lambda:us-east-1:1:function:x_start_ec2:7"}',
  };
  const FilterLogEvents = ({ logGroupName, nextToken }: Record<string, unknown>) => {
    if (logGroupName === '/aws/lambda/x_reaper') return 'ResourceNotFoundException';
    if (logGroupName === '/aws/lambda/x_relay') {
      return { events: [{ timestamp: 2000, message: line('event relayed', { settled: true }) }] };
    }
    return nextToken
      ? { events: [{ timestamp: 3000, message: `Invoke Error for ${EXECUTION}\n` }] }
      : { events: [{ timestamp: 1000, message: line('commands sent') }], nextToken: 'n' };
  };

  it("prints the functions' lines in the order of time, also of those that Terraform's state names", async () => {
    const state = {
      outputs: {
        datastream_arn: { value: ARN },
        lambda_function_names: { value: { starter: 'x_start_ec2', relay: 'x_relay', reaper: 'x_reaper' } },
      },
    };
    file('terraform.datastream.tfstate', state);

    const text = await onAws({ DescribeStateMachine, FilterLogEvents }, 'logs', 'a', '--functions');
    const json = await onAws({ DescribeStateMachine, FilterLogEvents }, 'logs', 'a', '--functions', '--json');

    expect(await text.ended).toEqual({
      status: 0,
      stderr: 'a: 3 lines of its functions\n',
      stdout:
        '00:00:01.000  x_start_ec2  INFO  commands sent  attempt=1\n' +
        '00:00:02.000  x_relay      INFO  event relayed  attempt=1  settled=true\n' +
        `00:00:03.000  x_start_ec2  Invoke Error for ${EXECUTION}\n`,
    });
    expect(JSON.parse((await json.ended).stdout)).toMatchObject({
      name: 'a',
      lines: [{ at: '1970-01-01T00:00:01.000Z', function: 'x_start_ec2' }, { function: 'x_relay' }, {}],
    });
  });

  it('is of a deployed state machine alone', () => {
    datastream('run', '--local', file('a.json', job(['true'])), '--name', 'a');

    expect(datastream('logs', 'a', '--functions', '--local')).toMatchObject({
      status: 2,
      stderr: "The embedded cloud's functions keep no logs: leave out --local, or --functions.\n",
    });
  });
});

describe('logs --local', () => {
  it.each([0, 4])('has the exit code %d of the job, in --json and before its lines', (code) => {
    datastream('run', '--local', file('a.json', job(['echo said', `exit ${code}`])), '--name', 'a');

    const { stdout } = datastream('logs', 'a', '--local', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ attempt: 1, exit_code: code, stdout: 'said\n' });
    expect(datastream('logs', 'a', '--local').stderr).toContain(`, exit ${code}, `);
  });

  it('has no exit code of a job that runs', async () => {
    const { child, ended, until } = inBackground([
      'run',
      '--local',
      file('a.json', job(['echo said; sleep 600'])),
      '--name',
      'a',
    ]);
    await until('EC2Poller');
    let stdout = '';
    while (!stdout.includes('said')) ({ stdout } = datastream('logs', 'a', '--local', '--json'));
    child.kill('SIGINT');

    expect(JSON.parse(stdout)).toMatchObject({ exit_code: null });
    await ended;
  });
});
