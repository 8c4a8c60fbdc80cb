import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import {
  LocalBackend,
  TerraformOutput,
  TerraformStack,
  TerraformVariable,
  type TerraformVariableValidationConfig,
} from 'cdktf';
import type { Construct } from 'constructs';
import { LOG_RETENTION_DAYS, NOT_IN_CHINA, type Rule } from '../aws/rules';
import { DataStream } from './data-stream';
import { type NamedProperty, SUFFIXES } from './default-names';
import { RULES } from './rules';

/** The checkout's stack: a DataStream with its variables and outputs, its provider and its state. */
export class DatastreamStack extends TerraformStack {
  constructor(scope: Construct, id: string) {
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
    // cdktf pins the version that it was generated from; later 5.x have the same resources.
    this.addOverride('terraform.required_providers.aws.version', '~> 5.100');
    declareDatastream(this);
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
 * The variables are those of every generation of upstream's tfvars, each of which applies unchanged, and a few more. Null
 * in a tfvars file counts as left out (`nullable: false`), and so does an empty string.
 */
export function declareDatastream(stack: TerraformStack): void {
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
          'tags has the keys ${jsonencode(keys(var.tags))}: write keys of 1 to 128 characters without a colon (aws: and datastream: are taken).',
      },
      {
        condition: '${alltrue([for value in values(var.tags) : length(value) <= 256])}',
        errorMessage:
          'tags has values of more than 256 characters, at ${jsonencode([for key, value in var.tags : key if length(value) > 256])}: write shorter ones (what AWS takes).',
      },
    ],
  });
  const datastream = new DataStream(stack, 'datastream', {
    smName,
    resourcePrefix: text('resource_prefix', 'Begins every name that is not given. Default: sm_name.', RULES.prefix),
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
      "Whether the logs of jobs are kept: s3, beside a job's stored execution, or in s3_bucket; or none. Default: s3.",
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
    permissionsBoundaryArn: text(
      'permissions_boundary_arn',
      'A managed policy that bounds every role. Default: none.',
      RULES.permissionsBoundary,
    ),
    logRetentionDays: logRetentionDays.numberValue,
    tags: tags.value,
  });

  // Outputs: upstream's names.

  const outputs = {
    datastream_arn: { value: datastream.stateMachineArn, description: 'The state machine, to start executions of.' },
    submissions_arn: {
      // Terraform leaves out an output that is null.
      value: datastream.submissionsArn,
      description: 'The state machine of submissions, where there is one.',
    },
    lambda_role_arn: { value: datastream.lambdaRoleArn, description: "The role of the state machine's functions." },
    lambda_arns: { value: datastream.lambdaArns, description: 'The ARN of every function.' },
    lambda_function_names: { value: datastream.lambdaFunctionNames, description: 'The name of every function.' },
    ec2_instance_profile_name: { value: datastream.instanceProfileName, description: "The instances' profile." },
    ec2_security_group_id: { value: datastream.securityGroupId, description: "The instances' security group." },
  };
  for (const [name, output] of Object.entries(outputs)) new TerraformOutput(stack, name, output);
}

type TextVariable = [
  name: string,
  description: string,
  rule: Rule,
  options?: { readonly required: boolean; readonly validation?: readonly TerraformVariableValidationConfig[] },
];

/** A variable that holds a text, and what it must be. */
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

/**
 * Where Terraform keeps its state, by the environment variable DATASTREAM_BACKEND, for `npx cdktf` and for a plain
 * `terraform` in cdktf.out/stacks/datastream alike. `local` (default): a file in this folder, which a new synthesis
 * does not touch. `s3`: an S3 backend whose settings are given to `terraform init`, by -backend-config or, through
 * cdktf, TF_CLI_ARGS_init="-backend-config=bucket=... -backend-config=key=... -backend-config=region=...".
 */
function keepState(stack: TerraformStack): void {
  const backend = process.env.DATASTREAM_BACKEND || 'local';
  if (backend !== 'local' && backend !== 's3') {
    // Not thrown: a stack would bury the sentence.
    console.error(`DATASTREAM_BACKEND is ${JSON.stringify(backend)}: write local or s3, or leave it out.`);
    process.exit(1);
  }
  // Relative to the stack's folder: cdktf's default is the absolute path of this one.
  new LocalBackend(stack, { path: `../../../terraform.${stack.node.id}.tfstate` });
  if (backend === 's3') stack.addOverride('terraform.backend', { s3: {}, local: undefined });
}
