/** The EventBridge patterns of the events that call the follower, and of the one that calls the reaper. */
export const EVENT_PATTERNS = {
  restored: { source: ['aws.s3'], 'detail-type': ['Object Restore Completed', 'Object Restore Expired'] },
  jobEnded: {
    source: ['aws.batch'],
    'detail-type': ['Batch Job State Change'],
    detail: { status: ['SUCCEEDED', 'FAILED'] },
  },
  turnEnded: {
    source: ['aws.states'],
    'detail-type': ['Step Functions Execution Status Change'],
    detail: { status: ['ABORTED', 'TIMED_OUT', 'FAILED'] },
  },
} as const;
