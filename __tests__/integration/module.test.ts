import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { zip } from '../../constructs/aws/zip';
import { aws } from '../support/deployed';
import { type Moto, startMoto } from '../support/moto';
import { type Finished, MODULE_COMMAND, ROOT, succeed, Workspace } from '../support/terraform';
import { describeWith } from '../support/tools';
import { UPSTREAM } from '../support/upstream-deployment';

const page = (name: string) => readFileSync(path.join(ROOT, 'docs', name), 'utf8');
/** The code blocks of a page. */
const blocks = (name: string, language: string) =>
  Array.from(page(name).matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms')), ([, block = '']) => block);

/** Every way to have more than one, and the names and IDs of what is made in the same apply. */
const MANY = `
provider "aws" {
  region            = "us-east-1"
  s3_use_path_style = true
}

provider "aws" {
  alias  = "west"
  region = "us-west-2"
}

resource "aws_vpc" "jobs" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "jobs" {
  vpc_id     = aws_vpc.jobs.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_s3_bucket" "jobs" {
  bucket_prefix = "jobs-"
}

module "counted" {
  count   = 2
  source  = "./terraform-module"
  sm_name = "counted_\${count.index}"
}

module "each" {
  for_each   = { placed = "none" }
  source     = "./terraform-module"
  sm_name    = each.key
  job_logs   = each.value
  vpc_id     = aws_vpc.jobs.id
  subnet_ids = [aws_subnet.jobs.id]
  s3_bucket  = aws_s3_bucket.jobs.bucket
  tags       = { Vpc = aws_vpc.jobs.arn }
}

module "west" {
  source          = "./terraform-module"
  providers       = { aws = aws.west }
  sm_name         = "counted_0"
  resource_prefix = "west"
}

output "arns" {
  value = concat(module.counted[*].datastream_arn, [module.each["placed"].datastream_arn, module.west.datastream_arn])
}
`;

/** Another deployment, which somebody else gives the same name. */
const SAME_NAME = `
provider "aws" {
  region = "us-east-1"
}

module "same" {
  source  = "./terraform-module"
  sm_name = "counted_1"
  tags    = { Team = "another" }
}
`;

interface Plan {
  readonly resource_changes: readonly {
    readonly address: string;
    readonly type: string;
    readonly previous_address?: string;
    readonly change: {
      readonly actions: readonly string[];
      readonly importing?: { readonly id: string };
      readonly before: Readonly<Record<string, unknown>> | null;
      /** Without what is only known after the apply. */
      readonly after: Readonly<Record<string, unknown>> | null;
    };
  }[];
}

/** How many resources of which type a plan does what with. */
function actions({ resource_changes }: Plan): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type, change } of resource_changes) {
    const action = change.actions.join();
    if (action === 'no-op' || action === 'read') continue;
    counts[`${action} ${type}`] = (counts[`${action} ${type}`] ?? 0) + 1;
  }
  return counts;
}

/** Which attributes a plan gives other values, as far as these are known. */
function changedAttributes({ resource_changes }: Plan): string[] {
  const changed = resource_changes.flatMap(({ change: { before, after } }) =>
    Object.keys(after ?? {}).filter((name) => JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name])),
  );
  return [...new Set(changed)].sort();
}

describeWith(['terraform', 'moto_server', 'aws'], 'the Terraform module on an emulated AWS', () => {
  let moto: Moto;
  let workspace: Workspace;
  let stack: string;
  let many: Awaited<ReturnType<typeof deployMany>>;
  let moved: Awaited<ReturnType<typeof moveFromCheckout>>;
  let imported: Awaited<ReturnType<typeof moveFromUpstream>>;

  beforeAll(async () => {
    moto = await startMoto();
    workspace = new Workspace(moto.endpoint);
    const [program, ...args] = MODULE_COMMAND;
    await succeed(program, [...args, path.join(workspace.folder, 'terraform-module')], { cwd: workspace.folder });
    stack = await workspace.synthesise('cdktf-datastream');
    await workspace.terraformSucceeds(stack, 'init', '-input=false');
    // All at once: nine tenths of the time the provider waits for what it has made.
    [many, moved, imported] = await Promise.all([deployMany(), moveFromCheckout(), moveFromUpstream()]);
  });

  afterAll(async () => {
    await moto?.stop();
    workspace?.remove();
  });

  /** A folder with the module in it, and a configuration that calls it. */
  function configuration(name: string, files: Readonly<Record<string, string>>): string {
    const folder = path.join(workspace.folder, name);
    cpSync(path.join(workspace.folder, 'terraform-module'), path.join(folder, 'terraform-module'), { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(path.join(folder, file), text);
    return folder;
  }

  async function plan(folder: string, ...args: readonly string[]): Promise<Plan> {
    await workspace.terraformSucceeds(folder, 'plan', '-input=false', '-out=plan', '-parallelism=30', ...args);
    return JSON.parse(await workspace.terraformSucceeds(folder, 'show', '-json', 'plan'));
  }

  const ask = <Answer>(...args: string[]) => aws<Answer>(args, workspace.environment);

  /** What EventBridge has of the rules of a prefix. */
  async function rules(prefix: string): Promise<unknown[]> {
    const names = await ask<string[]>(
      ...['events', 'list-rules', '--name-prefix', `${prefix}_`, '--query', 'Rules[].Name'],
    );
    return Promise.all(
      names.map(async (name) => [
        await ask('events', 'describe-rule', '--name', name),
        await ask('events', 'list-targets-by-rule', '--rule', name),
      ]),
    );
  }

  async function deployMany() {
    const folder = configuration('many', { 'main.tf': MANY });
    await workspace.terraformSucceeds(folder, 'init', '-input=false');
    const validation = await workspace.terraform(folder, 'validate');
    const apply = await workspace.terraform(folder, 'apply', '-input=false', '-auto-approve', '-parallelism=50');
    const before = await rules('counted_1');
    const second = await deploySameName();
    const after = await rules('counted_1');
    const nextPlan = await plan(folder);
    const arns = JSON.parse(await workspace.terraformSucceeds(folder, 'output', '-json', 'arns'));
    return { validation, apply, arns, nextPlan, before, after, second };
  }

  async function deploySameName(): Promise<{ apply: Finished; made: string[]; destroy: Finished }> {
    const folder = configuration('same-name', { 'main.tf': SAME_NAME });
    await workspace.terraformSucceeds(folder, 'init', '-input=false');
    const apply = await workspace.terraform(folder, 'apply', '-input=false', '-auto-approve');
    const state = await workspace.terraformSucceeds(folder, 'state', 'list');
    const made = state.split('\n').filter((address) => address.startsWith('module.same.aws_'));
    const destroy = await workspace.terraform(folder, 'destroy', '-input=false', '-auto-approve');
    return { apply, made, destroy };
  }

  async function moveFromCheckout() {
    await workspace.terraformSucceeds(
      stack,
      ...['apply', '-input=false', '-auto-approve', '-var=region=us-east-1', '-var=sm_name=datastream'],
    );
    const [main = ''] = blocks('terraform-module.md', 'hcl');
    const [commands = ''] = blocks('terraform-module.md', 'bash');
    const folder = configuration('moved', { 'main.tf': main });
    await shell(folder, commands);
    const firstPlan = await plan(folder);
    await workspace.terraformSucceeds(folder, 'apply', '-input=false', 'plan');
    return { firstPlan, nextPlan: await plan(folder) };
  }

  async function moveFromUpstream() {
    const tfvars = readFileSync(path.join(ROOT, '__tests__/support/tfvars/2025.tfvars'), 'utf8');
    const old = path.join(workspace.folder, 'upstream');
    mkdirSync(old);
    writeFileSync(path.join(old, 'main.tf.json'), JSON.stringify(UPSTREAM));
    writeFileSync(path.join(old, 'variables.tfvars'), tfvars);
    writeFileSync(path.join(old, 'function.zip'), zip({ 'lambda_function.py': Buffer.from('# of upstream') }));
    await workspace.terraformSucceeds(old, 'init', '-input=false');
    await workspace.terraformSucceeds(old, 'apply', '-input=false', '-auto-approve', '-var-file=variables.tfvars');
    // Lambda makes a function's group when it first runs; these two have.
    for (const name of ['start_ami_2025', 'commander_2025']) {
      const group = `/aws/lambda/${name}`;
      await succeed('aws', ['logs', 'create-log-group', '--log-group-name', group], OPTIONS());
      const stream = ['--log-group-name', group, '--log-stream-name', 'of-upstream'];
      await succeed('aws', ['logs', 'create-log-stream', ...stream], OPTIONS());
    }

    const [imports = ''] = blocks('moving-from-upstream.md', 'hcl');
    const [, apply = '', toModule = '', forget = '', remove = ''] = blocks('moving-from-upstream.md', 'bash');
    const { region: _region, ...names } = UPSTREAM.variable;
    const withModule = configuration('upstream-module', {
      'variables.tfvars': tfvars,
      'import.tf': imports,
      'main.tf.json': JSON.stringify({
        provider: UPSTREAM.provider,
        variable: UPSTREAM.variable,
        module: {
          datastream: {
            source: './terraform-module',
            ...Object.fromEntries(Object.keys(names).map((name) => [name, `\${var.${name}}`])),
          },
        },
      }),
    });
    await shell(withModule, toModule);
    await workspace.terraformSucceeds(withModule, 'init', '-input=false');
    const planWithModule = await plan(withModule, '-var-file=variables.tfvars');

    const folder = workspace.copy(stack, 'imported');
    writeFileSync(path.join(folder, '../../../variables.tfvars'), tfvars);
    writeFileSync(path.join(folder, 'import.tf'), imports);
    const applied = await shell(folder, apply);
    await shell(old, forget);
    const removed = await shell(old, remove);
    const nextPlan = await plan(folder, '-var-file=../../../variables.tfvars');
    const left = await workspace.terraformSucceeds(old, 'state', 'list');
    return { planWithModule, applied, removed, nextPlan, left };
  }

  const OPTIONS = () => ({ cwd: workspace.folder, env: workspace.environment });

  /** Runs a block of a page, as somebody does who answers every question with yes. */
  function shell(folder: string, commands: string): Promise<string> {
    return succeed('bash', ['-euo', 'pipefail', '-c', commands], {
      cwd: folder,
      env: {
        ...workspace.environment,
        TF_CLI_ARGS_apply: '-input=false -auto-approve',
        TF_CLI_ARGS_destroy: '-input=false -auto-approve',
      },
    });
  }

  test('is valid Terraform', () => {
    expect([many.validation.code, many.validation.output]).toEqual([
      0,
      expect.stringContaining('The configuration is valid.'),
    ]);
  });

  test('is applied with count, for_each, in two regions, and with a VPC and a bucket of the same apply', () => {
    // Four deployments, and VPC, subnet and bucket.
    expect([many.apply.code, many.apply.output]).toEqual([0, expect.stringContaining(`${4 * 44 + 3} added`)]);
    const arn = (region: string, name: string) => `arn:aws:states:${region}:123456789012:stateMachine:${name}`;
    expect(many.arns).toEqual([
      arn('us-east-1', 'counted_0'),
      arn('us-east-1', 'counted_1'),
      arn('us-east-1', 'placed'),
      arn('us-west-2', 'counted_0'),
    ]);
  });

  test('ends, where another deployment has the name, before it makes or takes over anything', () => {
    const { apply, made, destroy } = many.second;

    expect([apply.code, apply.output]).toEqual([1, expect.stringContaining('EntityAlreadyExists')]);
    expect(made).toEqual([]);
    expect([destroy.code, destroy.output]).toEqual([0, expect.stringContaining('0 destroyed')]);
    expect(many.before).toHaveLength(4);
    expect(many.after).toEqual(many.before);
  });

  test('shows no change in a second plan, and none of what the deployment of the same name has tried', () => {
    expect(actions(many.nextPlan)).toEqual({});
  });

  test('takes over a deployment of the checkout: its functions get another path, nothing is added or destroyed', () => {
    const changes = moved.firstPlan.resource_changes.filter(({ address }) => !address.includes('.data.'));

    expect(changes).toHaveLength(44);
    for (const { address, previous_address } of changes) expect(address).toBe(`module.datastream.${previous_address}`);
    expect(actions(moved.firstPlan)).toEqual({ 'update aws_lambda_function': 7, 'update aws_sfn_state_machine': 1 });
    expect(changedAttributes(moved.firstPlan)).toEqual(['filename']);
    expect(actions(moved.nextPlan)).toEqual({});
  });

  /** What upstream has, and this project takes over: of the log groups, those that there are. */
  const TAKEN_OVER = {
    'update aws_cloudwatch_log_group': 2,
    'update aws_iam_instance_profile': 1,
    'update aws_iam_role': 3,
    'update aws_lambda_function': 5,
    'update aws_sfn_state_machine': 1,
  };

  test("imports what upstream's Terraform has made, into the module", () => {
    const { resource_changes } = imported.planWithModule;
    const entries = Object.entries(actions(imported.planWithModule)).filter(([each]) => !each.startsWith('create '));

    expect(Object.fromEntries(entries)).toEqual(TAKEN_OVER);
    expect(resource_changes.filter(({ change }) => change.importing)).toHaveLength(12);
    for (const { address } of resource_changes) expect(address).toMatch(/^(module\.datastream|data)\./);
  });

  test("imports it into the checkout's stack, and then removes upstream's policies alone", async () => {
    expect(imported.applied).toContain('12 imported, 31 added, 12 changed, 0 destroyed');
    expect(imported.removed).toContain('8 destroyed');
    expect(imported.left).toBe('');
    for (const role of ['conductor_role_2025', 'lambda_role_2025', 'ec2_role_2025']) {
      const attached = ['iam', 'list-attached-role-policies', '--role-name', role, '--query', 'AttachedPolicies'];
      expect([role, await ask(...attached)]).toEqual([role, []]);
    }
    const streams = ['--log-group-name', '/aws/lambda/commander_2025', '--query', 'logStreams[].logStreamName'];
    expect(await ask('logs', 'describe-log-streams', ...streams)).toEqual(['of-upstream']);
  });

  test("has nothing to do after that, but for moto, which keeps a function's first architecture", () => {
    expect(actions(imported.nextPlan)).toEqual({ 'update aws_lambda_function': 5, 'update aws_sfn_state_machine': 1 });
    expect(changedAttributes(imported.nextPlan)).toEqual(['architectures']);
  });
});
