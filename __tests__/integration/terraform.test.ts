import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { aws, inventory } from '../support/deployed';
import { type Policy, violations } from '../support/least-privilege';
import { type Moto, startMoto } from '../support/moto';
import { type Finished, ROOT, run, Workspace } from '../support/terraform';
import { describeWith } from '../support/tools';

/** How many of each a region has while one deployment is in it. */
const COUNTS: Readonly<Record<string, number>> = {
  functions: 7,
  'log groups': 8,
  'state machines': 1,
  rules: 4,
  schedules: 1,
  'schedule groups': 1,
  'security groups': 1,
  queues: 0,
};
const OUTPUTS = [
  'alarms_topic_arn',
  'datastream_arn',
  'ec2_instance_profile_name',
  'ec2_security_group_id',
  'lambda_arns',
  'lambda_function_names',
  'lambda_role_arn',
  'submissions_arn',
];

const GENERATIONS = ['2024', '2025', '2026'] as const;
type Generation = (typeof GENERATIONS)[number];

const tfvars = (generation: Generation) => path.join(ROOT, '__tests__', 'support', 'tfvars', `${generation}.tfvars`);

/** The values of a tfvars file of `name = "value"` lines. */
function values(file: string): Record<string, string> {
  const lines = readFileSync(file, 'utf8').matchAll(/^(\w+)\s*=\s*"(.*)"$/gm);
  return Object.fromEntries(Array.from(lines, ([, name, value]) => [name, value]));
}

/** What was seen of one deployment, from its first plan to its end. */
interface Life {
  readonly plan: Finished;
  readonly apply: Finished;
  readonly outputs: Record<string, { readonly value: unknown }>;
  readonly secondPlan: Finished;
  readonly deployed: readonly Policy[];
  readonly inventory: Readonly<Record<string, readonly string[]>>;
  readonly destroy: Finished;
}

describeWith(['terraform', 'moto_server', 'aws'], 'the stack on an emulated AWS', () => {
  let moto: Moto;
  let workspace: Workspace;
  let stack: string;
  const lives = new Map<Generation, Promise<Life>>();
  let throughCdktf: Promise<{ deploy: Finished; state: string[]; destroy: Finished }>;

  beforeAll(async () => {
    moto = await startMoto();
    workspace = new Workspace(moto.endpoint);
    stack = await workspace.synthesise();
    await workspace.terraformSucceeds(stack, 'init', '-input=false');
    // All at once: nine tenths of the time the provider waits for what it has made.
    for (const generation of GENERATIONS) lives.set(generation, live(generation));
    throughCdktf = liveThroughCdktf();
    await Promise.allSettled([...lives.values(), throughCdktf]);
  });

  afterAll(async () => {
    await moto?.stop();
    workspace?.remove();
  });

  async function live(generation: Generation): Promise<Life> {
    const folder = workspace.copy(stack, generation);
    const variables = `-var-file=${tfvars(generation)}`;
    const terraform = (...args: string[]) => workspace.terraform(folder, ...args);
    const plan = await terraform('plan', '-input=false', '-detailed-exitcode', variables);
    const apply = await terraform('apply', '-input=false', '-auto-approve', variables);
    const outputs = JSON.parse(await workspace.terraformSucceeds(folder, 'output', '-json'));
    const secondPlan = await terraform('plan', '-input=false', '-detailed-exitcode', variables);
    const state = JSON.parse(await workspace.terraformSucceeds(folder, 'show', '-json'));
    const deployed = await deployedPolicies(state);
    const there = await inventory(values(tfvars(generation)).region ?? '', workspace.environment);
    const destroy = await terraform('destroy', '-input=false', '-auto-approve', variables);
    return { plan, apply, outputs, secondPlan, deployed, inventory: there, destroy };
  }

  /** The policies as IAM has them: Terraform has put every name and every condition in its place. */
  async function deployedPolicies(state: {
    values: { root_module: { child_modules?: unknown; resources: { type: string; values: Record<string, string> }[] } };
  }): Promise<Policy[]> {
    const inline = state.values.root_module.resources.filter(({ type }) => type === 'aws_iam_role_policy');
    return Promise.all(
      inline.map(({ values: { role = '', name = '' } }) =>
        aws<Policy>(
          ['iam', 'get-role-policy', '--role-name', role, '--policy-name', name, '--query', 'PolicyDocument'],
          workspace.environment,
        ),
      ),
    );
  }

  async function liveThroughCdktf() {
    const home = path.join(workspace.folder, 'cdktf');
    mkdirSync(home);
    const cdktf = (...args: string[]) =>
      run(
        path.join(ROOT, 'node_modules', '.bin', 'cdktf'),
        [...args, '--auto-approve', '--output', path.join(home, 'cdktf.out'), '--var-file=variables.tfvars'],
        { cwd: ROOT, env: { ...workspace.environment, CI: 'true' } },
      );
    const deploy = await cdktf('deploy');
    const state = readdirSync(home).filter((file) => file.endsWith('.tfstate'));
    return { deploy, state, destroy: await cdktf('destroy') };
  }

  test('is valid Terraform', async () => {
    const { code, output } = await workspace.terraform(stack, 'validate');

    expect([code, output]).toEqual([0, expect.stringContaining('The configuration is valid.')]);
  });

  describe.each(GENERATIONS)("with upstream's tfvars of %s", (generation) => {
    const given = values(tfvars(generation));

    test('is deployed unchanged', async () => {
      const { plan, apply } = (await lives.get(generation)) as Life;

      // 2: there are changes.
      expect([plan.code, plan.output]).toEqual([2, expect.stringContaining('Plan: 44 to add')]);
      expect([apply.code, apply.output]).toEqual([0, expect.stringContaining('44 added')]);
    });

    test('shows no change in a second plan', async () => {
      const { secondPlan } = (await lives.get(generation)) as Life;

      expect([secondPlan.code, secondPlan.output]).toEqual([0, expect.stringContaining('No changes')]);
    });

    test("has upstream's outputs, with the names of the tfvars", async () => {
      const { outputs } = (await lives.get(generation)) as Life;

      expect(Object.keys(outputs).sort()).toEqual(OUTPUTS);
      expect(outputs.datastream_arn?.value).toBe(
        `arn:aws:states:${given.region}:123456789012:stateMachine:${given.sm_name}`,
      );
      expect(outputs.lambda_role_arn?.value).toBe(`arn:aws:iam::123456789012:role/${given.lambda_role_name}`);
      expect(outputs.lambda_function_names?.value).toMatchObject({
        starter: given.starter_lambda_name,
        commander: given.commander_lambda_name,
        poller: given.poller_lambda_name,
        checker: given.checker_lambda_name,
        stopper: given.stopper_lambda_name,
      });
      expect(outputs.ec2_instance_profile_name?.value).toBe(given.profile_name ?? `${given.sm_name}_ec2_profile`);
      expect(outputs.ec2_security_group_id?.value).toMatch(/^sg-/);
    });

    test('gives its roles no more than they need', async () => {
      const { deployed } = (await lives.get(generation)) as Life;

      expect(deployed).toHaveLength(6);
      expect(deployed.flatMap(violations)).toEqual([]);
      const buckets = deployed
        .flatMap(({ Statement }) => Statement)
        .filter(({ Action }) => Action.some((action) => action.startsWith('s3:')))
        .flatMap(({ Resource, Condition }) => Resource.map((arn) => [arn.split(/[:/]/)[5], Condition]));
      const account = given.s3_bucket ? '*' : '123456789012';
      expect(buckets).toEqual(
        Array(5).fill([given.s3_bucket ?? '*', { StringLike: { 'aws:ResourceAccount': account } }]),
      );
      const parameters = deployed
        .flatMap(({ Statement }) => Statement)
        .filter(({ Action }) => Action.includes('ssm:GetParameters'))
        .flatMap(({ Resource }) => Resource);
      expect(new Set(parameters)).toEqual(new Set([`arn:aws:ssm:${given.region}::parameter/aws/service/*`]));
    });

    test('is destroyed', async () => {
      const { destroy } = (await lives.get(generation)) as Life;

      expect([destroy.code, destroy.output]).toEqual([0, expect.stringContaining('44 destroyed')]);
    });
  });

  test('is deployed and destroyed by cdktf with variables.tfvars, which keeps the state out of its output', async () => {
    const { deploy, state, destroy } = await throughCdktf;

    expect([deploy.code, deploy.output]).toEqual([0, expect.stringContaining('datastream_arn')]);
    expect(state).toEqual(['terraform.datastream.tfstate']);
    expect([destroy.code, destroy.output]).toEqual([0, expect.stringContaining('44 destroyed')]);
  });

  test('leaves nothing behind of what was there', async () => {
    await Promise.all([...lives.values(), throughCdktf]);
    // 2024's is the only deployment in its region; IAM has no regions.
    const { inventory: there } = (await lives.get('2024')) as Life;
    const { roles, 'instance profiles': profiles, ...regional } = there;
    const counts = Object.entries(regional).map(([kind, names]) => [kind, names.length]);

    expect(Object.fromEntries(counts)).toEqual(COUNTS);
    expect(roles).toContain('lambda_role_2024');
    expect(profiles).toContain('conductor_2024_ec2_profile');
    for (const region of ['us-east-1', 'us-east-2']) {
      const left = await inventory(region, workspace.environment);
      expect([region, left]).toEqual([region, Object.fromEntries(Object.keys(there).map((kind) => [kind, []]))]);
    }
  });

  test('takes a VPC, subnets and a permissions boundary, and needs only region and sm_name beside them', async () => {
    const folder = workspace.copy(stack, 'network');
    const boundary = 'arn:aws:iam::123456789012:policy/boundary';
    await workspace.terraformSucceeds(
      folder,
      ...['plan', '-input=false', '-out=plan', '-var=region=us-east-1', '-var=sm_name=machine'],
      ...['-var=vpc_id=vpc-0123456789abcdef0', `-var=permissions_boundary_arn=${boundary}`],
      '-var=subnet_ids=["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]',
      '-var=tags={"Team" = "water"}',
    );
    const plan = JSON.parse(await workspace.terraformSucceeds(folder, 'show', '-json', 'plan'));
    const planned: { type: string; values: Record<string, unknown> }[] = plan.planned_values.root_module.resources;
    const of = (type: string) => planned.filter((each) => each.type === type).map((each) => each.values);

    expect(of('aws_security_group').map((group) => group.vpc_id)).toEqual(['vpc-0123456789abcdef0']);
    expect(of('aws_iam_role').map((role) => role.permissions_boundary)).toEqual(Array(6).fill(boundary));
    expect(of('aws_lambda_function')).toContainEqual(
      expect.objectContaining({
        function_name: 'machine_start_ec2',
        tags: {
          Project: 'cdktf-datastream',
          Team: 'water',
          'datastream:state-machine': 'arn:aws:states:us-east-1:123456789012:stateMachine:machine',
        },
      }),
    );
  });

  test.each([
    ['vpc_id', 'vpc-0123456789abcdef0', 'vpc_id is "vpc-0123456789abcdef0" and subnet_ids is []'],
    ['subnet_ids', '["subnet-0123456789abcdef0"]', 'vpc_id is "" and subnet_ids is ["subnet-0123456789abcdef0"]'],
  ])(
    'refuses, in the plan, %s without the other',
    async (name, value, found) => {
      const { code, output } = await workspace.terraform(
        stack,
        ...['plan', '-input=false', '-var=region=us-east-1', '-var=sm_name=machine', `-var=${name}=${value}`],
      );

      expect(code).toBe(1);
      const printed = output.replace(/[│╷╵\s]+/g, ' ');
      expect(printed).toContain(`${found}: write both, or neither for the default VPC.`);
    },
    120_000,
  );

  test.each([
    ['functions', ['poller_lambda_name=machine_start_ec2'], 'Two functions have one name, among ["machine_start_ec2"'],
    [
      'roles',
      ['lambda_role_name=one', 'ec2_role=one'],
      'Two roles have one name, among ["machine_sm_role","one","one"]',
    ],
  ])(
    'refuses, in the plan, two %s of one name',
    async (_, names, found) => {
      const variables = ['region=us-east-1', 'sm_name=machine', ...names].map((each) => `-var=${each}`);

      const { code, output } = await workspace.terraform(stack, 'plan', '-input=false', ...variables);

      expect(code).toBe(1);
      expect(output.replace(/[│╷╵\s]+/g, ' ')).toContain(found);
    },
    120_000,
  );

  test('refuses, in the plan, a region of China', async () => {
    const variables = ['-var=region=cn-north-1', '-var=sm_name=machine'];

    const { code, output } = await workspace.terraform(stack, 'plan', '-input=false', ...variables);

    expect(code).toBe(1);
    const printed = output.replace(/[│╷╵\s]+/g, ' ');
    expect(printed).toContain(
      'region is "cn-north-1": choose a region outside of China (cn-), whose service principals',
    );
  });

  test('refuses, in the plan, every kind of value that AWS would refuse in the deployment', async () => {
    const bad: Record<string, [value: string, message: string]> = {
      region: ['us-east-1a', 'region is "us-east-1a": write a region\'s code such as us-east-1 or us-gov-west-1.'],
      sm_name: ['my machine', 'sm_name is "my machine": write 1 to 80 letters, digits, hyphens and underscores'],
      resource_prefix: ['a.b', 'resource_prefix is "a.b": write 1 to 64 letters, digits, hyphens and underscores.'],
      starter_lambda_name: ['a:b', 'starter_lambda_name is "a:b": write 1 to 64 letters, digits, hyphens and'],
      lambda_role_name: ['a/b', 'lambda_role_name is "a/b": write 1 to 64 letters, digits and _+=,.@- (IAM\'s names).'],
      ec2_policy_name: ['a b', 'ec2_policy_name is "a b": write 1 to 128 letters, digits and _+=,.@- (IAM\'s names).'],
      profile_name: ['a*b', 'profile_name is "a*b": write 1 to 128 letters, digits and _+=,.@- (IAM\'s names).'],
      s3_bucket: ['s3://bucket', 's3_bucket is "s3://bucket": write the name of a bucket, without s3:// and without'],
      ami_parameter_name: [
        'ami',
        'ami_parameter_name is "ami": write an SSM parameter\'s name, beginning with a slash',
      ],
      vpc_id: ['default', 'vpc_id is "default": write the ID of a VPC such as vpc-0123456789abcdef0.'],
      subnet_ids: ['["vpc-1"]', 'subnet_ids is ["vpc-1"]: write IDs of subnets such as subnet-0123456789abcdef0.'],
      permissions_boundary_arn: ['boundary', 'permissions_boundary_arn is "boundary": write the ARN of a managed'],
      log_retention_days: ['31', 'log_retention_days is 31: write one of 1, 3, 5, 7, 14, 30, 60, 90'],
      job_logs: ['cloud', 'job_logs is "cloud": write s3, cloudwatch or none.'],
      tags: [
        `{"aws:a" = "${'v'.repeat(257)}"}`,
        'tags has the keys ["aws:a"]: write keys of 1 to 128 characters without a colon',
      ],
    };
    const long = 'tags has values of more than 256 characters, at ["aws:a"]: write at most 256 characters';

    const { code, output } = await workspace.terraform(
      stack,
      ...['plan', '-no-color', '-input=false'],
      ...Object.entries(bad).map(([name, [value]]) => `-var=${name}=${value}`),
    );

    expect(code).toBe(1);
    // Terraform frames and wraps what it prints.
    const printed = output.replace(/[│╷╵\s]+/g, ' ');
    for (const message of [...Object.values(bad).map(([, each]) => each), long]) expect(printed).toContain(message);
  });
});
