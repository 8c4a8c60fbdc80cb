import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { type Authorisation, Authorisations } from '../support/aws-calls';
import { aws } from '../support/deployed';
import { allowing, type DeployerPolicy, deployerPolicies, fillIn } from '../support/deployer-policy';
import { type Moto, motoClients, type SentRequest, startMoto } from '../support/moto';
import { ROOT, Workspace } from '../support/terraform';
import { describeWith } from '../support/tools';

/** That of variables.tfvars, where every name begins with it. */
const PREFIX = 'datastream';
const BOUNDARIES = ['first', 'second'].map((name) => `arn:aws:iam::123456789012:policy/${name}`);
const VALUES = { ACCOUNT: '123456789012', REGION: 'us-east-1', PREFIX };

/** What no call shows, and why it is needed. */
const UNSEEN = [
  // GetFunction leaves the tags out for whoever may not list them (Lambda API Reference, GetFunction).
  'Functions: lambda:ListTags',
];

/** A synthesised stack, as far as it is changed here. */
interface Stack {
  readonly resource: Readonly<Record<string, Readonly<Record<string, Record<string, unknown>>>>>;
}

describeWith(['terraform', 'moto_server', 'aws'], "A deployer's policy", () => {
  let moto: Moto;
  let workspace: Workspace;
  /** Where requests are taken down; not those of the test itself. */
  let requests: SentRequest[] | undefined;
  /** Of a deployment's whole life. */
  let asked: readonly Authorisation[];
  const policy = deployerPolicies(VALUES);

  beforeAll(async () => {
    moto = await startMoto({}, (request) => requests?.push(request));
    workspace = new Workspace(moto.endpoint);
    // With schedules and all variables it is all that a deployment can have.
    const matrix = path.join(ROOT, 'executions/examples/schedules/rivers.matrix.json');
    const stack = await workspace.synthesise('synthesis', { CDKTF_CONTEXT_JSON: JSON.stringify({ matrix }) });
    const calls: Authorisation[] = [];
    const authorisations = new Authorisations();
    const terraform = async (...args: string[]) => {
      const run = () => workspace.terraformSucceeds(stack, ...args);
      calls.push(...(await heardWhile(run, authorisations)));
    };
    const ask = <Answer>(...args: string[]) => aws<Answer>(args, workspace.environment);
    const [vpc = ''] = await ask<string[]>('ec2', 'describe-vpcs', '--query', 'Vpcs[].VpcId');
    const subnets = await ask<string[]>('ec2', 'describe-subnets', '--query', 'Subnets[].SubnetId');
    const given = [
      '-input=false',
      `-var-file=${path.join(ROOT, 'variables.tfvars')}`,
      '-var=job_logs=cloudwatch',
      ...['-var=alarm_email=operator@example.org', '-var=reporter=on', '-var=dashboard=on', '-var=daily_budget_usd=20'],
      `-var=vpc_id=${vpc}`,
      `-var=subnet_ids=${JSON.stringify(subnets)}`,
    ];
    const first = [...given, `-var=permissions_boundary_arn=${BOUNDARIES[0]}`, '-var=tags={"Team" = "water"}'];
    const second = [
      ...given,
      `-var=permissions_boundary_arn=${BOUNDARIES[1]}`,
      ...['-var=tags={"Owner" = "hydrology"}', '-var=log_retention_days=7', '-var=s3_bucket=my-bucket'],
    ];
    await terraform('init', '-input=false');
    await terraform('plan', ...first);
    await terraform('apply', '-auto-approve', ...first);
    await terraform('plan', ...first);
    await openByHand(`datastream_${PREFIX}`);
    changeEverything(stack);
    await terraform('apply', '-auto-approve', ...second);
    await terraform('destroy', '-auto-approve', ...second);
    asked = calls;
  });

  afterAll(async () => {
    workspace?.remove();
    await moto?.stop();
  });

  /** What IAM would have been asked while something ran. */
  async function heardWhile(run: () => Promise<unknown>, authorisations = new Authorisations()) {
    const heard: SentRequest[] = [];
    requests = heard;
    await run();
    requests = undefined;
    return heard.flatMap((request) => authorisations.of(request));
  }

  /** A rule that Terraform did not make and removes. */
  async function openByHand(group: string): Promise<void> {
    const [GroupId = ''] = await aws<string[]>(
      ['ec2', 'describe-security-groups', '--group-names', group, '--query', 'SecurityGroups[].GroupId'],
      workspace.environment,
    );
    await aws(
      [
        ...['ec2', 'authorize-security-group-ingress', '--group-id', GroupId],
        ...['--protocol', 'tcp', '--port', '22', '--cidr', '192.0.2.0/24'],
      ],
      workspace.environment,
    );
  }

  /** What the next release may change in place, of every kind of resource. */
  function changeEverything(folder: string): void {
    const file = path.join(folder, 'cdk.tf.json');
    const stack: Stack = JSON.parse(readFileSync(file, 'utf8'));
    const each = (type: string, change: (resource: Record<string, unknown>) => void) =>
      Object.values(stack.resource[type] ?? {}).forEach(change);
    each('aws_lambda_function', (resource) => {
      resource.publish = true;
      resource.description += ' Changed.';
    });
    for (const type of ['aws_cloudwatch_event_rule', 'aws_scheduler_schedule']) {
      each(type, (resource) => {
        resource.description += ' Changed.';
      });
    }
    each('aws_sns_topic', (resource) => {
      resource.display_name = 'Changed';
    });
    each('aws_cloudwatch_metric_alarm', (resource) => {
      resource.alarm_description += ' Changed.';
    });
    each('aws_cloudwatch_log_metric_filter', (resource) => {
      resource.pattern = '{ $.message = "changed" }';
    });
    each('aws_sqs_queue', (resource) => {
      resource.message_retention_seconds = 86_400;
    });
    each('aws_lambda_function_event_invoke_config', (resource) => {
      resource.maximum_retry_attempts = 1;
    });
    each('aws_iam_role', (resource) => {
      resource.assume_role_policy = String(resource.assume_role_policy).replace('"Effect"', '"Sid":"Changed","Effect"');
    });
    each('aws_sfn_state_machine', (resource) => {
      resource.definition = String(resource.definition).replace('"StartAt"', '"Comment":"Changed.","StartAt"');
    });
    each('aws_security_group', (resource) => {
      (resource.egress as Record<string, unknown>[])[0] = {
        ...(resource.egress as Record<string, unknown>[])[0],
        ipv6_cidr_blocks: [],
      };
    });
    const [changed] = Object.values(stack.resource.aws_lambda_function ?? {});
    if (!changed) throw new Error('The stack has no function.');
    const archive = path.join(folder, String(changed.filename));
    // Whatever follows an archive's end is no part of it.
    appendFileSync(archive, 'changed');
    changed.source_code_hash = createHash('sha256').update(readFileSync(archive)).digest('base64');
    writeFileSync(file, JSON.stringify(stack));
  }

  /** What a policy does not allow, once each. */
  function refused(by: DeployerPolicy, calls = asked): string[] {
    const lines = calls.flatMap((each) =>
      each.resources
        .filter((resource) => allowing(by, each, resource).length === 0)
        .map((resource) => `${each.action} on ${resource} with ${JSON.stringify(each.context)}`),
    );
    return [...new Set(lines)];
  }

  it('allows every call of a plan, an apply, a second plan, an upgrade and a removal', () => {
    expect(asked.length).toBeGreaterThan(300);
    expect(refused(policy)).toEqual([]);
  });

  it('allows no action in any statement that none of them needs', () => {
    const used = new Set(
      asked.flatMap((each) =>
        each.resources.flatMap((resource) =>
          allowing(policy, each, resource).map(({ Sid }) => `${Sid}: ${each.action}`),
        ),
      ),
    );
    const stated = policy.Statement.flatMap(({ Sid, Action }) => [Action].flat().map((action) => `${Sid}: ${action}`));

    expect(stated.filter((each) => !used.has(each))).toEqual(UNSEEN);
  });

  it('allows them on no resource that none of them is about', () => {
    const patterns = policy.Statement.flatMap((statement) =>
      [statement.Resource].flat().map((Resource) => ({ ...statement, Resource })),
    );
    const unused = patterns.filter(
      (one) =>
        !asked.some((each) => each.resources.some((resource) => allowing({ Statement: [one] }, each, resource).length)),
    );

    expect(unused).toEqual([]);
  });

  it('refuses another deployment of the account', () => {
    const others = deployerPolicies({ ...VALUES, PREFIX: 'other' });
    const withoutNames = ['ec2:Describe', 'logs:DescribeLogGroups', 'states:ValidateStateMachineDefinition'];
    const allowed = asked.filter((each) => each.resources.every((one) => allowing(others, each, one).length > 0));

    expect(
      allowed
        .filter(({ action }) => !withoutNames.some((name) => action.startsWith(name)))
        .map(({ action, resources }) => `${action} ${resources}`)
        .filter((each, index, all) => all.indexOf(each) === index),
    ).toEqual([
      expect.stringMatching(/^ec2:CreateSecurityGroup arn:aws:ec2:us-east-1:123456789012:vpc\/vpc-/),
      // Of a subscription a policy cannot name the resource (Service Authorization Reference, Amazon SNS).
      'sns:GetSubscriptionAttributes *',
      'sns:Unsubscribe *',
    ]);
  });

  it('still allows them when it makes roles without the boundary impossible', () => {
    const bounded = (boundaries: readonly string[]): DeployerPolicy => ({
      Statement: policy.Statement.map((statement) =>
        statement.Sid === 'WriteRoles'
          ? { ...statement, Condition: { StringEquals: { 'iam:PermissionsBoundary': boundaries } } }
          : statement,
      ),
    });

    expect(refused(bounded(BOUNDARIES))).toEqual([]);
    expect(refused(bounded(BOUNDARIES.slice(1)))).toContainEqual(expect.stringMatching(/^iam:CreateRole on /));
  });

  it('keeps the state in S3 with the statements that docs/security.md has for it', async () => {
    const [, block = ''] =
      /```json\n([^`]*"Sid": "StateObject"[^`]*)```/.exec(
        readFileSync(path.join(ROOT, 'docs', 'security.md'), 'utf8'),
      ) ?? [];
    const allowed = fillIn(block, { BUCKET: 'my-state' });
    const { s3 } = motoClients(moto.endpoint);
    await s3.send(new CreateBucketCommand({ Bucket: 'my-state' }));
    const stack = await workspace.synthesise('s3', { DATASTREAM_BACKEND: 's3' });
    const settings = ['bucket=my-state', 'key=datastream.tfstate', 'region=us-east-1', 'use_lockfile=true'];

    const calls = await heardWhile(async () => {
      await workspace.terraformSucceeds(
        stack,
        ...['init', '-input=false', '-backend-config=use_path_style=true'],
        ...settings.map((setting) => `-backend-config=${setting}`),
      );
      // The least that is kept in a state: no resource, but the outputs of what is looked up.
      await workspace.terraformSucceeds(
        stack,
        ...['apply', '-auto-approve', '-input=false', '-target=data.aws_partition.datastream_aws_partition_23D88EC2'],
        ...['-var=region=us-east-1', '-var=sm_name=machine'],
      );
    });

    const used = calls.filter(({ action }) => action.startsWith('s3:'));
    expect(refused(allowed, used)).toEqual([]);
    expect(new Set(used.map(({ action }) => action))).toEqual(
      new Set(allowed.Statement.flatMap(({ Action }) => Action)),
    );
  });
});
