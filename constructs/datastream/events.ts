/**
 * The EventBridge patterns of the events that the rules send to the relay (the first three) and to the reaper. The
 * embedded cloud reads the same patterns.
 */
export const EVENT_PATTERNS = {
  commandEnded: {
    source: ['aws.ssm'],
    'detail-type': ['EC2 Command Invocation Status-change Notification'],
    detail: { 'document-name': ['AWS-RunShellScript'], status: ['Success', 'Failed', 'TimedOut', 'Cancelled'] },
  },
  instanceEnded: {
    source: ['aws.ec2'],
    'detail-type': ['EC2 Instance State-change Notification'],
    detail: { state: ['stopping', 'stopped', 'shutting-down', 'terminated'] },
  },
  spotInterrupted: { source: ['aws.ec2'], 'detail-type': ['EC2 Spot Instance Interruption Warning'] },
  // Not SUCCEEDED: such an execution has passed EC2Stopper.
  executionEnded: {
    source: ['aws.states'],
    'detail-type': ['Step Functions Execution Status Change'],
    detail: { status: ['ABORTED', 'TIMED_OUT', 'FAILED'] },
  },
} as const;
