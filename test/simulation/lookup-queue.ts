import type { SqsRecord } from '../../shared/aws/sqs-batch.ts';
import { resourcesOfType, synthesiseStacks } from '../infra/aws/synthesised-stacks.ts';

/** What the template says of the queue and of the function that reads it. */
export interface LookupTemplate {
  readonly maxReceiveCount: number;
  readonly visibilitySeconds: number;
  readonly timeoutSeconds: number;
  readonly concurrency: number;
}

/** The numbers that SQS and Lambda go by, from the template that is deployed. */
export function readLookupTemplate(): LookupTemplate {
  const { pipeline } = synthesiseStacks({ tenant: 'default', reports: 'on' });
  const named = (type: string, part: string) =>
    resourcesOfType(pipeline, type).filter(({ logicalId }) => logicalId.includes(part) && !logicalId.includes('DeadLetter'));
  const [queue] = named('AWS::SQS::Queue', 'LookupsLive');
  const [worker] = named('AWS::Lambda::Function', 'Worker');
  const [delivery] = named('AWS::Lambda::EventSourceMapping', 'LookupsLive');
  return {
    maxReceiveCount: queue?.properties.RedrivePolicy.maxReceiveCount,
    visibilitySeconds: queue?.properties.VisibilityTimeout,
    timeoutSeconds: worker?.properties.Timeout,
    concurrency: delivery?.properties.ScalingConfig.MaximumConcurrency,
  };
}

/** One wait that a consumer asked for. */
export interface Wait {
  readonly messageId: string;
  readonly receiveCount: number;
  readonly atMs: number;
  readonly seconds: number;
}

interface Message {
  readonly messageId: string;
  readonly body: string;
  readonly sentAtMs: number;
  visibleAtMs: number;
  receiveCount: number;
}

/** A standard queue's rules on a given clock: visibility, receive count, and redrive once the count would pass its most. */
export class LookupQueue {
  readonly deadLetters: { readonly body: string; readonly atMs: number }[] = [];
  readonly waits: Wait[] = [];
  mostReceives = 0;
  #messages: Message[] = [];
  #sent = 0;
  readonly #options: { readonly maxReceiveCount: number; readonly visibilitySeconds: number; readonly nowMs: () => number };

  constructor(options: { maxReceiveCount: number; visibilitySeconds: number; nowMs: () => number }) {
    this.#options = options;
  }

  get size(): number {
    return this.#messages.length;
  }

  send(body: string): void {
    this.#sent += 1;
    const nowMs = this.#options.nowMs();
    this.#messages.push({ messageId: `m${this.#sent}`, body, sentAtMs: nowMs, visibleAtMs: nowMs, receiveCount: 0 });
  }

  /** The message that has been visible for longest, if any is. */
  receive(): SqsRecord | undefined {
    const nowMs = this.#options.nowMs();
    for (;;) {
      let next: Message | undefined;
      for (const message of this.#messages) {
        if (message.visibleAtMs <= nowMs && (next === undefined || message.visibleAtMs < next.visibleAtMs)) next = message;
      }
      if (!next) return undefined;
      if (next.receiveCount >= this.#options.maxReceiveCount) {
        this.deadLetters.push({ body: next.body, atMs: nowMs });
        this.delete(next.messageId);
        continue;
      }
      next.receiveCount += 1;
      this.mostReceives = Math.max(this.mostReceives, next.receiveCount);
      next.visibleAtMs = nowMs + this.#options.visibilitySeconds * 1_000;
      return {
        messageId: next.messageId,
        receiptHandle: next.messageId,
        body: next.body,
        eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:lookups-live',
        attributes: { ApproximateReceiveCount: String(next.receiveCount), SentTimestamp: String(next.sentAtMs) },
      };
    }
  }

  delete(messageId: string): void {
    this.#messages = this.#messages.filter((message) => message.messageId !== messageId);
  }

  async changeVisibility(receiptHandle: string, seconds: number): Promise<void> {
    const message = this.#messages.find(({ messageId }) => messageId === receiptHandle);
    if (!message) throw new Error(`no message ${receiptHandle}`);
    if (!Number.isInteger(seconds) || seconds < 0 || seconds > 12 * 3_600) throw new Error(`SQS takes no visibility of ${seconds} s`);
    const nowMs = this.#options.nowMs();
    message.visibleAtMs = nowMs + seconds * 1_000;
    this.waits.push({ messageId: receiptHandle, receiveCount: message.receiveCount, atMs: nowMs, seconds });
  }

  /** When the next message is visible; infinite where there is none. */
  nextVisibleAtMs(): number {
    return this.#messages.reduce((least, { visibleAtMs }) => Math.min(least, visibleAtMs), Number.POSITIVE_INFINITY);
  }
}
