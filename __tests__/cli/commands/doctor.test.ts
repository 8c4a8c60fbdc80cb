import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { doctor as run } from '../../../cli/commands/doctor';
import {
  type Answers,
  answeringServer,
  emptyOfEc2,
  healthyAnswers,
  jsonError,
  simulation,
} from '../../support/aws-answers';
import { COMMAND, inNewFolders, job } from '../../support/cli';
import { matrixFile, TEMPLATE } from '../../support/matrices';
import { documentIn } from '../../support/output-schema';

const { datastream, env, file, inBackground, path } = inNewFolders();

const ARN = 'arn:aws:states:us-east-1:123456789012:stateMachine:datastream';
const AMI = 'ami-0123456789abcdef0';

interface Found {
  readonly check: string;
  readonly severity: string;
  readonly text: string;
  readonly mend: string | null;
}

const keysOf = (AWS_ENDPOINT_URL: string) => ({
  AWS_ENDPOINT_URL,
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
});

/** Runs the command against a server. */
async function doctor(answers: Answers, args: readonly string[] = [], date?: Date) {
  const server = await answeringServer(answers, date);
  try {
    const child = spawn(process.execPath, [COMMAND, 'doctor', ...args, '--arn', ARN], {
      cwd: path(),
      env: { ...env(), ...keysOf(server.endpoint) },
    });
    const told = { stdout: '', stderr: '' };
    child.stdout.on('data', (text) => (told.stdout += text));
    child.stderr.on('data', (text) => (told.stderr += text));
    const status = await new Promise<number | null>((done) => child.on('close', done));
    return { status, ...told };
  } finally {
    server.close();
  }
}

/** The findings of the command, which runs in this process: it is started in one of its own above. */
async function findings(answers: Answers, file?: string, date?: Date) {
  const server = await answeringServer(answers, date);
  const before = { ...process.env };
  Object.assign(process.env, keysOf(server.endpoint));
  const told: string[] = [];
  const [out, err] = [{ write: (text: string) => told.push(text) }, { write: () => fail() }];
  try {
    const matrix = file === undefined ? undefined : path(file);
    const status = await run(matrix, { arn: ARN, folder: '.datastream', json: true }, out, err);
    const { findings: found } = documentIn('doctor', told.join('')) as { findings: Found[] };
    return { status, found, of: (check: string) => found.filter((each) => each.check === check) };
  } finally {
    process.env = before;
    server.close();
  }
}

const fail = () => {
  throw new Error('Nothing is expected on standard error.');
};

const group = 'datastream_schedules';
const GROUP_ARN = `arn:aws:scheduler:us-east-1:123456789012:schedule-group/${group}`;
const QUEUE = 'datastream_schedules_dead_letters';

/** The schedule of the only line of the tests' matrix. */
function scheduled(changes: { readonly State?: string; readonly ScheduleExpression?: string } = {}): Answers {
  return {
    'GET /schedule-groups': { ScheduleGroups: [{ Name: group, Arn: GROUP_ARN }] },
    [`GET /tags/${GROUP_ARN}`]: { Tags: [{ Key: 'datastream:state-machine', Value: ARN }] },
    'GET /schedules': { Schedules: [{ Name: 'flow.short', GroupName: group }] },
    'GET /schedules/flow.short': {
      Name: 'flow.short',
      GroupName: group,
      State: 'ENABLED',
      ScheduleExpression: 'cron(30 1,13 * * ? *)',
      Target: {
        Arn: 'arn:aws:lambda:us-east-1:123456789012:function:datastream_planner',
        RoleArn: 'arn:aws:iam::123456789012:role/r',
        Input: '{"stream":"flow","line":"short"}',
        DeadLetterConfig: { Arn: `arn:aws:sqs:us-east-1:123456789012:${QUEUE}` },
      },
      ...changes,
    },
    GetQueueUrl: { QueueUrl: `https://sqs.us-east-1.amazonaws.com/123456789012/${QUEUE}` },
    GetQueueAttributes: { Attributes: { ApproximateNumberOfMessages: '0' } },
  };
}

const image = (architecture: string, state = 'available') =>
  emptyOfEc2(
    'DescribeImages',
    'imagesSet',
    `<item><imageId>${AMI}</imageId><imageState>${state}</imageState><architecture>${architecture}</architecture></item>`,
  );

function healthyWithMatrix(): Answers {
  return { ...healthyAnswers(ARN), ...scheduled(), DescribeImages: image('arm64') };
}

function matrix(changes: object = {}): string {
  file('job.tpl', TEMPLATE);
  return file('m.json', matrixFile(changes as Record<string, unknown>));
}

describe('A healthy deployment', () => {
  it('without a matrix has nothing to mend', async () => {
    const { status, stdout, stderr } = await doctor(healthyAnswers(ARN));

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.split('\n').map((line) => line.slice(0, 22).trimEnd())).toEqual([
      ...['identity', 'clock', 'machine', 'rights', 'schedules', 'leftovers', 'cost-tag'].map(
        (check) => `ok       ${check}`,
      ),
      '7 ok',
      '',
    ]);
  });

  it('with a matrix is compared with it', async () => {
    const { status, found, of } = await findings(healthyWithMatrix(), matrix());

    expect(found.filter(({ severity }) => severity !== 'ok')).toEqual([]);
    expect(status).toBe(0);
    expect(of('quotas')[0]?.text).toBe(
      'on-demand vCPUs, standard (L-1216C47A): 5,000; 8 start at 01:30 UTC, at most 8 run at once',
    );
    expect(of('schedules')[0]?.text).toBe('1 schedule enabled, as the matrix has them');
    expect(of('dead-letters')[0]?.text).toBe(`${QUEUE} is empty`);
    expect(of('images')[0]?.severity).toBe('ok');
  });

  it('is compared with the matrix that cdktf.json names', async () => {
    file('cdktf.json', { context: { matrix: matrix() } });

    const { stdout } = await doctor(healthyWithMatrix());

    expect(stdout).toMatch(/^ok {7}quotas /m);
  });
});

describe('What is wrong', () => {
  it.each<[string, Answers, readonly [check: string, severity: string, text: RegExp, mend: RegExp | null]]>([
    [
      'other credentials',
      { GetCallerIdentity: String(healthyAnswers(ARN.replace('123456789012', '210987654321')).GetCallerIdentity) },
      ['identity', 'fail', /is of account 210987654321, the state machine of 123456789012/, /^export AWS_PROFILE=/],
    ],
    [
      'no machine',
      { DescribeStateMachine: jsonError('StateMachineDoesNotExist', 'State Machine Does Not Exist') },
      ['machine', 'fail', /^There is no state machine arn:.* in us-east-1/, /output -raw datastream_arn$/],
    ],
    [
      'a missing right',
      { SimulatePrincipalPolicy: simulation({ 'states:StopExecution': 'implicitDeny' }) },
      [
        'rights',
        'fail',
        /user\/operator may not states:StopExecution \(cancel\)/,
        /^aws iam put-user-policy --user-name operator .*"Action":\["states:StopExecution"\].*execution:datastream:\*/,
      ],
    ],
    [
      'a simulation that is not allowed',
      {
        SimulatePrincipalPolicy: {
          status: 403,
          body: '<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to perform: iam:SimulatePrincipalPolicy</Message></Error></ErrorResponse>',
        },
      },
      ['rights', 'unknown', /no permission for this: not authorized to perform: iam:SimulatePrincipalPolicy/, null],
    ],
    [
      'a small quota',
      { GetServiceQuota: { Quota: { Value: 5 } } },
      [
        'quotas',
        'fail',
        /the quota is 5, and jobs of 8 start at 01:30 UTC/,
        /--quota-code L-1216C47A --desired-value 8$/,
      ],
    ],
    [
      'a quota of its own that there is not',
      {
        GetServiceQuota: jsonError('NoSuchResourceException', 'none'),
        GetAWSDefaultServiceQuota: { Quota: { Value: 5 } },
      },
      ['quotas', 'fail', /the quota is 5/, /request-service-quota-increase/],
    ],
    [
      'a deregistered image',
      { DescribeImages: emptyOfEc2('DescribeImages', 'imagesSet') },
      ['images', 'fail', /^flow\/short: ami-0123456789abcdef0 does not exist in us-east-1/, /^datastream ami list$/],
    ],
    [
      'an image of another architecture',
      { DescribeImages: image('x86_64') },
      ['images', 'fail', /is x86_64, and m8g\.xlarge is arm64/, /^datastream ami list$/],
    ],
    [
      'a disabled image',
      { DescribeImages: image('arm64', 'disabled') },
      ['images', 'fail', /is disabled/, /ami list$/],
    ],
    [
      'dead letters',
      { GetQueueAttributes: { Attributes: { ApproximateNumberOfMessages: '3' } } },
      ['dead-letters', 'fail', /has 3 messages: rounds that were not planned/, /^aws sqs receive-message/],
    ],
    [
      'a paused line',
      scheduled({ State: 'DISABLED' }),
      [
        'schedules',
        'warn',
        /^flow\/short is paused/,
        /^datastream schedule resume --stream flow --line short .*--arn arn:/,
      ],
    ],
    [
      'an older schedule',
      scheduled({ ScheduleExpression: 'cron(0 1 * * ? *)' }),
      [
        'schedules',
        'fail',
        /is scheduled at cron\(0 1 \* \* \? \*\), in the matrix at cron\(30 1,13/,
        /^npx cdktf deploy/,
      ],
    ],
    [
      'a cost tag that is not activated',
      { ListCostAllocationTags: { CostAllocationTags: [{ TagKey: 'datastream:state-machine', Status: 'Inactive' }] } },
      ['cost-tag', 'warn', /is not activated/, /^aws ce update-cost-allocation-tags-status/],
    ],
    [
      'a cost tag that may not be asked for',
      { ListCostAllocationTags: jsonError('AccessDeniedException', 'not the payer') },
      ['cost-tag', 'unknown', /no permission for this: not the payer/, null],
    ],
  ])('%s is told, with what mends it', async (_, answers, [check, severity, text, mend]) => {
    const { status, found, of } = await findings({ ...healthyWithMatrix(), ...answers }, matrix());

    expect(of(check)).toEqual([
      {
        check,
        severity,
        text: expect.stringMatching(text),
        mend: mend === null ? null : expect.stringMatching(mend),
      },
    ]);
    // Every other check stands for itself.
    expect(found.filter((each) => each.check !== check && each.severity !== 'ok')).toEqual([]);
    expect(status).toBe(severity === 'fail' ? 1 : 0);
  });

  it('is what an ended execution has left: instances that run, instances that are kept, volumes', async () => {
    const tags = `<tagSet><item><key>datastream:execution</key><value>${ARN.replace(':stateMachine:', ':execution:')}:old</value></item></tagSet>`;
    const instance = (id: string, state: string) =>
      `<item><instancesSet><item><instanceId>${id}</instanceId><instanceState><name>${state}</name></instanceState>${tags}</item></instancesSet></item>`;
    const { status, of } = await findings({
      ...healthyAnswers(ARN),
      DescribeInstances: emptyOfEc2(
        'DescribeInstances',
        'reservationSet',
        instance('i-0a', 'running') + instance('i-0b', 'stopped'),
      ),
      DescribeExecution: { executionArn: 'a', status: 'FAILED', startDate: 1_700_000_000, stopDate: 1_700_000_100 },
      DescribeVolumes: emptyOfEc2(
        'DescribeVolumes',
        'volumeSet',
        '<item><volumeId>vol-1</volumeId><size>64</size><status>available</status></item>',
      ),
    });

    expect(of('leftovers').map(({ severity, mend }) => [severity, mend])).toEqual([
      ['fail', 'aws ec2 terminate-instances --region us-east-1 --instance-ids i-0a'],
      ['warn', 'aws ec2 terminate-instances --region us-east-1 --instance-ids i-0b'],
      ['warn', 'aws ec2 delete-volume --region us-east-1 --volume-id vol-1'],
    ]);
    expect(status).toBe(1);
  });

  it('is a clock that is wrong, from 30 s on a warning', async () => {
    const at = (seconds: number) => new Date(Date.now() + 1000 * seconds);

    expect((await findings(healthyAnswers(ARN), undefined, at(10))).of('clock')).toMatchObject([{ severity: 'ok' }]);
    expect((await findings(healthyAnswers(ARN), undefined, at(200))).of('clock')).toMatchObject([
      { severity: 'warn', text: expect.stringMatching(/is (1\d\d|200) s behind AWS's/) },
    ]);
  });

  it('is a bucket that does not exist, or is elsewhere', async () => {
    const checked = TEMPLATE.replace('"ii_check_s3": false', '"ii_check_s3": {"bucket": "my-${place}", "prefix": "k"}');
    const file_ = matrix();
    file('job.tpl', checked);
    const { of } = await findings(
      { ...healthyWithMatrix(), 'HEAD /my-a': { status: 404, body: {} }, 'HEAD /my-b': 'eu-west-1' },
      file_,
    );

    expect(of('buckets')).toEqual([
      {
        check: 'buckets',
        severity: 'fail',
        text: 'my-a does not exist.',
        mend: 'aws s3 mb s3://my-a --region us-east-1',
      },
      { check: 'buckets', severity: 'warn', text: expect.stringContaining('my-b is in eu-west-1'), mend: null },
    ]);
  });
});

describe('Credentials that AWS does not take', () => {
  const xml = (code: string) =>
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>it says so</Message></Error></ErrorResponse>`;

  it.each([
    ['ExpiredToken', 'The AWS credentials have expired: sign in again.\n'],
    ['InvalidClientTokenId', /^AWS does not take these credentials in us-east-1: see/],
  ])('%s is one sentence, and exits 5', async (code, sentence) => {
    const { status, stdout, stderr } = await doctor({ GetCallerIdentity: { status: 403, body: xml(code) } });

    expect({ status, stdout }).toEqual({ status: 5, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('Wrong options', () => {
  it('exit 2: no machine, a matrix that is not there; 1 for a matrix with errors', () => {
    file('bad.json', { matrix: 'bad', streams: {} });

    expect(datastream('doctor')).toMatchObject({ status: 2, stderr: expect.stringContaining("say '--local'") });
    expect(datastream('doctor', 'none.json', '--arn', ARN).status).toBe(2);
    expect(datastream('doctor', 'bad.json', '--arn', ARN).status).toBe(1);
  });
});

describe('doctor --local', () => {
  it('looks at this computer', () => {
    const { status, stdout } = datastream('doctor', '--local', '--json');
    const { findings: found } = JSON.parse(stdout) as { findings: Found[] };

    expect(status).toBe(0);
    expect(found.map(({ check }) => check)).toEqual(['node', 'bash', 'disk', 'runs']);
    expect(found.filter(({ severity }) => severity === 'fail' || severity === 'unknown')).toEqual([]);
  });

  const runs = () => {
    const { findings: found } = JSON.parse(datastream('doctor', '--local', '--json').stdout) as { findings: Found[] };
    return found.filter(({ check }) => check === 'runs');
  };

  it('finds folders without a record, and says how to remove them', () => {
    for (const name of ['empty', "it's one"]) mkdirSync(path(`.datastream/executions/${name}`), { recursive: true });

    const [{ severity, text, mend } = { severity: '', text: '', mend: '' }] = runs();
    expect({ severity, text }).toEqual({
      severity: 'warn',
      text: '2 folders of .datastream/executions have no record that can be read.',
    });
    spawnSync('sh', ['-c', mend ?? ''], { cwd: path() });
    expect(runs()).toMatchObject([{ severity: 'ok' }]);
  });

  it('warns of a killed run until the job has run again', async () => {
    const waits = file('a.json', job([`[ -e ${path('again')} ] || sleep 600`]));
    const { child, ended, until } = inBackground(['run', '--local', waits, '--name', 'a']);
    await until('EC2Poller');
    child.kill('SIGKILL');
    await ended;

    const [{ severity, mend } = { severity: '', mend: '' }] = runs();
    expect({ severity, mend }).toEqual({ severity: 'warn', mend: 'datastream retry a --local' });
    file('again', '');
    expect(datastream('retry', 'a', '--local').status).toBe(0);
    expect(runs()).toMatchObject([{ severity: 'ok', text: '2 executions kept, none lost' }]);
  });
});
