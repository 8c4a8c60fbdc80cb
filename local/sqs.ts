import { createHash, randomUUID } from 'node:crypto';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { LocalClock } from './clock';
import { awsError, type Caller, type Service } from './service';

interface Message {
  readonly MessageId: string;
  readonly Body: string;
  readonly group: string;
  receives: number;
  visibleAt: number;
  receipt?: string;
}

interface Queue {
  readonly messages: Message[];
  readonly seen: Map<string, number>;
  readonly visibilitySeconds: number;
  /** Where a message goes that was received too often. */
  readonly deadLetters?: { readonly url: string; readonly receives: number };
}

/** SQS drops a second message with the same deduplication ID for five minutes (API reference, SendMessage). */
const DEDUPLICATED_MS = 300_000;

/** FIFO queues of SQS: order within a group, deduplication, visibility and dead letters. */
export class EmbeddedSqs {
  readonly #queues = new Map<string, Queue>();

  constructor(
    private readonly clock: LocalClock,
    private readonly service: Service,
  ) {
    service
      .on(SendMessageCommand, ({ QueueUrl = '', MessageBody = '', MessageGroupId = '', MessageDeduplicationId }) => {
        const queue = this.#queue(QueueUrl);
        const now = clock.now().getTime();
        const id = MessageDeduplicationId ?? createHash('sha256').update(MessageBody).digest('hex');
        const sent = queue.seen.get(id);
        const MessageId = randomUUID();
        if (sent !== undefined && now - sent < DEDUPLICATED_MS) return { MessageId };
        queue.seen.set(id, now);
        queue.messages.push({ MessageId, Body: MessageBody, group: MessageGroupId, receives: 0, visibleAt: now });
        return { MessageId };
      })
      .on(ReceiveMessageCommand, ({ QueueUrl = '', MaxNumberOfMessages = 1 }) => ({
        Messages: this.#receive(QueueUrl, MaxNumberOfMessages),
      }))
      .on(DeleteMessageCommand, ({ QueueUrl = '', ReceiptHandle }) => {
        const { messages } = this.#queue(QueueUrl);
        const index = messages.findIndex(({ receipt }) => receipt !== undefined && receipt === ReceiptHandle);
        if (index !== -1) messages.splice(index, 1);
        return {};
      })
      .on(GetQueueAttributesCommand, ({ QueueUrl = '' }) => {
        const { messages } = this.#queue(QueueUrl);
        const visible = messages.filter(({ visibleAt }) => visibleAt <= clock.now().getTime()).length;
        return {
          Attributes: {
            ApproximateNumberOfMessages: String(visible),
            ApproximateNumberOfMessagesNotVisible: String(messages.length - visible),
          },
        };
      });
  }

  /** @param caller the function that uses the client; default: none */
  client(caller?: Caller): Pick<SQSClient, 'send'> {
    return this.service.client(caller) as Pick<SQSClient, 'send'>;
  }

  /** Makes a queue. */
  queue(url: string, visibilitySeconds: number, deadLetters?: Queue['deadLetters']): void {
    this.#queues.set(url, { messages: [], seen: new Map(), visibilitySeconds, ...(deadLetters && { deadLetters }) });
  }

  /** The bodies of all messages of a queue, the oldest first. */
  bodies(url: string): string[] {
    return this.#queue(url).messages.map(({ Body }) => Body);
  }

  #receive(url: string, most: number) {
    const queue = this.#queue(url);
    const { messages, visibilitySeconds, deadLetters } = queue;
    const now = this.clock.now().getTime();
    const busy = new Set(messages.filter(({ visibleAt }) => visibleAt > now).map(({ group }) => group));
    const received: Message[] = [];
    for (const message of [...messages]) {
      if (received.length >= most) break;
      if (busy.has(message.group)) continue;
      if (deadLetters && message.receives >= deadLetters.receives) {
        messages.splice(messages.indexOf(message), 1);
        this.#queue(deadLetters.url).messages.push({ ...message, receives: 0, visibleAt: now });
        continue;
      }
      message.receives++;
      message.visibleAt = now + visibilitySeconds * 1000;
      message.receipt = randomUUID();
      received.push(message);
    }
    return received.map(({ MessageId, Body, receipt }) => ({ MessageId, Body, ReceiptHandle: receipt }));
  }

  #queue(url: string): Queue {
    const queue = this.#queues.get(url);
    if (!queue) throw awsError('QueueDoesNotExist', `The specified queue does not exist: ${url}`);
    return queue;
  }
}
