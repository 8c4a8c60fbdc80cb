import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Authorisation, Authorisations } from './aws-calls';
import { allowing, type DeployerPolicy } from './deployer-policy';
import type { SentRequest } from './moto';

const ACCOUNT = '123456789012';

/** S3's actions by method and subresource (S3 User Guide, "Required permissions for Amazon S3 API operations"). */
const BUCKET_ACTIONS: Readonly<Record<string, string>> = {
  'GET accelerate': 'GetAccelerateConfiguration',
  'GET acl': 'GetBucketAcl',
  'GET cors': 'GetBucketCORS',
  'GET encryption': 'GetEncryptionConfiguration',
  'GET lifecycle': 'GetLifecycleConfiguration',
  'PUT lifecycle': 'PutLifecycleConfiguration',
  'DELETE lifecycle': 'PutLifecycleConfiguration',
  'GET logging': 'GetBucketLogging',
  'GET notification': 'GetBucketNotification',
  'PUT notification': 'PutBucketNotification',
  'GET object-lock': 'GetBucketObjectLockConfiguration',
  'GET policy': 'GetBucketPolicy',
  'GET publicAccessBlock': 'GetBucketPublicAccessBlock',
  'PUT publicAccessBlock': 'PutBucketPublicAccessBlock',
  'DELETE publicAccessBlock': 'PutBucketPublicAccessBlock',
  'GET replication': 'GetReplicationConfiguration',
  'GET requestPayment': 'GetBucketRequestPayment',
  'GET tagging': 'GetBucketTagging',
  'PUT tagging': 'PutBucketTagging',
  'GET versioning': 'GetBucketVersioning',
  'GET versions': 'ListBucketVersions',
  'GET website': 'GetBucketWebsite',
  'GET list-type': 'ListBucket',
  HEAD: 'ListBucket',
  GET: 'ListBucket',
  PUT: 'CreateBucket',
  DELETE: 'DeleteBucket',
};

const OBJECT_ACTIONS: Readonly<Record<string, string>> = {
  'GET tagging': 'GetObjectTagging',
  HEAD: 'GetObject',
  GET: 'GetObject',
  PUT: 'PutObject',
  DELETE: 'DeleteObject',
};

/** The permissions that each request of this system's deployment needs (Service Authorization Reference). */
export class TsdatAuthorisations {
  readonly #core = new Authorisations();

  /** @throws Error if the operation of the request is not known */
  of(request: SentRequest): Authorisation[] {
    const { method, url, headers, body } = request;
    const [, region = '', service = ''] =
      /Credential=[^/]+\/\d+\/([^/]+)\/([^/]+)\//.exec(headers.authorization ?? '') ?? [];
    const name = String(headers['x-amz-target'] ?? '').split('.')[1] ?? '';
    const one = (action: string, ...resources: string[]): Authorisation => ({ action, resources, context: {} });
    const arn = (resource: string) => `arn:aws:${service}:${region}:${ACCOUNT}:${resource}`;
    if (service === 's3') return s3(method, url, headers['x-amz-tagging'] !== undefined, one);
    const invoked = /^\/2015-03-31\/functions\/([^/]+)\/invocations/.exec(url)?.[1];
    if (invoked) return [one('lambda:InvokeFunction', arn(`function:${invoked}`))];
    if (service === 'ecr') {
      const { repositoryName, repositoryNames = [], resourceArn, tags = [] } = JSON.parse(body);
      const resource = resourceArn ?? arn(`repository/${repositoryName ?? repositoryNames[0]}`);
      const tagged = name === 'CreateRepository' && tags.length > 0 ? [one('ecr:TagResource', resource)] : [];
      return [one(`ecr:${name}`, resource), ...tagged];
    }
    if (service === 'codebuild') {
      const { name: project, names = [], serviceRole } = JSON.parse(body);
      const resource = [project ?? names[0]].map((each: string) =>
        each.startsWith('arn:') ? each : arn(`project/${each}`),
      );
      return [one(`codebuild:${name}`, ...resource), ...passed(serviceRole, service)];
    }
    if (service === 'codepipeline') {
      const { name: pipeline, pipeline: given, resourceArn, tags = [] } = JSON.parse(body);
      const resource = resourceArn ?? arn(pipeline ?? given.name);
      const tagged = name === 'CreatePipeline' && tags.length > 0 ? [one('codepipeline:TagResource', resource)] : [];
      return [one(`codepipeline:${name}`, resource), ...tagged, ...passed(given?.roleArn, service)];
    }
    return this.#core.of(request);
  }
}

function passed(role: string | undefined, service: string): Authorisation[] {
  if (!role) return [];
  return [
    { action: 'iam:PassRole', resources: [role], context: { 'iam:PassedToService': `${service}.amazonaws.com` } },
  ];
}

function s3(
  method: string,
  url: string,
  tagged: boolean,
  one: (action: string, ...resources: string[]) => Authorisation,
): Authorisation[] {
  const [path = '', query = ''] = url.split('?');
  const [bucket = '', ...rest] = path.slice(1).split('/');
  const key = decodeURIComponent(rest.join('/'));
  const words = query.split('&').map((each) => each.split('=')[0]);
  if (method === 'POST' && words.includes('delete')) {
    const actions = ['s3:DeleteObject', 's3:DeleteObjectVersion'];
    return actions.map((action) => one(action, `arn:aws:s3:::${bucket}/any`));
  }
  const known = key === '' ? BUCKET_ACTIONS : OBJECT_ACTIONS;
  const sub = words.find((each) => `${method} ${each}` in known);
  const action = known[sub === undefined ? method : `${method} ${sub}`];
  if (!action) throw new Error(`s3: ${method} ${url} is no operation that ${__filename} knows: add it there.`);
  const resource = `arn:aws:s3:::${bucket}${key === '' ? '' : `/${key}`}`;
  return [one(`s3:${action}`, resource), ...(tagged ? [one('s3:PutObjectTagging', resource)] : [])];
}

/** A policy of docs/ with its placeholders filled in, as docs/tsdat.md says. */
export function fillInTsdat(name: string, values: Readonly<Record<string, string>>): DeployerPolicy {
  const text = readFileSync(path.join(__dirname, '..', '..', 'docs', `${name}.json`), 'utf8');
  return JSON.parse(text.replace(/\b(ACCOUNT|REGION|INPUT|OUTPUT)\b|PREFIX/g, (word) => values[word] ?? word));
}

/** Both policies for branches, by the beginning of their names, and for buckets `<name>-input` and `<name>-output`. */
export const tsdatPolicies = (branches: readonly string[], buckets: readonly string[]): DeployerPolicy[] => [
  ...branches.map((PREFIX) => fillInTsdat('tsdat-deployer-policy', { ACCOUNT, REGION: 'us-west-2', PREFIX })),
  ...buckets.map((name) =>
    fillInTsdat('tsdat-data-deployer-policy', { INPUT: `${name}-input`, OUTPUT: `${name}-output` }),
  ),
];

/** What the requests of Terraform need. */
export function tsdatCalls(requests: readonly SentRequest[]): Authorisation[] {
  const calls = new TsdatAuthorisations();
  return requests
    .filter(({ headers }) => /Terraform/.test(String(headers['user-agent'])))
    .flatMap((request) => calls.of(request));
}

/** The requests of Terraform that `tsdatPolicies` does not allow. */
export function deniedTsdat(
  requests: readonly SentRequest[],
  ...[branches, buckets]: Parameters<typeof tsdatPolicies>
): string[] {
  const policies = tsdatPolicies(branches, buckets);
  const denied = tsdatCalls(requests).flatMap((each) =>
    each.resources
      .filter((resource) => !policies.some((policy) => allowing(policy, each, resource).length > 0))
      .map((resource) => `${each.action} on ${resource}`),
  );
  return [...new Set(denied)];
}
