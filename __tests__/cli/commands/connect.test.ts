import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { COMMAND, inNewFolders, job } from '../../support/cli';
import { type Answer, jsonAws } from '../../support/json-aws';

const { datastream, env, file, inBackground, path } = inNewFolders();

const ARN = 'arn:aws:states:us-east-1:123456789012:stateMachine:datastream';
const EXECUTION = `${ARN.replace(':stateMachine:', ':execution:')}:a`;

const instance = (id: string, attempt: number, state: string) =>
  `<item><instancesSet><item><instanceId>${id}</instanceId><instanceState><name>${state}</name></instanceState><tagSet>` +
  `<item><key>datastream:attempt</key><value>${attempt}</value></item></tagSet></item></instancesSet></item>`;
const instances = (...all: string[]) => ({
  xml: `<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet>${all.join('')}</reservationSet></DescribeInstancesResponse>`,
});
const running = { executionArn: EXECUTION, status: 'RUNNING', startDate: 1_755_500_000, input: '{}' };
const ANSWERS = {
  DescribeExecution: running,
  GetExecutionHistory: { events: [] },
  DescribeInstances: instances(instance('i-1', 1, 'terminated'), instance('i-2', 2, 'running')),
  DescribeInstanceInformation: { InstanceInformationList: [{ InstanceId: 'i-2', PingStatus: 'Online' }] },
};

/** Programs of this computer, in a folder that comes alone on the PATH. */
function programs(...names: string[]): string {
  mkdirSync(path('bin'), { recursive: true });
  for (const name of names) chmodSync(path(file(`bin/${name}`, '#!/bin/sh\necho "$0 $*"; exit 7\n')), 0o755);
  return path('bin');
}

async function connect(PATH: string, answers: Readonly<Record<string, Answer>> = {}) {
  const aws = await jsonAws({ ...ANSWERS, ...answers });
  const { ended } = inBackground(['connect', 'a', '--arn', ARN], { ...aws.env, PATH });
  void ended.then(aws.close);
  return ended;
}

describe('connect', () => {
  it("opens a session on the last attempt's instance, in its region, and ends with the session's exit code", async () => {
    expect(await connect(programs('aws', 'session-manager-plugin'))).toEqual({
      status: 7,
      stdout: `${path('bin/aws')} ssm start-session --target i-2 --region us-east-1\n`,
      stderr: 'a: attempt 2, i-2\n',
    });
  });

  it.each<[string, string[], Record<string, Answer>, number, RegExp]>([
    [
      'the AWS CLI is missing',
      ['session-manager-plugin'],
      {},
      2,
      /^aws is not on the PATH: install the AWS CLI, https:/,
    ],
    ['the plug-in is missing', ['aws'], {}, 2, /^session-manager-plugin is not on the PATH: install .* https:/],
    [
      'it has ended',
      ['aws', 'session-manager-plugin'],
      { DescribeExecution: { ...running, status: 'SUCCEEDED', output: '{}' } },
      1,
      /^a has ended \(SUCCEEDED\), and so has its instance: see 'datastream logs a'\.$/,
    ],
    [
      'no instance runs',
      ['aws', 'session-manager-plugin'],
      { DescribeInstances: instances(instance('i-1', 1, 'terminated')) },
      1,
      /^a has no running instance now \(starting\): see 'datastream watch a'/,
    ],
    [
      'the instance is not Online',
      ['aws', 'session-manager-plugin'],
      { DescribeInstanceInformation: { InstanceInformationList: [] } },
      1,
      /^Instance i-2 is not Online in Systems Manager: .* try again\.$/,
    ],
  ])('says in one sentence what to do where %s', async (_, names, answers, status, sentence) => {
    const ended = await connect(programs(...names), answers);

    expect(ended).toMatchObject({ status, stdout: '' });
    expect(ended.stderr.trimEnd()).toMatch(sentence);
    expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('opens a shell in the folder of a kept instance, with the environment of its commands', () => {
    datastream('run', '--local', '--keep', '--name', 'a', file('a.json', job(['echo left > there'])));
    const input = 'cat there; echo x | aws s3 cp - s3://a-bucket/x; echo "$HOME"; exit 5\n';

    const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, 'connect', 'a', '--local'], {
      cwd: path(),
      env: { ...env(), SECRET: 'secret' },
      encoding: 'utf8',
      input,
    });

    expect({ status, stdout: stdout.split('\n')[0] }).toEqual({ status: 5, stdout: 'left' });
    expect(stderr).toMatch(/^a: \/.*\/executions\/a\/instances\/i-[0-9a-f]{17}\n/);
  });

  it('says that a folder is there while the commands run, and afterwards where it is kept', () => {
    datastream('run', '--local', '--name', 'a', file('a.json', job(['true'])));

    expect(datastream('connect', 'a', '--local')).toEqual({
      status: 1,
      stdout: '',
      stderr:
        "a has no instance's folder: there is one while its commands run, and afterwards with 'datastream run --local --keep'.\n",
    });
  });
});
