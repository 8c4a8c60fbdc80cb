import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Definition } from '../../constructs/aws/states-language';
import { zip } from '../../constructs/aws/zip';
import { MACHINE_FUNCTIONS, type MachineFunction } from '../../constructs/datastream/functions';
import { aws } from '../support/deployed';
import { FIRST_STACK } from '../support/first-deployment';
import type { Policy } from '../support/least-privilege';
import { type Moto, startMoto } from '../support/moto';
import { Workspace } from '../support/terraform';
import { describeWith } from '../support/tools';

const NAME = 'upgraded';
const VARIABLES = ['-var=region=us-east-1', `-var=sm_name=${NAME}`];
// Terraform waits seconds for each function that it has made or changed, three times over.
const FUNCTION_NAMES: Readonly<Record<MachineFunction, string>> = {
  starter: `${NAME}_start_ec2`,
  commander: `${NAME}_ec2_commander`,
  poller: `${NAME}_ec2_command_poller`,
  checker: `${NAME}_s3_object_checker`,
  stopper: `${NAME}_ec2_stopper`,
};

interface Stack {
  readonly resource: {
    readonly aws_lambda_function: Readonly<
      Record<string, { readonly filename: string; readonly handler: string; source_code_hash?: string }>
    >;
  };
}

interface Change {
  readonly address: string;
  readonly change: { readonly actions: readonly string[] };
}

/** What one deployment has made of the one before. */
interface Deployed {
  /** What Terraform planned, but for reads. */
  readonly changes: readonly Change[];
  /** Each function's published versions, from `1`. */
  readonly versions: Readonly<Record<MachineFunction, readonly string[]>>;
  /** The ARN that each state of the machine calls, without what all have in common. */
  readonly calls: Readonly<Record<string, string>>;
  /** Exit code of `plan -detailed-exitcode` right after: 0 for no change. */
  readonly nextPlan: number;
}

/**
 * The deployments of one stack after each other, on one state of Terraform. The first one's archives are stand-ins: only
 * that they are others than the next one's matters, for moto runs no function.
 */
describeWith(['terraform', 'moto_server', 'aws'], 'the stack on top of earlier deployments of it', () => {
  let moto: Moto;
  let workspace: Workspace;
  let folder: string;
  let first: Deployed;
  let upgraded: Deployed;
  let next: Deployed;

  beforeAll(async () => {
    moto = await startMoto();
    workspace = new Workspace(moto.endpoint);
    folder = await workspace.synthesise();
    const stack: Stack = JSON.parse(readFileSync(stackFile(), 'utf8'));
    await workspace.terraformSucceeds(folder, 'init', '-input=false');

    for (const { filename, handler } of Object.values((FIRST_STACK as Stack).resource.aws_lambda_function)) {
      mkdirSync(path.dirname(path.join(folder, filename)), { recursive: true });
      writeFileSync(path.join(folder, filename), zip({ [handler]: Buffer.from(`of the first deployment`) }));
    }
    first = await deploy(FIRST_STACK);
    upgraded = await deploy(stack);

    const starter = Object.values(stack.resource.aws_lambda_function).find(({ handler }) =>
      handler.startsWith('starter'),
    );
    if (!starter) throw new Error('The stack has no starter.');
    const archive = zip({ 'starter.js': Buffer.from('of the next deployment') });
    writeFileSync(path.join(folder, starter.filename), archive);
    starter.source_code_hash = createHash('sha256').update(archive).digest('base64');
    next = await deploy(stack);
  });

  afterAll(async () => {
    await moto?.stop();
    workspace?.remove();
  });

  const stackFile = () => path.join(folder, 'cdk.tf.json');

  async function deploy(stack: object): Promise<Deployed> {
    writeFileSync(stackFile(), JSON.stringify(stack));
    await workspace.terraformSucceeds(folder, 'plan', '-input=false', '-out=plan', ...VARIABLES);
    const plan = JSON.parse(await workspace.terraformSucceeds(folder, 'show', '-json', 'plan'));
    await workspace.terraformSucceeds(folder, 'apply', '-input=false', 'plan');
    const { code } = await workspace.terraform(folder, 'plan', '-input=false', '-detailed-exitcode', ...VARIABLES);
    const changes = (plan.resource_changes as Change[]).filter(
      ({ change }) => !['no-op', 'read'].includes(change.actions.join()),
    );
    return { changes, versions: await versions(), calls: await calls(), nextPlan: code };
  }

  async function versions(): Promise<Deployed['versions']> {
    const entries = MACHINE_FUNCTIONS.map(async (name) => [
      name,
      await ask<string[]>(
        ...['lambda', 'list-versions-by-function', '--function-name', FUNCTION_NAMES[name]],
        ...['--query', "Versions[?Version!='$LATEST'].Version"],
      ),
    ]);
    return Object.fromEntries(await Promise.all(entries));
  }

  async function calls(): Promise<Deployed['calls']> {
    const arn = `arn:aws:states:us-east-1:123456789012:stateMachine:${NAME}`;
    const text = await ask<string>(
      ...['stepfunctions', 'describe-state-machine', '--state-machine-arn', arn, '--query', 'definition'],
    );
    const { States } = JSON.parse(text) as Definition;
    return Object.fromEntries(
      Object.entries(States)
        .filter(([, { Type }]) => Type === 'Task')
        .map(([name, { Parameters }]) => [name, String(Parameters?.FunctionName).split(':function:')[1] ?? '']),
    );
  }

  const ask = <Answer>(...args: string[]) => aws<Answer>(args, workspace.environment);

  /** What each state calls. @param version of each function */
  const callsOf = (version: (name: MachineFunction) => string) => ({
    EC2StarterFromAMI: `${FUNCTION_NAMES.starter}${version('starter')}`,
    Commander: `${FUNCTION_NAMES.commander}${version('commander')}`,
    EC2Poller: `${FUNCTION_NAMES.poller}${version('poller')}`,
    RunChecker: `${FUNCTION_NAMES.checker}${version('checker')}`,
    EC2Stopper: `${FUNCTION_NAMES.stopper}${version('stopper')}`,
  });

  test('begins with a deployment whose machine calls functions without a version', () => {
    expect(first.calls).toEqual(callsOf(() => ''));
    expect(Object.values(first.versions).flat()).toEqual([]);
    expect(first.nextPlan).toBe(0);
  });

  test('changes the first deployment in place and destroys nothing of it', () => {
    const others = upgraded.changes.filter(({ change }) => change.actions.join() !== 'update');

    expect(others).toEqual([]);
    expect(upgraded.changes.map(({ address }) => address.split('.')[0])).toEqual(
      expect.arrayContaining(['aws_iam_role_policy', 'aws_lambda_function', 'aws_sfn_state_machine']),
    );
    expect(upgraded.nextPlan).toBe(0);
  });

  test('publishes a version of each function of the machine, and has the machine call these', () => {
    expect(upgraded.versions).toEqual(Object.fromEntries(MACHINE_FUNCTIONS.map((name) => [name, ['1']])));
    expect(upgraded.calls).toEqual(callsOf(() => ':1'));
  });

  test('publishes another version of a function whose code has changed, and keeps the one before', () => {
    const addresses = next.changes.map(({ address, change }) => [change.actions.join(), address.split('.')[0]]);

    expect(addresses).toEqual([
      ['update', 'aws_lambda_function'],
      ['update', 'aws_sfn_state_machine'],
    ]);
    expect(next.versions).toEqual({ ...upgraded.versions, starter: ['1', '2'] });
    expect(next.calls).toEqual(callsOf((name) => (name === 'starter' ? ':2' : ':1')));
    expect(next.nextPlan).toBe(0);
  });

  test('lets the machine call the functions of every deployment', async () => {
    const { Statement } = await ask<Policy>(
      ...['iam', 'get-role-policy', '--role-name', `${NAME}_sm_role`, '--policy-name', `${NAME}_lambda_invoke_policy`],
      ...['--query', 'PolicyDocument'],
    );
    const allowed = Statement.find(({ Action }) => Action.includes('lambda:InvokeFunction'))?.Resource;

    expect(allowed).toEqual(
      MACHINE_FUNCTIONS.flatMap((name) => {
        const arn = `arn:aws:lambda:us-east-1:123456789012:function:${FUNCTION_NAMES[name]}`;
        return [arn, `${arn}:*`];
      }),
    );
  });
});
