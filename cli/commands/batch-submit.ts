import {
  BatchClient,
  DescribeJobDefinitionsCommand,
  DescribeJobQueuesCommand,
  type JobDefinition,
  SubmitJobCommand,
} from '@aws-sdk/client-batch';
import { nearest } from '../../files/nearest';
import { CLIENT } from '../../lambdas/runtime/clients';
import { systemClock } from '../../lambdas/runtime/clock';
import { awsSentence } from '../../packer/aws-errors';
import { bisonDeployment } from '../aws/bison';
import { stamp } from '../job-name';
import { count } from '../output/summary';
import { type Output, wrap } from '../output/wrap';

export interface BatchSubmitOptions {
  /** Default: the queue of BISON's deployment in this folder. */
  readonly queue?: string;
  /** Default: the definition's name and the time. */
  readonly name?: string;
  readonly parameter: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** How many children. Default: no array. */
  readonly array?: number;
  readonly region?: string;
  readonly json?: boolean;
}

type Batch = Pick<BatchClient, 'send'>;

/** AWS Batch API, SubmitJob. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;

/**
 * Submits one job, after it has been compared with its definition and its queue.
 *
 * @param batch default: the account's
 * @returns the exit code: 0; 1 where it does not fit, and nothing is submitted; 2 where the queue or the region is not
 * known; 5 where AWS cannot be asked
 */
export async function batchSubmit(
  definition: string,
  options: BatchSubmitOptions,
  out: Output,
  err: Output,
  batch?: Batch,
  now = systemClock.now(),
): Promise<number> {
  const place = placeOf(options);
  if ('error' in place) {
    err.write(wrap(`${place.error}\n`, err));
    return 2;
  }
  const client = batch ?? new BatchClient({ ...CLIENT, region: place.region });
  try {
    return await submit(definition, { ...options, queue: place.queue }, client, now, out, err);
  } catch (error) {
    err.write(wrap(`${awsSentence(error, place.region)}\n`, err));
    return 5;
  }
}

function placeOf({ queue, region }: BatchSubmitOptions): { queue: string; region: string } | { error: string } {
  if (queue !== undefined) {
    const of = region ?? /^arn:[^:]+:batch:([^:]+):/.exec(queue)?.[1];
    return of === undefined
      ? { error: 'The region is not known: write --region, or set AWS_REGION.' }
      : { queue, region: of };
  }
  const deployment = bisonDeployment(undefined);
  if ('error' in deployment) return { error: `Write --queue. Without it: ${deployment.error}` };
  return { queue: deployment.queue, region: region ?? deployment.region };
}

async function submit(
  named: string,
  { queue, name: given, parameter, env, array, json }: BatchSubmitOptions & { readonly queue: string },
  client: Batch,
  now: Date,
  out: Output,
  err: Output,
): Promise<number> {
  const [, bare = named, revision] = /^(?:arn:.*job-definition\/)?([^:]+)(?::(\d+))?$/.exec(named) ?? [];
  const definition = await definitionOf(client, bare, revision);
  const { jobQueues: [found] = [] } = await client.send(new DescribeJobQueuesCommand({ jobQueues: [queue] }));
  const name = given ?? `${bare.slice(0, 100)}-${stamp(now)}`;
  const problems = [
    ...(definition ? parameterProblems(bare, definition, parameter) : [await noDefinition(client, bare, revision)]),
    ...queueProblems(queue, found),
    ...(NAME.test(name) ? [] : [`--name is '${name}': write at most 128 letters, digits, '-' and '_'.`]),
  ];
  if (!definition || !found || problems.length > 0) {
    for (const problem of problems) err.write(wrap(`${problem}\n`, err));
    err.write('Nothing was submitted.\n');
    return 1;
  }
  const { jobId = '' } = await client.send(
    new SubmitJobCommand({
      jobName: name,
      jobQueue: queue,
      // What was compared is what runs, also if a newer one is registered now.
      jobDefinition: `${bare}:${definition.revision}`,
      ...(Object.keys(parameter).length > 0 && { parameters: { ...parameter } }),
      ...(Object.keys(env).length > 0 && {
        containerOverrides: {
          environment: Object.entries(env).map(([variable, value]) => ({ name: variable, value })),
        },
      }),
      ...(array !== undefined && { arrayProperties: { size: array } }),
    }),
  );
  const { jobQueueName = queue, priority = 0 } = found;
  const document = {
    ...{ job_id: jobId, name, definition: `${bare}:${definition.revision}` },
    ...{ queue: jobQueueName, priority, children: array ?? null },
  };
  if (json) out.write(`${JSON.stringify(document, null, 2)}\n`);
  else {
    const children = array === undefined ? '' : ` with ${count(array, 'child').replace('childs', 'children')}`;
    out.write(
      wrap(
        `job ${jobId}: ${name} of ${document.definition}${children}, in ${jobQueueName} (priority ${priority})\n`,
        out,
      ),
    );
  }
  return 0;
}

/** The revision that is meant: the newest one without a number. */
async function definitionOf(
  client: Batch,
  name: string,
  revision: string | undefined,
): Promise<JobDefinition | undefined> {
  const { jobDefinitions = [] } = await client.send(
    new DescribeJobDefinitionsCommand({ jobDefinitionName: name, status: 'ACTIVE' }),
  );
  if (revision !== undefined) return jobDefinitions.find((each) => each.revision === Number(revision));
  return [...jobDefinitions].sort((one, other) => (other.revision ?? 0) - (one.revision ?? 0))[0];
}

async function noDefinition(client: Batch, name: string, revision: string | undefined): Promise<string> {
  const { jobDefinitions = [] } = await client.send(new DescribeJobDefinitionsCommand({ status: 'ACTIVE' }));
  const revisions = jobDefinitions.filter((each) => each.jobDefinitionName === name).map((each) => each.revision);
  if (revision !== undefined && revisions.length > 0) {
    return `${name} has no active revision ${revision}: write one of ${revisions.join(', ')}, or none for the newest.`;
  }
  const names = [...new Set(jobDefinitions.flatMap((each) => each.jobDefinitionName ?? []))].sort();
  const near = nearest(name, names);
  const rest = near ?? (names.slice(0, 10).join(', ') || 'one that you have registered');
  return `There is no active job definition '${name}': write ${rest}.`;
}

/** A parameter that the command does not name is lost without a word (AWS Batch User Guide, Job definition parameters). */
function parameterProblems(
  name: string,
  { parameters = {}, containerProperties }: JobDefinition,
  given: Readonly<Record<string, string>>,
): string[] {
  const refs = (containerProperties?.command ?? []).flatMap((word) => /^Ref::(.+)$/.exec(word)?.[1] ?? []);
  const known = [...new Set([...Object.keys(parameters), ...refs])];
  const missing = refs.filter((ref) => !(ref in parameters) && !(ref in given));
  return [
    ...Object.keys(given)
      .filter((each) => !known.includes(each))
      .map(
        (each) => `${name} has no parameter '${each}': write ${nearest(each, known) ?? (known.join(', ') || 'none')}.`,
      ),
    ...missing.map((each) => `${name} needs the parameter ${each}: write --parameter ${each}=VALUE.`),
  ];
}

function queueProblems(
  queue: string,
  found: { state?: string; status?: string; statusReason?: string } | undefined,
): string[] {
  if (!found) return [`There is no job queue '${queue}': write the name of one that is there.`];
  if (found.state !== 'ENABLED') return [`The queue ${queue} is ${found.state}: enable it, or write another one.`];
  if (found.status !== 'VALID')
    return [`The queue ${queue} is ${found.status} (${found.statusReason ?? 'no reason given'}).`];
  return [];
}
