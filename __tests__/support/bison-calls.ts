import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Authorisation } from './aws-calls';
import { allowing, type DeployerPolicy } from './deployer-policy';
import type { SentRequest } from './moto';
import { TsdatAuthorisations } from './tsdat-calls';

const ACCOUNT = '123456789012';
const REGION = 'us-east-1';

type Parameters = Readonly<Record<string, string>>;

/** The operations of AWS Batch by what follows `/v1/` in their paths (AWS Batch API Reference). */
const BATCH = Object.fromEntries(
  [
    ...['CreateComputeEnvironment', 'UpdateComputeEnvironment', 'DescribeComputeEnvironments'],
    ...['DeleteComputeEnvironment', 'CreateJobQueue', 'UpdateJobQueue', 'DescribeJobQueues', 'DeleteJobQueue'],
    ...['RegisterJobDefinition', 'DescribeJobDefinitions', 'DeregisterJobDefinition'],
  ].map((name) => [name.toLowerCase(), name]),
);

/** The permissions that each request of this system's deployment needs (Service Authorization Reference). */
export class BisonAuthorisations {
  readonly #others = new TsdatAuthorisations();

  /** @throws Error if the operation of the request is not known */
  of(request: SentRequest): Authorisation[] {
    const { method, url, headers, body } = request;
    const [, service = ''] = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(headers.authorization ?? '') ?? [];
    const target = String(headers['x-amz-target'] ?? '').split('.')[1] ?? '';
    switch (service) {
      case 'glue':
        return glue(target, JSON.parse(body));
      case 'athena': {
        const { Name, WorkGroup, ResourceARN } = JSON.parse(body);
        const resource = ResourceARN ?? arn('athena', `workgroup/${Name ?? WorkGroup}`);
        return tagged('athena', target, JSON.parse(body), resource);
      }
      case 'secretsmanager': {
        const given = JSON.parse(body);
        const resource = given.SecretId ?? arn('secretsmanager', `secret:${given.Name}-any`);
        return tagged('secretsmanager', target, given, resource);
      }
      case 'batch':
        return batch(method, url, body);
      case 'ec2':
        return ec2(Object.fromEntries(new URLSearchParams(body)));
      case 'rds':
        return rds(Object.fromEntries(new URLSearchParams(body)));
      default:
        return this.#others.of(request);
    }
  }
}

const arn = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
const one = (action: string, ...resources: string[]): Authorisation => ({ action, resources, context: {} });

/** A request about one resource; a creating one with tags needs TagResource too. */
function tagged(service: string, name: string, given: object, resource: string): Authorisation[] {
  const tags = name.startsWith('Create') && Object.keys(given).some((key) => /^tags$/i.test(key));
  return [one(`${service}:${name}`, resource), ...(tags ? [one(`${service}:TagResource`, resource)] : [])];
}

const passed = (role: string, to: string): Authorisation => ({
  action: 'iam:PassRole',
  resources: [role.startsWith('arn:') ? role : `arn:aws:iam::${ACCOUNT}:role/${role}`],
  context: { 'iam:PassedToService': `${to}.amazonaws.com` },
});

function glue(name: string, given: Record<string, never>): Authorisation[] {
  const { ResourceArn, Name, Role, DatabaseInput, ConnectionInput, ConnectionName } = given;
  const action = `glue:${name}`;
  const catalog = arn('glue', 'catalog');
  if (ResourceArn) return [one(action, ResourceArn)];
  // Classifiers have no ARN.
  if (name.endsWith('Classifier')) return [one(action, '*')];
  if (name.endsWith('Crawler')) {
    return [...tagged('glue', name, given, arn('glue', `crawler/${Name}`)), ...(Role ? [passed(Role, 'glue')] : [])];
  }
  if (name.endsWith('Connection')) {
    const connection = arn(
      'glue',
      `connection/${(ConnectionInput as Parameters | undefined)?.Name ?? ConnectionName ?? Name}`,
    );
    return [one(action, catalog), ...tagged('glue', name, given, connection)];
  }
  if (!name.endsWith('Database'))
    throw new Error(`glue: ${name} is no operation that ${__filename} knows: add it there.`);
  const of = (DatabaseInput as Parameters | undefined)?.Name ?? Name;
  const below =
    name === 'DeleteDatabase' ? [arn('glue', `table/${of}/any`), arn('glue', `userDefinedFunction/${of}/any`)] : [];
  return [one(action, catalog, ...below), ...tagged('glue', name, given, arn('glue', `database/${of}`))];
}

function batch(method: string, url: string, body: string): Authorisation[] {
  const [, tags] = /^\/v1\/tags\/(.+)$/.exec(url) ?? [];
  if (tags) {
    const name = { GET: 'ListTagsForResource', POST: 'TagResource', DELETE: 'UntagResource' }[method];
    return [one(`batch:${name}`, decodeURIComponent(tags.split('?')[0] as string))];
  }
  const name = BATCH[url.replace(/^\/v1\//, '')];
  if (!name) throw new Error(`batch: ${method} ${url} is no operation that ${__filename} knows: add it there.`);
  // These take no ARN (Service Authorization Reference).
  if (name.startsWith('Describe')) return [one(`batch:${name}`, '*')];
  const given = JSON.parse(body);
  const { computeEnvironmentName, computeEnvironment, jobQueueName, jobQueue, jobDefinitionName, jobDefinition } =
    given;
  const kind = name.endsWith('Environment')
    ? 'compute-environment'
    : name.endsWith('Queue')
      ? 'job-queue'
      : 'job-definition';
  const called =
    computeEnvironmentName ?? computeEnvironment ?? jobQueueName ?? jobQueue ?? jobDefinitionName ?? jobDefinition;
  const resource = String(called).startsWith('arn:') ? called : arn('batch', `${kind}/${called}`);
  const environments = (given.computeEnvironmentOrder ?? []).map(
    (each: { computeEnvironment: string }) => each.computeEnvironment,
  );
  const { jobRoleArn, executionRoleArn } = given.containerProperties ?? {};
  const profile = given.computeResources?.instanceRole as string | undefined;
  return [
    one(`batch:${name}`, resource, ...environments),
    ...(given.tags && Object.keys(given.tags).length > 0 ? [one('batch:TagResource', resource)] : []),
    ...[jobRoleArn, executionRoleArn].filter(Boolean).map((role: string) => passed(role, 'ecs-tasks')),
    // The profile has its role's name.
    ...(profile ? [passed(profile.replace(/^.*\//, ''), 'ec2')] : []),
  ];
}

/** IDs of a network are AWS's, and no policy knows them before: all are one resource here. */
function ec2(given: Parameters): Authorisation[] {
  const name = String(given.Action);
  if (name.startsWith('Describe')) return [one(`ec2:${name}`, '*')];
  const anything = arn('ec2', 'any/any');
  const tags = Object.keys(given).some((key) => /^TagSpecification\./.test(key));
  return [one(`ec2:${name}`, anything), ...(tags ? [one('ec2:CreateTags', anything)] : [])];
}

function rds(given: Parameters): Authorisation[] {
  const action = `rds:${given.Action}`;
  const database = given.DBInstanceIdentifier && arn('rds', `db:${given.DBInstanceIdentifier}`);
  const subnets = given.DBSubnetGroupName && arn('rds', `subgrp:${given.DBSubnetGroupName}`);
  // An instance that Terraform looks for by its ID of RDS' own is found by a filter.
  const resources = [given.ResourceName, database, subnets].filter((each): each is string => Boolean(each));
  const tags = Object.keys(given).some((key) => /^Tags\./.test(key)) && /Create/.test(action);
  const what = resources.length > 0 ? resources : [arn('rds', 'db:*')];
  return [one(action, ...what), ...(tags ? [one('rds:AddTagsToResource', what[0] as string)] : [])];
}

export const BISON_POLICIES = ['bison-deployer-policy', 'bison-network-deployer-policy'] as const;

/** Policies of docs/ as one, with their placeholders filled in, as docs/bison.md says. */
export function bisonDeployerPolicy(
  values: Readonly<Record<string, string>>,
  names: readonly string[] = BISON_POLICIES,
): DeployerPolicy {
  const statements = names.flatMap((name) => {
    const text = readFileSync(path.join(__dirname, '..', '..', 'docs', `${name}.json`), 'utf8');
    return JSON.parse(text.replace(/\b(ACCOUNT|REGION|DATABASE)\b|PREFIX/g, (word) => values[word] ?? word)).Statement;
  });
  return { Statement: statements };
}

/** What the requests of Terraform need. */
export function bisonCalls(requests: readonly SentRequest[]): Authorisation[] {
  const calls = new BisonAuthorisations();
  return requests
    .filter(({ headers }) => /Terraform/.test(String(headers['user-agent'])))
    .flatMap((request) => calls.of(request));
}

/** The permissions that a policy does not give, once each. */
export function deniedBison(calls: readonly Authorisation[], policy: DeployerPolicy): string[] {
  const denied = calls.flatMap((each) =>
    each.resources
      .filter((resource) => allowing(policy, each, resource).length === 0)
      .map((resource) => `${each.action} on ${resource} with ${JSON.stringify(each.context)}`),
  );
  return [...new Set(denied)];
}

/** The actions of each statement that no call needs. */
export function unusedBison(calls: readonly Authorisation[], policy: DeployerPolicy): string[] {
  const used = new Set(
    calls.flatMap((each) =>
      each.resources.flatMap((resource) => allowing(policy, each, resource).map(({ Sid }) => `${Sid}: ${each.action}`)),
    ),
  );
  return policy.Statement.flatMap(({ Sid, Action }) => [Action].flat().map((action) => `${Sid}: ${action}`)).filter(
    (each) => !used.has(each),
  );
}
