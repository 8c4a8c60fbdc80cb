/** An event as EventBridge hands it to a function. */
export interface CloudEvent {
  readonly source: string;
  readonly 'detail-type': string;
  readonly time: string;
  readonly region: string;
  readonly account: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Announces what has happened, as EC2, SSM and Step Functions do. */
export type Emit = (source: string, detailType: string, detail: Readonly<Record<string, unknown>>) => void;

/**
 * When an event arrives, in milliseconds after it happened: once, several times, or never.
 * EventBridge promises neither order nor number for AWS's own events (best effort).
 */
export type Delivery = (event: CloudEvent) => readonly number[];

/** Which function the deployed rules send an event to. */
export function targetOf({ 'detail-type': type, detail }: CloudEvent): 'relay' | 'reaper' | undefined {
  const is = (...values: string[]) => values.includes(String(detail.state ?? detail.status));
  switch (type) {
    case 'EC2 Command Invocation Status-change Notification':
      return is('Success', 'Failed', 'TimedOut', 'Cancelled') ? 'relay' : undefined;
    case 'EC2 Instance State-change Notification':
      return is('stopping', 'stopped', 'shutting-down', 'terminated') ? 'relay' : undefined;
    case 'EC2 Spot Instance Interruption Warning':
      return 'relay';
    case 'Step Functions Execution Status Change':
      return is('ABORTED', 'TIMED_OUT', 'FAILED') ? 'reaper' : undefined;
    default:
      return undefined;
  }
}
