import { succeed } from './terraform';

/** Runs the AWS CLI. @param args the command, such as `['iam', 'list-roles', '--query', 'Roles[].RoleName']` */
export async function aws<Answer>(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Answer> {
  const { AWS_ENDPOINT_URL = '' } = environment;
  // The CLI's version 1 has an endpoint of its own for SQS.
  const where = AWS_ENDPOINT_URL === '' ? [] : ['--endpoint-url', AWS_ENDPOINT_URL];
  return JSON.parse(
    await succeed('aws', [...args, ...where, '--output', 'json'], { cwd: __dirname, env: environment }),
  );
}

/** Every kind of resource that a deployment creates, with the AWS CLI's command that lists it. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  functions: ['lambda', 'list-functions', '--query', 'Functions[].FunctionName'],
  'log groups': ['logs', 'describe-log-groups', '--query', 'logGroups[].logGroupName'],
  'state machines': ['stepfunctions', 'list-state-machines', '--query', 'stateMachines[].name'],
  rules: ['events', 'list-rules', '--query', 'Rules[].Name'],
  schedules: ['scheduler', 'list-schedules', '--query', 'Schedules[].Name'],
  'schedule groups': ['scheduler', 'list-schedule-groups', '--query', "ScheduleGroups[?Name!='default'].Name"],
  'security groups': [
    ...['ec2', 'describe-security-groups', '--query'],
    "SecurityGroups[?GroupName!='default'].GroupName",
  ],
  queues: ['sqs', 'list-queues', '--query', 'QueueUrls || `[]`'],
  roles: ['iam', 'list-roles', '--query', 'Roles[].RoleName'],
  'instance profiles': ['iam', 'list-instance-profiles', '--query', 'InstanceProfiles[].InstanceProfileName'],
};

/** The account's resources in a region, by kind and name. */
export async function inventory(
  region: string,
  environment: Readonly<Record<string, string>>,
): Promise<Record<string, string[]>> {
  const entries = await Promise.all(
    Object.entries(LISTS).map(async ([kind, list]) => {
      return [kind, (await aws<string[]>([...list, '--region', region], environment)).sort()] as const;
    }),
  );
  return Object.fromEntries(entries);
}
