import type { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import { EventRule } from '../aws/event-rule';
import { derivedName } from '../aws/names';
import { Role } from '../aws/role';
import { EVENT_PATTERNS } from './events';
import { DatastreamFunction } from './function';
import { describeInstances, endTask } from './grants';

export interface RelayProps {
  /** The prefix of the names of the function, its role and its rules. */
  readonly namePrefix: string;
  /** Default: no boundary. */
  readonly permissionsBoundaryArn?: string;
  readonly stateMachineArn: string;
  /** The resource that must exist before the rules. */
  readonly stateMachine: ITerraformDependable;
  readonly logRetentionDays: number;
}

/** Completes the waiting EC2Poller as soon as AWS announces that the command or the instance has ended. */
export class Relay extends Construct {
  readonly function: DatastreamFunction;

  constructor(scope: Construct, id: string, props: RelayProps) {
    super(scope, id);
    const role = new Role(this, 'role', {
      roleName: derivedName(props.namePrefix, '_relay_role'),
      policyName: 'relay',
      service: 'lambda.amazonaws.com',
      permissionsBoundaryArn: props.permissionsBoundaryArn,
    });
    role.grant(describeInstances());
    // The action supports no resource-level permissions (Service Authorization Reference, AWS Systems Manager).
    role.grant({ sid: 'ReadCommand', actions: ['ssm:GetCommandInvocation'], resources: ['*'] });
    role.grant(endTask(props.stateMachineArn));
    this.function = new DatastreamFunction(this, 'relay', {
      role: 'relay',
      functionName: derivedName(props.namePrefix, '_relay'),
      description: 'Tells the state machine that a command or an instance has ended.',
      executionRole: role,
      environment: { STATE_MACHINE_ARN: props.stateMachineArn },
      logRetentionDays: props.logRetentionDays,
    });
    // EventBridge cannot filter by an instance's tags: the function checks whose instance it is.
    new EventRule(this, 'command-ended', {
      ruleName: derivedName(props.namePrefix, '_command_ended'),
      description: 'A Run Command invocation has reached a final status.',
      pattern: EVENT_PATTERNS.commandEnded,
      target: this.function,
      after: props.stateMachine,
    });
    new EventRule(this, 'instance-ended', {
      ruleName: derivedName(props.namePrefix, '_instance_ended'),
      description: 'An instance stops or terminates.',
      pattern: EVENT_PATTERNS.instanceEnded,
      target: this.function,
      after: props.stateMachine,
    });
    new EventRule(this, 'spot-interrupted', {
      ruleName: derivedName(props.namePrefix, '_spot_interrupted'),
      description: 'EC2 takes a spot instance back in two minutes.',
      pattern: EVENT_PATTERNS.spotInterrupted,
      target: this.function,
      after: props.stateMachine,
    });
  }
}
