import { Fn } from 'cdktf';
import { Construct } from 'constructs';
import type { Buckets } from '../aws/buckets';
import type { CurrentAws } from '../aws/current-aws';
import { Role } from '../aws/role';
import { DatastreamFunction } from './function';
import { MACHINE_FUNCTIONS, type MachineFunction } from './functions';
import {
  describeInstances,
  endInstances,
  endTask,
  launchInstances,
  registerTokens,
  resolveAmi,
  sendCommands,
} from './grants';
import type { InstanceProfile } from './instance-profile';

export interface MachineFunctionsProps {
  readonly functionNames: Readonly<Record<MachineFunction, string>>;
  readonly roleName: string;
  readonly policyName: string;
  /** Default: no boundary. */
  readonly permissionsBoundaryArn?: string;
  readonly aws: CurrentAws;
  readonly stateMachineArn: string;
  readonly instanceProfile: InstanceProfile;
  readonly securityGroupId: string;
  /** Default: EC2 takes a subnet of the default VPC. */
  readonly subnetIds?: readonly string[];
  readonly buckets: Buckets;
  /** Default: execution files may name only AWS's public SSM parameters. */
  readonly amiParameterName?: string;
  /** Whether the logs of jobs are kept: `s3`, `cloudwatch` or `none`. */
  readonly jobLogs: string;
  /** The bucket for the logs of jobs that name no bucket. Empty: those logs are not kept. */
  readonly logBucket: string;
  /** The log group that gets the logs of jobs while they run. Empty: none does. */
  readonly logGroup: string;
  readonly logRetentionDays: number;
}

const DESCRIPTIONS: Readonly<Record<MachineFunction, string>> = {
  starter: 'EC2StarterFromAMI: checks the execution and launches its instance.',
  commander: 'Commander: sends the commands to the instance, once.',
  poller: 'EC2Poller: registers the task token and looks at the command once.',
  checker: 'RunChecker: verifies the object that the job was to write.',
  stopper: 'EC2Stopper: ends the instance and decides on another attempt.',
};

/** The five functions that the state machine calls, and the one role that they share. */
export class MachineFunctions extends Construct {
  readonly functions: Readonly<Record<MachineFunction, DatastreamFunction>>;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: MachineFunctionsProps) {
    super(scope, id);
    const { aws, stateMachineArn } = props;
    this.role = new Role(this, 'role', {
      roleName: props.roleName,
      policyName: props.policyName,
      service: 'lambda.amazonaws.com',
      permissionsBoundaryArn: props.permissionsBoundaryArn,
    });
    const environments: Partial<Record<MachineFunction, Record<string, string>>> = {
      starter: {
        STATE_MACHINE_ARN: stateMachineArn,
        SECURITY_GROUP_ID: props.securityGroupId,
        INSTANCE_PROFILE_NAME: props.instanceProfile.profileName,
        SUBNET_IDS: props.subnetIds ? Fn.join(',', [...props.subnetIds]) : '',
      },
      commander: { JOB_LOGS: props.jobLogs, LOG_BUCKET: props.logBucket, LOG_GROUP: props.logGroup },
      stopper: { STATE_MACHINE_ARN: stateMachineArn },
    };
    this.functions = Object.fromEntries(
      MACHINE_FUNCTIONS.map((role) => [
        role,
        new DatastreamFunction(this, role, {
          role,
          functionName: props.functionNames[role],
          description: DESCRIPTIONS[role],
          executionRole: this.role,
          environment: environments[role],
          versions: true,
          logRetentionDays: props.logRetentionDays,
        }),
      ]),
    ) as Record<MachineFunction, DatastreamFunction>;

    const grants = [
      describeInstances(),
      ...launchInstances(aws, stateMachineArn),
      resolveAmi(aws, props.amiParameterName),
      {
        // Without this condition the role could be passed to a Lambda function, whose code would then have its
        // permissions.
        sid: 'PassInstanceRole',
        actions: ['iam:PassRole'],
        resources: [props.instanceProfile.role.arn],
        conditions: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
      },
      ...sendCommands(aws, stateMachineArn),
      registerTokens(aws, stateMachineArn),
      endTask(stateMachineArn),
      props.buckets.grantObjects('StoreExecution', ['s3:PutObject'], '*/execution.json'),
      props.buckets.grantObjects('CheckObject', ['s3:GetObject']),
      // Without this permission S3 answers 403 instead of 404 for an object that does not exist (S3 API, HeadObject).
      props.buckets.grant('TellMissingObject', ['s3:ListBucket']),
      ...endInstances(aws, stateMachineArn),
    ];
    for (const grant of grants) this.role.grant(grant);
  }
}
