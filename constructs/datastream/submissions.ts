import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import { SfnStateMachine } from '@cdktf/provider-aws/lib/sfn-state-machine';
import type { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import { SUBMISSIONS_FOLDER } from '../../executions/submission/keys';
import { Buckets } from '../aws/buckets';
import type { CurrentAws } from '../aws/current-aws';
import { derivedName } from '../aws/names';
import { only, orEmpty, type When } from '../aws/optional';
import { deliverLogs, Role } from '../aws/role';
import { DatastreamFunction } from './function';
import { submissionDefinition } from './submission-definition';

export interface SubmissionsProps {
  /** Begins the names of the function, of its role and of the machine's role. */
  readonly namePrefix: string;
  /** The submission machine's name. */
  readonly machineName: string;
  /** The bucket of the submissions. */
  readonly bucket: string;
  /** Whether there are submissions; only Terraform may know. */
  readonly when: When;
  /** Default: no boundary. */
  readonly permissionsBoundaryArn?: string;
  readonly aws: CurrentAws;
  /** The machine whose executions are the jobs. */
  readonly stateMachineName: string;
  readonly stateMachineArn: string;
  /** What must exist before. */
  readonly stateMachine: ITerraformDependable;
  readonly logRetentionDays: number;
}

/**
 * The machine of submissions: a Standard workflow that starts many executions of the first machine, so many at once, and
 * the function that writes their results.
 */
export class Submissions extends Construct {
  /** The ARN of the submission machine; empty if Terraform deploys none. */
  readonly arn: string;

  constructor(scope: Construct, id: string, props: SubmissionsProps) {
    super(scope, id);
    const { aws, stateMachineArn, stateMachineName, machineName, when, namePrefix, permissionsBoundaryArn } = props;
    // Not the resource's attribute: the role needs it, and the machine needs the role.
    const arn = aws.arn('states', `stateMachine:${machineName}`);
    const bucket = new Buckets(aws, props.bucket);
    const objects = `${SUBMISSIONS_FOLDER}/*`;
    const jobs = aws.arn('states', `execution:${stateMachineName}:*`);

    const functionRole = new Role(this, 'results-role', {
      roleName: derivedName(namePrefix, '_results_role'),
      policyName: 'results',
      service: 'lambda.amazonaws.com',
      permissionsBoundaryArn,
      when,
    });
    functionRole.grant(bucket.grantObjects('ReadAndWriteSubmissions', ['s3:GetObject', 's3:PutObject'], objects));
    functionRole.grant(bucket.grant('ListSubmissions', ['s3:ListBucket']));
    functionRole.grant({
      sid: 'AskForJobs',
      actions: ['states:DescribeExecution', 'states:GetExecutionHistory'],
      resources: [jobs],
    });
    const results = new DatastreamFunction(this, 'results', {
      role: 'results',
      functionName: derivedName(namePrefix, '_results'),
      description: 'Writes the results of a submission when its jobs have ended.',
      executionRole: functionRole,
      environment: { STATE_MACHINE_ARN: stateMachineArn, SUBMISSIONS_BUCKET: props.bucket },
      // A submission goes on with the deployment that it began under.
      versions: true,
      logRetentionDays: props.logRetentionDays,
      when,
    });

    const role = new Role(this, 'role', {
      roleName: derivedName(namePrefix, '_submissions_role'),
      policyName: 'submissions',
      service: 'states.amazonaws.com',
      trustConditions: {
        StringEquals: { 'aws:SourceAccount': aws.account },
        // The children of a Map Run are executions of the machine's ARN with the Map's label.
        ArnLike: { 'aws:SourceArn': [arn, `${arn}/*`] },
      },
      permissionsBoundaryArn,
      when,
    });
    role.grant({
      // Itself for the children of its Map Run (Step Functions Developer Guide, IAM policies for Distributed Map).
      sid: 'StartJobs',
      actions: ['states:StartExecution'],
      resources: [stateMachineArn, arn],
    });
    role.grant({
      sid: 'FollowAndStopJobs',
      actions: ['states:DescribeExecution', 'states:StopExecution'],
      resources: [jobs, aws.arn('states', `execution:${machineName}/*`)],
    });
    // Step Functions' own rule, by which `.sync` learns of a nested execution's end (same guide, IAM policies for
    // nested executions).
    role.grant({
      sid: 'FollowByEvents',
      actions: ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
      resources: [aws.arn('events', 'rule/StepFunctionsGetEventsForStepFunctionsExecutionRule')],
    });
    role.grant(
      bucket.grantObjects(
        'ReadItemsAndWriteResults',
        ['s3:GetObject', 's3:PutObject', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload'],
        objects,
      ),
    );
    role.grant({
      sid: 'InvokeResults',
      actions: ['lambda:InvokeFunction'],
      resources: [results.arn, `${results.arn}:*`],
    });
    role.grant(deliverLogs());
    const log = only(
      new CloudwatchLogGroup(this, 'log', {
        name: `/aws/vendedlogs/states/${machineName}`,
        retentionInDays: props.logRetentionDays,
        dependsOn: [role.role],
      }),
      when,
    );
    const machine = only(
      new SfnStateMachine(this, 'machine', {
        name: machineName,
        type: 'STANDARD',
        roleArn: role.arn,
        definition: JSON.stringify(
          submissionDefinition({
            stateMachineArn,
            resultsArn: results.versionArn,
            bucket: props.bucket,
            partition: aws.partition,
          }),
        ),
        loggingConfiguration: { level: 'ERROR', includeExecutionData: false, logDestination: `${log.arn}:*` },
        dependsOn: [role.policy, props.stateMachine],
      }),
      when,
    );
    this.arn = orEmpty(machine, 'arn');
  }
}
