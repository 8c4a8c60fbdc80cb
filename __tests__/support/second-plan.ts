import { aws } from './deployed';
import type { Workspace } from './terraform';

interface Change {
  readonly address: string;
  readonly type: string;
  readonly change: {
    readonly actions: readonly string[];
    readonly before: Readonly<Record<string, unknown>> | null;
    readonly after: Readonly<Record<string, unknown>> | null;
  };
}

/** What a second plan shows for moto's sake, by the type of the resource. `motosAnswers` shows that it is not ours. */
const MOTOS_OWN: Readonly<Record<string, readonly string[]>> = {
  aws_batch_job_queue: ['job_state_time_limit_action'],
  aws_launch_template: ['tag_specifications', 'latest_version'],
  // It differs in the template's version alone, which is not known while the template seems to change.
  aws_batch_compute_environment: [],
  aws_sqs_queue: ['redrive_policy'],
};

/** Without a template's version, which a plan leaves out while it is not known. */
const withoutVersion = (value: unknown) => JSON.stringify(value, (key, each) => (key === 'version' ? undefined : each));

/**
 * Plans an applied deployment again.
 *
 * @param args of `terraform plan`
 * @returns what would change, but for what moto does not keep: an action, an address and its members
 */
export async function secondPlan(workspace: Workspace, folder: string, ...args: readonly string[]): Promise<string[]> {
  await workspace.terraform(folder, 'plan', '-input=false', '-out=second', ...args);
  const plan = JSON.parse(await workspace.terraformSucceeds(folder, 'show', '-json', 'second'));
  return (plan.resource_changes as Change[])
    .filter(({ change }) => !['no-op', 'read'].includes(change.actions[0] ?? ''))
    .flatMap(({ address, type, change: { before, after, actions } }) => {
      const own = MOTOS_OWN[type];
      const keys = Object.keys(after ?? {}).filter(
        (key) => !own?.includes(key) && withoutVersion(before?.[key]) !== withoutVersion(after?.[key]),
      );
      return !own || keys.length > 0 || actions.join() !== 'update'
        ? [`${actions.join()} ${address}: ${keys.join(', ')}`]
        : [];
    });
}

/**
 * How moto answers about what a second plan shows: it forgets a queue's limits, and tells a template's own tags as those
 * of its instances.
 */
export async function motosAnswers(
  workspace: Workspace,
): Promise<{ readonly limits: unknown; readonly templates: unknown }> {
  const ask = (...args: string[]) => aws<unknown>(args, workspace.environment);
  const [limits, templates] = await Promise.all([
    ask('batch', 'describe-job-queues', '--query', 'jobQueues[].jobStateTimeLimitActions'),
    ask(
      ...['ec2', 'describe-launch-template-versions', '--versions', '$Latest', '--query'],
      'LaunchTemplateVersions[].LaunchTemplateData.TagSpecifications[].ResourceType',
    ),
  ]);
  return { limits, templates };
}
