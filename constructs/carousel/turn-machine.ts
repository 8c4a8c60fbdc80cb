import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group';
import { SfnStateMachine } from '@cdktf/provider-aws/lib/sfn-state-machine';
import { Construct } from 'constructs';
import type { CurrentAws } from '../aws/current-aws';
import { derivedName } from '../aws/names';
import { deliverLogs, Role } from '../aws/role';
import { definition } from './definition';
import type { CarouselFunction } from './function';
import { TURN_FUNCTIONS, type TurnFunction } from './functions';

export interface TurnMachineProps {
  readonly machineName: string;
  /** Its future ARN: the role's trust policy names it before it exists. */
  readonly stateMachineArn: string;
  readonly aws: CurrentAws;
  readonly functions: Readonly<Record<TurnFunction, CarouselFunction>>;
  /** Default: no boundary. */
  readonly permissionsBoundaryArn?: string;
  readonly logRetentionDays: number;
}

/** The Standard workflow of a turn. It calls the functions' versions of this deployment. */
export class TurnMachine extends Construct {
  readonly stateMachine: SfnStateMachine;

  constructor(scope: Construct, id: string, props: TurnMachineProps) {
    super(scope, id);
    const { aws, functions, machineName } = props;
    const role = new Role(this, 'role', {
      roleName: derivedName(machineName, '-machine'),
      policyName: 'machine',
      service: 'states.amazonaws.com',
      trustConditions: {
        StringEquals: { 'aws:SourceAccount': aws.account },
        ArnEquals: { 'aws:SourceArn': props.stateMachineArn },
      },
      ...(props.permissionsBoundaryArn && { permissionsBoundaryArn: props.permissionsBoundaryArn }),
    });
    // Every version: a turn of days goes on with the functions of the deployment that it began under.
    role.grant({
      sid: 'InvokeFunctions',
      actions: ['lambda:InvokeFunction'],
      resources: TURN_FUNCTIONS.map((name) => `${functions[name].arn}:*`),
    });
    role.grant(deliverLogs());
    const log = new CloudwatchLogGroup(this, 'log', {
      name: `/aws/vendedlogs/states/${machineName}`,
      retentionInDays: props.logRetentionDays,
      dependsOn: [role.role],
    });
    const versionArns = Object.fromEntries(TURN_FUNCTIONS.map((name) => [name, functions[name].versionArn])) as Record<
      TurnFunction,
      string
    >;
    this.stateMachine = new SfnStateMachine(this, 'state-machine', {
      name: machineName,
      type: 'STANDARD',
      roleArn: role.arn,
      definition: JSON.stringify(definition(versionArns, aws.partition)),
      loggingConfiguration: { level: 'ERROR', includeExecutionData: false, logDestination: `${log.arn}:*` },
      dependsOn: [role.policy],
    });
  }
}
