import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import { SfnStateMachine } from '@cdktf/provider-aws/lib/sfn-state-machine';
import type { Precondition } from 'cdktf';
import { Construct } from 'constructs';
import { BUCKET_TAG } from '../../lambdas/runtime/tags';
import type { CurrentAws } from '../aws/current-aws';
import { deliverLogs, Role } from '../aws/role';
import { definition } from './definition';
import type { DatastreamFunction } from './function';
import { MACHINE_FUNCTIONS, type MachineFunction } from './functions';

export interface StateMachineProps {
  readonly stateMachineName: string;
  /** The state machine's future ARN: the role's trust policy names it before it exists. */
  readonly stateMachineArn: string;
  readonly roleName: string;
  readonly policyName: string;
  /** Default: no boundary. */
  readonly permissionsBoundaryArn?: string;
  readonly aws: CurrentAws;
  readonly functions: Readonly<Record<MachineFunction, DatastreamFunction>>;
  /** The one bucket that jobs use, as a tag tells it. Empty: every bucket of the account. */
  readonly bucket: string;
  readonly logRetentionDays: number;
  /** Preconditions of the state machine, given the name of its role. */
  readonly preconditions: (roleName: string) => readonly Precondition[];
}

/**
 * The Standard workflow of `definition`. It calls the functions' versions of this deployment, and logs the errors of
 * its executions.
 */
export class StateMachine extends Construct {
  readonly arn: string;
  /** For `dependsOn`: once it exists, its functions and their roles are this deployment's. */
  readonly stateMachine: SfnStateMachine;

  constructor(scope: Construct, id: string, props: StateMachineProps) {
    super(scope, id);
    const { aws, functions } = props;
    const role = new Role(this, 'role', {
      roleName: props.roleName,
      policyName: props.policyName,
      service: 'states.amazonaws.com',
      trustConditions: {
        StringEquals: { 'aws:SourceAccount': aws.account },
        ArnEquals: { 'aws:SourceArn': props.stateMachineArn },
      },
      permissionsBoundaryArn: props.permissionsBoundaryArn,
    });
    // Every version: an execution keeps calling the versions of the deployment that it began under, with today's
    // policy. Also the functions without a version: executions of deployments that published no versions call these.
    role.grant({
      sid: 'InvokeFunctions',
      actions: ['lambda:InvokeFunction'],
      resources: MACHINE_FUNCTIONS.flatMap((name) => [functions[name].arn, `${functions[name].arn}:*`]),
    });
    role.grant(deliverLogs());
    const log = new CloudwatchLogGroup(this, 'log', {
      // Groups with this prefix need no entry in the account's resource policy, which is limited in size.
      name: `/aws/vendedlogs/states/${props.stateMachineName}`,
      retentionInDays: props.logRetentionDays,
      dependsOn: [role.role],
    });
    const versionArns = Object.fromEntries(
      MACHINE_FUNCTIONS.map((name) => [name, functions[name].versionArn]),
    ) as Record<MachineFunction, string>;
    this.stateMachine = new SfnStateMachine(this, 'state-machine', {
      name: props.stateMachineName,
      type: 'STANDARD',
      roleArn: role.arn,
      definition: JSON.stringify(definition(versionArns, aws.partition)),
      tags: { [BUCKET_TAG]: props.bucket },
      // Execution data may hold anything that a user writes into an execution file.
      loggingConfiguration: { level: 'ERROR', includeExecutionData: false, logDestination: `${log.arn}:*` },
      // Step Functions tests the log delivery with the role when the state machine is created.
      dependsOn: [role.policy],
      lifecycle: { precondition: [...props.preconditions(role.name)] },
    });
    this.arn = this.stateMachine.arn;
  }
}
