import { EVENT_PATTERNS } from '../constructs/datastream/events';

/** An event in the form in which EventBridge passes it to a function. */
export interface CloudEvent {
  readonly source: string;
  readonly 'detail-type': string;
  readonly time: string;
  readonly region: string;
  readonly account: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Sends an event to EventBridge, as EC2, SSM and Step Functions do. */
export type Emit = (source: string, detailType: string, detail: Readonly<Record<string, unknown>>) => void;

/**
 * Returns the delays of an event's deliveries in milliseconds. An event may arrive once, several times or never. AWS
 * services deliver events to EventBridge on a best-effort basis, with no guarantee of their order or number.
 */
export type Delivery = (event: CloudEvent) => readonly number[];

const { executionEnded, ...forRelay } = EVENT_PATTERNS;

/** The function to which the deployed rules send an event. */
export function targetOf(event: CloudEvent): 'relay' | 'reaper' | undefined {
  if (matches(event, executionEnded)) return 'reaper';
  return Object.values(forRelay).some((pattern) => matches(event, pattern)) ? 'relay' : undefined;
}

/** An EventBridge pattern, as far as the systems here use it. */
export interface Pattern {
  readonly source: readonly unknown[];
  readonly 'detail-type': readonly unknown[];
  readonly detail?: Readonly<Record<string, readonly unknown[]>>;
}

/** Whether an event is of a pattern. */
export function matches(event: CloudEvent, { source, 'detail-type': types, detail = {} }: Pattern): boolean {
  return (
    source.includes(event.source) &&
    types.includes(event['detail-type']) &&
    Object.entries(detail).every(([key, values]) => values.includes(event.detail[key]))
  );
}
