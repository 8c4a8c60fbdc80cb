import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { TerraformOutput, TerraformStack, TerraformVariable, type TerraformVariableValidationConfig } from 'cdktf';
import type { Construct } from 'constructs';
import { overridableNames } from '../../executions/matrix/overrides';
import { LOG_RETENTION_DAYS, NOT_IN_CHINA, type Rule } from '../aws/rules';
import { keepState } from '../aws/state';
import { DataStream, type DataStreamProps } from './data-stream';
import { type NamedProperty, SUFFIXES } from './default-names';
import { type MatrixSource, readMatrix } from './matrix';
import { RULES } from './rules';

/** The stack that the checkout deploys: a DataStream with its variables and outputs, the provider and the state. */
export class DatastreamStack extends TerraformStack {
  /** @param matrix the file of a schedule matrix; default: none, and no schedules */
  constructor(scope: Construct, id: string, matrix?: string) {
    super(scope, id);
    const region = textVariable(this, 'region', 'The region to deploy to, such as us-east-1.', RULES.region, {
      required: true,
      validation: [
        {
          condition: '${!startswith(var.region, "cn-")}',
          errorMessage: `region is "\${var.region}": ${NOT_IN_CHINA}.`,
        },
      ],
    });
    new AwsProvider(this, 'aws', { region });
    // The provider's package pins the version that it was generated from. Later 5.x versions have the same resources.
    this.addOverride('terraform.required_providers.aws.version', '~> 5.100');
    declareDatastream(this, matrix);
    new TerraformVariable(this, 'runtime', {
      type: 'string',
      nullable: false,
      default: '',
      description: "Ignored, for tfvars of 2024: the functions' runtime is Node.js.",
    });

    keepState(this);
  }
}

/**
 * A DataStream with its variables and outputs.
 *
 * Every generation of upstream's tfvars applies unchanged; a few variables are new. Null in a tfvars file counts as
 * unset (`nullable: false`), and so does an empty string.
 * The variables of the schedules exist only with a matrix.
 *
 * @param matrixFile the file of a schedule matrix; by default there are no schedules
 * @throws SettingsError with every problem of the matrix
 */
export function declareDatastream(stack: TerraformStack, matrixFile?: string): void {
  const matrix = matrixFile === undefined ? undefined : readMatrix(matrixFile);
  const text = (...variable: TextVariable) => textVariable(stack, ...variable);
  const smName = text('sm_name', "The state machine's name.", RULES.stateMachine, { required: true });
  const byPrefix = (property: NamedProperty) => `Default: resource_prefix, then ${SUFFIXES[property]}.`;

  const subnetIds = new TerraformVariable(stack, 'subnet_ids', {
    type: 'list(string)',
    nullable: false,
    default: [],
    description: 'Subnets of vpc_id, another one for each attempt. Default: EC2 takes one of the default VPC.',
    validation: [
      {
        condition: `\${alltrue([for id in var.subnet_ids : can(regex("${RULES.subnet.pattern}", id))])}`,
        errorMessage: `subnet_ids is \${jsonencode(var.subnet_ids)}: write ${RULES.subnet.write}.`,
      },
    ],
  });
  const logRetentionDays = new TerraformVariable(stack, 'log_retention_days', {
    type: 'number',
    nullable: false,
    default: 30,
    description: 'Days that logs are kept.',
    validation: [
      {
        condition: `\${contains(${JSON.stringify(LOG_RETENTION_DAYS)}, var.log_retention_days)}`,
        errorMessage: `log_retention_days is \${var.log_retention_days}: write one of ${LOG_RETENTION_DAYS.join(', ')} (what CloudWatch Logs accepts).`,
      },
    ],
  });
  const tags = new TerraformVariable(stack, 'tags', {
    type: 'map(string)',
    nullable: false,
    default: {},
    description: 'Tags on every resource that can have them, beside Project and datastream:state-machine.',
    validation: [
      {
        condition: '${alltrue([for key in keys(var.tags) : can(regex("^[^:]{1,128}$", key))])}',
        errorMessage:
          'tags has the keys ${jsonencode(keys(var.tags))}: write keys of 1 to 128 characters without a colon (aws: and datastream: are reserved).',
      },
      {
        condition: '${alltrue([for value in values(var.tags) : length(value) <= 256])}',
        errorMessage:
          'tags has values of more than 256 characters, at ${jsonencode([for key, value in var.tags : key if length(value) > 256])}: write at most 256 characters, the limit of AWS.',
      },
    ],
  });
  const datastream = new DataStream(stack, 'datastream', {
    smName,
    resourcePrefix: text(
      'resource_prefix',
      'Prefix of every name that no other variable sets. Default: sm_name.',
      RULES.prefix,
    ),
    smRoleName: text('sm_role_name', `The state machine's role. ${byPrefix('smRoleName')}`, RULES.role),
    starterLambdaName: text('starter_lambda_name', `The starter. ${byPrefix('starterLambdaName')}`, RULES.lambda),
    commanderLambdaName: text(
      'commander_lambda_name',
      `The commander. ${byPrefix('commanderLambdaName')}`,
      RULES.lambda,
    ),
    pollerLambdaName: text('poller_lambda_name', `The poller. ${byPrefix('pollerLambdaName')}`, RULES.lambda),
    checkerLambdaName: text('checker_lambda_name', `The checker. ${byPrefix('checkerLambdaName')}`, RULES.lambda),
    stopperLambdaName: text('stopper_lambda_name', `The stopper. ${byPrefix('stopperLambdaName')}`, RULES.lambda),
    lambdaPolicyName: text(
      'lambda_policy_name',
      `The functions' policy. ${byPrefix('lambdaPolicyName')}`,
      RULES.policy,
    ),
    lambdaRoleName: text('lambda_role_name', `The functions' role. ${byPrefix('lambdaRoleName')}`, RULES.role),
    lambdaInvokePolicyName: text(
      'lambda_invoke_policy_name',
      `The policy of the state machine's role. ${byPrefix('lambdaInvokePolicyName')}`,
      RULES.policy,
    ),
    ec2Role: text('ec2_role', `The instances' role. ${byPrefix('ec2Role')}`, RULES.role),
    ec2PolicyName: text(
      'ec2_policy_name',
      `The policy of the instances' role. ${byPrefix('ec2PolicyName')}`,
      RULES.policy,
    ),
    profileName: text('profile_name', `The instances' profile. ${byPrefix('profileName')}`, RULES.profile),
    s3Bucket: text('s3_bucket', "The one bucket that jobs use. Default: the account's own buckets.", RULES.bucket),
    jobLogs: text(
      'job_logs',
      "Where the logs of jobs are kept: s3, beside a job's stored execution, or in s3_bucket; cloudwatch, there and, while the job runs, in CloudWatch Logs; or none. Default: s3.",
      RULES.jobLogs,
    ),
    submissionsBucket: text(
      'submissions_bucket',
      'The bucket of submissions of many jobs; with it there is a machine that runs them. Default: none.',
      RULES.bucket,
    ),
    submissionsName: text(
      'submissions_name',
      `The machine of submissions. ${byPrefix('submissionsName')}`,
      RULES.stateMachine,
    ),
    amiParameterName: text(
      'ami_parameter_name',
      "The SSM parameter that execution files may name as ImageId. Default: none but AWS's public ones.",
      RULES.amiParameter,
    ),
    vpcId: text(
      'vpc_id',
      "The VPC of subnet_ids and of the instances' security group. Default: the default VPC.",
      RULES.vpc,
    ),
    subnetIds: subnetIds.listValue,
    alarmEmail: text(
      'alarm_email',
      'Gets an e-mail for each alarm, and for each line of jobs that fail in an hour. Default: nobody.',
      RULES.email,
    ),
    alarms: text(
      'alarms',
      'on: the alarms and their topic, also without alarm_email. Default: only with it.',
      RULES.on,
    ),
    dashboard: text('dashboard', 'on: a dashboard in CloudWatch, at $3 a month. Default: none.', RULES.on),
    alarmFailures: numberVariable(
      stack,
      'alarm_failures',
      'So many executions that fail in five minutes are an alarm.',
      5,
      1,
    ),
    permissionsBoundaryArn: text(
      'permissions_boundary_arn',
      'A managed policy that bounds every role. Default: none.',
      RULES.permissionsBoundary,
    ),
    logRetentionDays: logRetentionDays.numberValue,
    tags: tags.value,
    ...(matrix && declareSchedules(stack, matrix)),
  });

  // Outputs: upstream's names.

  const outputs = {
    datastream_arn: { value: datastream.stateMachineArn, description: 'The state machine, to start executions of.' },
    submissions_arn: {
      value: datastream.submissionsArn,
      description: 'The state machine of submissions; empty without submissions_bucket.',
    },
    lambda_role_arn: { value: datastream.lambdaRoleArn, description: "The role of the state machine's functions." },
    lambda_arns: { value: datastream.lambdaArns, description: 'The ARN of every function.' },
    lambda_function_names: { value: datastream.lambdaFunctionNames, description: 'The name of every function.' },
    ec2_instance_profile_name: { value: datastream.instanceProfileName, description: "The instances' profile." },
    ec2_security_group_id: { value: datastream.securityGroupId, description: "The instances' security group." },
    alarms_topic_arn: {
      value: datastream.alarmsTopicArn,
      description: 'The topic of the alarms; empty without alarm_email and alarms.',
    },
    ...(matrix && {
      schedules_group_name: {
        value: datastream.scheduleGroupName,
        description: "The group of the matrix's schedules.",
      },
      schedules_dead_letter_queue_url: {
        value: datastream.deadLetterQueueUrl,
        description: 'The queue of rounds whose jobs could not be started.',
      },
    }),
  };
  for (const [name, output] of Object.entries(outputs)) new TerraformOutput(stack, name, output);
}

/** The variables of upstream's services/nrds that concern schedules, as properties. */
function declareSchedules(stack: TerraformStack, matrix: MatrixSource): Partial<DataStreamProps> {
  const text = (...variable: TextVariable) => textVariable(stack, ...variable);
  const byPrefix = (property: NamedProperty) => `Default: resource_prefix, then ${SUFFIXES[property]}.`;
  textVariable(stack, 'schedule_timezone', 'Ignored: the cycles of a matrix are in UTC, and so are its schedules.', {
    pattern: '.*',
    write: 'a time zone',
  });
  // A check warns, a validation would refuse.
  stack.addOverride('check.schedule_timezone.assert', [
    {
      condition: '${contains(["", "UTC"], var.schedule_timezone)}',
      error_message:
        'schedule_timezone is "${var.schedule_timezone}" and is ignored: the cycles of a matrix are in UTC, and so are its schedules. Leave it out.',
    },
  ]);
  const values = overridableNames(matrix.value).map((name) => {
    const rule = name === 'environment_suffix' ? RULES.environmentSuffix : RULES.ami;
    return [name, text(name, `The matrix's variable ${name}. Default: as in the matrix.`, rule)];
  });
  return {
    matrix,
    reporter: text(
      'reporter',
      'on: metrics of each stream every hour, at $0.30 a month each. Default: none.',
      RULES.on,
    ),
    dailyBudgetUsd: numberVariable(
      stack,
      'daily_budget_usd',
      'The dollars that the jobs of a day in UTC may cost: a round that could exceed them is not started. Default: no budget.',
      0,
      0,
    ),
    matrixValues: Object.fromEntries(values),
    schedulerRoleName: text(
      'scheduler_role_name',
      `The role of the schedules. ${byPrefix('schedulerRoleName')}`,
      RULES.role,
    ),
    schedulerPolicyName: text(
      'scheduler_policy_name',
      `The policy of the schedules' role. ${byPrefix('schedulerPolicyName')}`,
      RULES.policy,
    ),
    scheduleGroupName: text(
      'schedule_group_name',
      `The schedules' group, which is made. Default, and for "default": resource_prefix, then ${SUFFIXES.scheduleGroupName}.`,
      RULES.scheduleGroup,
    ),
  };
}

/** A variable of type number. @param least the smallest value that it may have */
function numberVariable(
  stack: TerraformStack,
  name: string,
  description: string,
  standard: number,
  least: number,
): number {
  return new TerraformVariable(stack, name, {
    type: 'number',
    nullable: false,
    default: standard,
    description,
    validation: [
      {
        condition: `\${var.${name} >= ${least}}`,
        errorMessage: `${name} is \${var.${name}}: write a number from ${least} on.`,
      },
    ],
  }).numberValue;
}

type TextVariable = [
  name: string,
  description: string,
  rule: Rule,
  options?: { readonly required: boolean; readonly validation?: readonly TerraformVariableValidationConfig[] },
];

/** A variable of type string, with the validation of its rule. */
function textVariable(stack: TerraformStack, ...[name, description, rule, options]: TextVariable): string {
  const valid = `can(regex("${rule.pattern}", var.${name}))`;
  return new TerraformVariable(stack, name, {
    type: 'string',
    nullable: false,
    description,
    ...(!options?.required && { default: '' }),
    validation: [
      {
        condition: options?.required ? `\${${valid}}` : `\${var.${name} == "" || ${valid}}`,
        errorMessage: `${name} is "\${var.${name}}": write ${rule.write}.`,
      },
      ...(options?.validation ?? []),
    ],
  }).stringValue;
}
