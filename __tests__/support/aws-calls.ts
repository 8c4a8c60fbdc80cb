import { Tag } from '../../lambdas/datastream/tags';
import type { SentRequest } from './moto';

/** A permission that a request needs: IAM must allow the action on each of the resources. */
export interface Authorisation {
  readonly action: string;
  /** ARNs; `*` if the API takes none. */
  readonly resources: readonly string[];
  /** The condition keys that a policy of this project may use, with the request's values. */
  readonly context: Readonly<Record<string, string>>;
}

const ACCOUNT = '123456789012';
/** Lambda's and EventBridge Scheduler's operations by method and path (their API references). */
const REST: readonly (readonly [service: string, method: string, path: RegExp, action: string])[] = [
  ['lambda', 'POST', /^\/2015-03-31\/functions$/, 'CreateFunction'],
  ['lambda', 'GET', /^\/2015-03-31\/functions\/([^/]+)$/, 'GetFunction'],
  ['lambda', 'DELETE', /^\/2015-03-31\/functions\/([^/]+)$/, 'DeleteFunction'],
  ['lambda', 'GET', /^\/2015-03-31\/functions\/([^/]+)\/configuration$/, 'GetFunctionConfiguration'],
  ['lambda', 'PUT', /^\/2015-03-31\/functions\/([^/]+)\/configuration$/, 'UpdateFunctionConfiguration'],
  ['lambda', 'PUT', /^\/2015-03-31\/functions\/([^/]+)\/code$/, 'UpdateFunctionCode'],
  ['lambda', 'GET', /^\/2015-03-31\/functions\/([^/]+)\/versions$/, 'ListVersionsByFunction'],
  ['lambda', 'POST', /^\/2015-03-31\/functions\/([^/]+)\/versions$/, 'PublishVersion'],
  ['lambda', 'GET', /^\/2015-03-31\/functions\/([^/]+)\/policy$/, 'GetPolicy'],
  ['lambda', 'POST', /^\/2015-03-31\/functions\/([^/]+)\/policy$/, 'AddPermission'],
  ['lambda', 'DELETE', /^\/2015-03-31\/functions\/([^/]+)\/policy\/[^/]+$/, 'RemovePermission'],
  ['lambda', 'GET', /^\/2020-06-30\/functions\/([^/]+)\/code-signing-config$/, 'GetFunctionCodeSigningConfig'],
  ['lambda', 'PUT', /^\/2019-09-25\/functions\/([^/]+)\/event-invoke-config$/, 'PutFunctionEventInvokeConfig'],
  ['lambda', 'POST', /^\/2019-09-25\/functions\/([^/]+)\/event-invoke-config$/, 'UpdateFunctionEventInvokeConfig'],
  ['lambda', 'GET', /^\/2019-09-25\/functions\/([^/]+)\/event-invoke-config$/, 'GetFunctionEventInvokeConfig'],
  ['lambda', 'DELETE', /^\/2019-09-25\/functions\/([^/]+)\/event-invoke-config$/, 'DeleteFunctionEventInvokeConfig'],
  ['lambda', 'GET', /^\/2017-03-31\/tags\/(.+)$/, 'ListTags'],
  ['lambda', 'POST', /^\/2017-03-31\/tags\/(.+)$/, 'TagResource'],
  ['lambda', 'DELETE', /^\/2017-03-31\/tags\/(.+)$/, 'UntagResource'],
  ['scheduler', 'POST', /^\/schedule-groups\/([^/]+)$/, 'CreateScheduleGroup'],
  ['scheduler', 'GET', /^\/schedule-groups\/([^/]+)$/, 'GetScheduleGroup'],
  ['scheduler', 'DELETE', /^\/schedule-groups\/([^/]+)$/, 'DeleteScheduleGroup'],
  ['scheduler', 'POST', /^\/schedules\/([^/]+)$/, 'CreateSchedule'],
  ['scheduler', 'GET', /^\/schedules\/([^/]+)$/, 'GetSchedule'],
  ['scheduler', 'PUT', /^\/schedules\/([^/]+)$/, 'UpdateSchedule'],
  ['scheduler', 'DELETE', /^\/schedules\/([^/]+)$/, 'DeleteSchedule'],
  ['scheduler', 'GET', /^\/tags\/(.+)$/, 'ListTagsForResource'],
  ['scheduler', 'POST', /^\/tags\/(.+)$/, 'TagResource'],
  ['scheduler', 'DELETE', /^\/tags\/(.+)$/, 'UntagResource'],
];

/** The tagging action of each creating action. IAM requires it too if the request has tags. */
const TAGS_OF: Readonly<Record<string, string>> = {
  'lambda:CreateFunction': 'lambda:TagResource',
  'states:CreateStateMachine': 'states:TagResource',
  'logs:CreateLogGroup': 'logs:TagResource',
  'events:PutRule': 'events:TagResource',
  'scheduler:CreateScheduleGroup': 'scheduler:TagResource',
  'sqs:CreateQueue': 'sqs:TagQueue',
  'sns:CreateTopic': 'sns:TagResource',
  'cloudwatch:PutMetricAlarm': 'cloudwatch:TagResource',
  'iam:CreateRole': 'iam:TagRole',
  'iam:CreateInstanceProfile': 'iam:TagInstanceProfile',
};

/** One API operation with its parameters, for every protocol. */
interface Operation {
  readonly service: string;
  readonly region: string;
  readonly name: string;
  /** The name or ARN in the path. */
  readonly subject?: string;
  /** The parameters of the body and of the query. A value that is not a string is JSON. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Returns the permissions that each request needs (Service Authorization Reference). The requests must be in their
 * order. Conditions may need values of an earlier request, so these are kept: the permissions boundaries of roles and
 * the tag of the security group.
 */
export class Authorisations {
  readonly #boundaries = new Map<string, string>();
  #groupTag = '';

  /** @throws Error if this file does not know the operation of the request */
  of(request: SentRequest): Authorisation[] {
    const operation = operationOf(request);
    const { service, name, parameters } = operation;
    const action = `${service}:${name}`;
    // GetCallerIdentity needs no permission, and no policy can deny it (AWS STS API Reference).
    if (action === 'sts:GetCallerIdentity') return [];
    const resources = resourcesOf(operation);
    const context = this.#contextOf(operation);
    const tags = TAGS_OF[action];
    const tagged = Object.keys(parameters).some((key) => /^tags(\.|$)/i.test(key));
    return [
      ...(action === 'ec2:CreateSecurityGroup'
        ? newSecurityGroup(operation, context)
        : [{ action, resources, context }]),
      ...(tags && tagged ? [{ action: tags, resources, context }] : []),
      ...passedRole(operation),
    ];
  }

  #contextOf({ service, name, parameters }: Operation): Record<string, string> {
    if (service === 'iam' && parameters.RoleName) {
      if (parameters.PermissionsBoundary) this.#boundaries.set(parameters.RoleName, parameters.PermissionsBoundary);
      const boundary = this.#boundaries.get(parameters.RoleName);
      return boundary ? { 'iam:PermissionsBoundary': boundary } : {};
    }
    if (service !== 'ec2') return {};
    if (name !== 'CreateSecurityGroup') return { [`aws:ResourceTag/${Tag.stateMachine}`]: this.#groupTag };
    this.#groupTag = requestTag(parameters) ?? '';
    return { [`aws:RequestTag/${Tag.stateMachine}`]: this.#groupTag };
  }
}

function operationOf({ method, url, headers, body }: SentRequest): Operation {
  const [, region = '', signed = ''] =
    /Credential=[^/]+\/\d+\/([^/]+)\/([^/]+)\//.exec(headers.authorization ?? '') ?? [];
  // CloudWatch signs with the name of its endpoint.
  const service = signed === 'monitoring' ? 'cloudwatch' : signed;
  const [path = '', query = ''] = url.split('?');
  const target = String(headers['x-amz-target'] ?? '').split('.')[1];
  if (target) return { service, region, name: target, parameters: json(body) };
  const form = Object.fromEntries(new URLSearchParams(body));
  if (form.Action) return { service, region, name: form.Action, parameters: form };
  for (const [of, by, pattern, name] of REST) {
    const match = of === service && by === method && pattern.exec(path);
    if (!match) continue;
    const parameters = { ...Object.fromEntries(new URLSearchParams(query)), ...json(body) };
    return { service, region, name, subject: match[1] && decodeURIComponent(match[1]), parameters };
  }
  if (service === 's3') return { service, region, name: s3Action(method, path), subject: s3Arn(path), parameters: {} };
  throw new Error(`${service}: ${method} ${path} is no operation that REST in ${__filename} knows: add it there.`);
}

/**
 * The action of a path-style request. HEAD needs GET's action (S3 User Guide, required permissions for API
 * operations).
 */
function s3Action(method: string, path: string): string {
  if (!s3Arn(path).includes('/')) return 'ListBucket';
  const name = { GET: 'GetObject', HEAD: 'GetObject', PUT: 'PutObject', DELETE: 'DeleteObject' }[method];
  if (!name) throw new Error(`s3: ${method} ${path} is no operation that ${__filename} knows: add it there.`);
  return name;
}

const s3Arn = (path: string) => `arn:aws:s3:::${path.replace(/^\/|\/$/g, '')}`;

function json(body: string): Record<string, string> {
  const entries = Object.entries(body ? (JSON.parse(body) as Record<string, unknown>) : {});
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

function resourcesOf({ service, region, name, subject, parameters }: Operation): string[] {
  const arn = (resource: string) => `arn:aws:${service}:${service === 'iam' ? '' : region}:${ACCOUNT}:${resource}`;
  const known = subject?.startsWith('arn:')
    ? subject
    : (parameters.ResourceARN ??
      parameters.ResourceArn ??
      parameters.resourceArn ??
      parameters.TopicArn ??
      parameters.stateMachineArn);
  if (known) return [known];
  switch (service) {
    case 'iam':
      // If the request has both, the resource is the profile. The role needs iam:PassRole.
      if (parameters.InstanceProfileName) return [arn(`instance-profile/${parameters.InstanceProfileName}`)];
      return [arn(`role/${parameters.RoleName}`)];
    case 'lambda':
      return [arn(['function', subject ?? parameters.FunctionName, parameters.Qualifier].filter(Boolean).join(':'))];
    case 'states':
      return [name === 'ValidateStateMachineDefinition' ? '*' : arn(`stateMachine:${parameters.name}`)];
    case 'logs':
      return [name === 'DescribeLogGroups' ? '*' : arn(`log-group:${parameters.logGroupName}`)];
    case 'events':
      return [arn(`rule/${parameters.Rule ?? parameters.Name}`)];
    case 'scheduler': {
      const group = parameters.groupName ?? parameters.GroupName;
      return [arn(name.endsWith('Group') ? `schedule-group/${subject}` : `schedule/${group}/${subject}`)];
    }
    case 'sqs':
      return [arn(parameters.QueueName ?? String(parameters.QueueUrl).split('/').at(-1) ?? '')];
    case 'sns':
      // Those of a subscription know no resource.
      return [parameters.Name ? arn(parameters.Name) : '*'];
    case 'cloudwatch': {
      const dashboard = parameters.DashboardName ?? parameters['DashboardNames.member.1'];
      if (dashboard) return [`arn:aws:cloudwatch::${ACCOUNT}:dashboard/${dashboard}`];
      return [arn(`alarm:${parameters.AlarmName ?? parameters['AlarmNames.member.1']}`)];
    }
    case 'ec2':
      if (name.startsWith('Describe')) return ['*'];
      return [arn(`security-group/${parameters.GroupId ?? parameters['ResourceId.1']}`)];
    default:
      throw new Error(`${service}: ${name} is of a service that ${__filename} does not know: add it there.`);
  }
}

/** The permissions for the group, its VPC and its tags. The VPC's permission does not have the request's tags. */
function newSecurityGroup({ region, parameters }: Operation, context: Authorisation['context']): Authorisation[] {
  const arn = (resource: string) => `arn:aws:ec2:${region}:${ACCOUNT}:${resource}`;
  const action = 'ec2:CreateSecurityGroup';
  return [
    { action, resources: [arn('security-group/*')], context },
    { action, resources: [arn(`vpc/${parameters.VpcId ?? '*'}`)], context: {} },
    {
      action: 'ec2:CreateTags',
      resources: [arn('security-group/*')],
      context: { ...context, 'ec2:CreateAction': 'CreateSecurityGroup' },
    },
  ];
}

/** Passing a role to a service needs iam:PassRole (IAM User Guide, passing a role to an AWS service). */
function passedRole({ service, name, parameters }: Operation): Authorisation[] {
  const role =
    name === 'AddRoleToInstanceProfile'
      ? `arn:aws:iam::${ACCOUNT}:role/${parameters.RoleName}`
      : (parameters.Role ?? parameters.roleArn ?? (parameters.Target && JSON.parse(parameters.Target).RoleArn));
  if (!role) return [];
  const to = service === 'iam' ? 'ec2' : service;
  return [{ action: 'iam:PassRole', resources: [role], context: { 'iam:PassedToService': `${to}.amazonaws.com` } }];
}

function requestTag(parameters: Operation['parameters']): string | undefined {
  const key = Object.keys(parameters).find(
    (each) => /^TagSpecification\..*\.Key$/.test(each) && parameters[each] === Tag.stateMachine,
  );
  return key && parameters[key.replace(/Key$/, 'Value')];
}
