import { BatchJobDefinition } from '@cdktf/provider-aws/lib/batch-job-definition';
import { Construct } from 'constructs';
import { refsOf } from '../../lambdas/runtime/batch-command';
import type { BatchQueue } from './batch-queue';
import { CurrentAws } from './current-aws';
import { derivedName } from './names';
import { type Grant, Role } from './role';
import { checkProps, RULES, required, requiredText, tagSet, text, unchecked, whole } from './rules';

export interface BatchJobProps {
  /** The definition's name in AWS Batch. */
  readonly name: string;
  /** The container image, such as an ECR repository's with its tag or digest. */
  readonly image: string;
  /** The container's command. `Ref::year` stands for the parameter `year`. */
  readonly command: readonly string[];
  /** Default values of the command's parameters. One without a value must be given with each job. Default: none. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Environment variables of the container. Default: none. */
  readonly environment?: Readonly<Record<string, string>>;
  /** vCPUs of one container, 1 to 192. */
  readonly vcpus: number;
  /** Memory of one container in MiB, at least 4. Batch ends one that takes more. */
  readonly memoryMiB: number;
  /** Seconds after which Batch ends an attempt: at least 60. */
  readonly timeoutSeconds: number;
  /** How often a job is begun where its host is taken away: 1 to 10. Any other failure is final. Default: 3. */
  readonly attempts?: number;
  /**
   * Environment variables whose values are in Secrets Manager: their ARNs, perhaps with `:key::` behind. Default: none.
   */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Whose instances write the job's log. */
  readonly queue: Pick<BatchQueue, 'logGroupName'>;
  /** The ARN of a managed policy, the permissions boundary of its roles. Default: none. */
  readonly permissionsBoundaryArn?: string;
  /** What begins its roles' names. Default: the definition's name. */
  readonly namePrefix?: string;
}

/** @throws Error with a line for each property whose value AWS would refuse, and for a parameter that the command does not have */
export function checkBatchJob(props: Omit<BatchJobProps, 'queue'>): void {
  checkProps('BatchJob', props, {
    name: requiredText(RULES.batchName),
    image: requiredText({ pattern: '^[^\\s]+$', write: "a container image's name" }),
    command: required,
    parameters: tagSet,
    environment: tagSet,
    vcpus: whole(1, 192, 'vCPUs of one container'),
    memoryMiB: whole(4, 1_572_864, 'MiB of one container'),
    timeoutSeconds: whole(60, 31 * 86_400, 'seconds of an attempt; AWS Batch takes no fewer than 60'),
    attempts: whole(1, 10, 'attempts that AWS Batch allows'),
    secrets: tagSet,
    permissionsBoundaryArn: text(RULES.permissionsBoundary),
    namePrefix: unchecked,
  });
  const { name, command, parameters = {} } = props;
  const used = refsOf(command);
  const unused = Object.keys(parameters).find((parameter) => !used.includes(parameter));
  if (unused !== undefined) {
    throw new Error(
      `parameters.${unused} of ${name} is in no place of the command ${JSON.stringify(command)}: write Ref::${unused} there, or leave the parameter out.`,
    );
  }
}

/**
 * A job definition of AWS Batch with a role of its own, which at first allows nothing.
 *
 * @throws Error that names a property whose value AWS would refuse, and a parameter that the command does not have
 */
export class BatchJob extends Construct {
  /** The definition's name. Jobs of it run its latest revision. */
  readonly definitionName: string;
  /** The ARN of this deployment's revision. */
  readonly arn: string;
  /** The containers' role. */
  readonly role: Role;

  constructor(scope: Construct, id: string, props: BatchJobProps) {
    super(scope, id);
    const { queue: _, ...rest } = props;
    required('queue', props.queue);
    checkBatchJob(rest);
    const { name, command, parameters = {}, environment = {}, secrets = {}, attempts = 3 } = props;
    const aws = new CurrentAws(this, 'aws');
    const prefix = props.namePrefix ?? name;
    const role = (purpose: 'job' | 'execution') =>
      new Role(this, `${purpose}-role`, {
        roleName: derivedName(prefix, `-${purpose}`),
        policyName: purpose,
        service: 'ecs-tasks.amazonaws.com',
        trustConditions: { StringEquals: { 'aws:SourceAccount': aws.account } },
        ...(props.permissionsBoundaryArn && { permissionsBoundaryArn: props.permissionsBoundaryArn }),
      });
    this.role = role('job');
    const secretNames = Object.keys(secrets);
    // ECS reads secrets with this role before the container starts; the container's own role cannot.
    const execution = secretNames.length > 0 ? role('execution') : undefined;
    execution?.grant(readSecrets(Object.values(secrets)));
    const definition = new BatchJobDefinition(this, 'definition', {
      name,
      type: 'container',
      platformCapabilities: ['EC2'],
      parameters: { ...parameters },
      propagateTags: true,
      // What runs was begun with the ARN of an earlier revision.
      deregisterOnNewRevision: false,
      timeout: { attemptDurationSeconds: props.timeoutSeconds },
      retryStrategy: {
        attempts,
        // What matches no line is retried, so the last line says what happens to all else (User Guide, job retries).
        evaluateOnExit: [
          { onStatusReason: 'Host EC2*', action: 'RETRY' },
          { onReason: '*', action: 'EXIT' },
        ],
      },
      containerProperties: JSON.stringify({
        image: props.image,
        command,
        jobRoleArn: this.role.arn,
        ...(execution && { executionRoleArn: execution.arn }),
        resourceRequirements: [
          { type: 'VCPU', value: String(props.vcpus) },
          { type: 'MEMORY', value: String(props.memoryMiB) },
        ],
        environment: Object.entries(environment).map(([key, value]) => ({ name: key, value })),
        secrets: Object.entries(secrets).map(([key, valueFrom]) => ({ name: key, valueFrom })),
        logConfiguration: {
          logDriver: 'awslogs',
          options: { 'awslogs-group': props.queue.logGroupName, 'awslogs-stream-prefix': name },
          secretOptions: [],
        },
        mountPoints: [],
        ulimits: [],
        volumes: [],
      }),
      dependsOn: [this.role.policy, ...(execution ? [execution.policy] : [])],
    });
    this.definitionName = definition.name;
    this.arn = definition.arn;
  }
}

function readSecrets(valuesFrom: readonly string[]): Grant {
  // A key within a secret follows the ARN: `arn:...:secret:name-AbCdEf:key::`.
  const arns = valuesFrom.map((from) =>
    from.startsWith('${') ? from.replace(/\}:.*$/, '}') : from.split(':').slice(0, 7).join(':'),
  );
  return { sid: 'ReadSecrets', actions: ['secretsmanager:GetSecretValue'], resources: [...new Set(arns)] };
}
