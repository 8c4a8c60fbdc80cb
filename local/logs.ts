import { FilterLogEventsCommand, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import type { LocalClock } from './clock';
import { awsError, type Service } from './service';

/** An event of a log stream. */
interface StoredEvent {
  readonly eventId: string;
  readonly logStreamName: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly message: string;
}

/** Events of a page: few, so that whoever reads them must ask for the next page. */
const PAGE = 3;

/** The parts of CloudWatch Logs that the command reads. Pages are small; FilterLogEvents has empty ones between. */
export class EmbeddedLogs {
  readonly #groups = new Map<string, StoredEvent[]>();
  #events = 0;

  constructor(
    private readonly clock: LocalClock,
    private readonly service: Service,
  ) {
    service
      .on(GetLogEventsCommand, ({ logGroupName = '', logStreamName = '', nextToken }) => {
        const events = this.#group(logGroupName).filter((each) => each.logStreamName === logStreamName);
        if (events.length === 0)
          throw awsError('ResourceNotFoundException', 'The specified log stream does not exist.');
        const from = Number(nextToken?.replace('f/', '') ?? 0);
        const page = events.slice(from, from + PAGE);
        // At the end of the stream it is the token that was given.
        return { events: page, nextForwardToken: `f/${from + page.length}`, nextBackwardToken: `b/${from}` };
      })
      .on(FilterLogEventsCommand, ({ logGroupName = '', filterPattern = '', startTime = 0, endTime, nextToken }) => {
        const words = filterPattern.replace(/^"|"$/g, '');
        // Two pages for each: CloudWatch also returns pages without events, before those with some.
        const number = Number(nextToken ?? 0);
        const found = this.#group(logGroupName).filter(
          ({ timestamp, message }) =>
            timestamp >= startTime && timestamp <= (endTime ?? Number.POSITIVE_INFINITY) && message.includes(words),
        );
        const from = Math.floor(number / 2) * PAGE;
        const events = number % 2 === 0 ? [] : found.slice(from, from + PAGE);
        const over = number % 2 === 1 && from + PAGE >= found.length;
        return { events, ...(!over && { nextToken: String(number + 1) }) };
      });
  }

  /** Makes a group, to which nothing has been written yet. */
  create(group: string): void {
    if (!this.#groups.has(group)) this.#groups.set(group, []);
  }

  /** Writes an event. The group need not exist. */
  put(group: string, logStreamName: string, message: string): void {
    this.create(group);
    const timestamp = this.clock.now().getTime();
    this.#group(group).push({ eventId: String(++this.#events), logStreamName, timestamp, message });
  }

  client() {
    return this.service.client();
  }

  #group(name: string): StoredEvent[] {
    const events = this.#groups.get(name);
    if (!events) throw awsError('ResourceNotFoundException', 'The specified log group does not exist.');
    return events;
  }
}
