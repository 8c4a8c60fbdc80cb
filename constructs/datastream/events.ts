/**
 * The events that the deployed rules send to relay (the first three) and reaper, as EventBridge patterns: here, so that
 * the embedded cloud sends the same.
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
  // Not SUCCEEDED: that execution has gone through EC2Stopper.
  executionEnded: {
    source: ['aws.states'],
    'detail-type': ['Step Functions Execution Status Change'],
    detail: { status: ['ABORTED', 'TIMED_OUT', 'FAILED'] },
  },
} as const;
