import { type InvokeResult, MAXIMUM_PAYLOAD_BYTES } from './lambda-environment.ts';
import type { EventSourceMappingPlan } from './plan.ts';
import type { QueuePort, ReceivedMessage } from './sqs.ts';
import { readBatchResponse, toSqsEvent } from './sqs-event.ts';

/** SQS hands out at most 10 messages a receive (SQS API, ReceiveMessage). */
const MAXIMUM_RECEIVED = 10;
/** A mapping without MaximumConcurrency starts with five batches at once (Lambda developer guide); it does not grow here. */
const DEFAULT_CONCURRENCY = 5;
/** The longest that one look at a queue waits (SQS API, ReceiveMessage). */
const LONGEST_WAIT_MS = 20_000;
/** After a throttle the mapping waits, twice as long each time. */
const SHORTEST_BACK_OFF_MS = 100;
const LONGEST_BACK_OFF_MS = 5_000;

/** What became of one batch. */
export interface BatchOutcome {
  readonly mapping: EventSourceMappingPlan;
  readonly messageIds: readonly string[];
  /** These were not deleted; they return when their visibility time ends. */
  readonly failedMessageIds: readonly string[];
  readonly result: InvokeResult;
}

export interface EventSourceMappingOptions {
  readonly queues: QueuePort;
  readonly invoke: (functionArn: string, payload: string) => Promise<InvokeResult>;
  readonly onBatch?: (outcome: BatchOutcome) => void;
}

/**
 * Takes messages of one queue to one function by Lambda's rules: never more batches at once than the mapping's concurrency, messages
 * deleted only after the function did them, and nothing done to the visibility of the others.
 */
export class EventSourceMapping {
  readonly plan: EventSourceMappingPlan;
  readonly #options: EventSourceMappingOptions;
  readonly #concurrency: number;
  #state: 'running' | 'paused' | 'closed';
  #batchCount = 0;
  #backOffMs = 0;
  /** Lets the loop go on: a batch has ended, or the state has changed. */
  #nudge: () => void = () => undefined;

  constructor(plan: EventSourceMappingPlan, options: EventSourceMappingOptions) {
    this.plan = plan;
    this.#options = options;
    this.#concurrency = plan.maximumConcurrency ?? DEFAULT_CONCURRENCY;
    this.#state = plan.enabled ? 'running' : 'paused';
  }

  /** Runs until `close`. */
  async run(): Promise<void> {
    while (this.#state !== 'closed') {
      if (this.#state === 'paused' || this.#batchCount >= this.#concurrency) {
        await new Promise<void>((resolve) => {
          this.#nudge = resolve;
        });
        continue;
      }
      const messages = await this.#collect();
      for (const batch of splitBySize(messages)) {
        this.#batchCount += 1;
        void this.#handle(batch).finally(() => {
          this.#batchCount -= 1;
          this.#nudge();
        });
      }
    }
  }

  /** Takes no more messages; batches that run go on. */
  pause(): void {
    this.#setState('paused');
  }

  resume(): void {
    this.#setState('running');
  }

  close(): void {
    this.#setState('closed');
  }

  #setState(state: 'running' | 'paused' | 'closed'): void {
    if (this.#state === 'closed') return;
    this.#state = state;
    this.#nudge();
    this.#options.queues.wake(this.plan.queueArn);
  }

  /** Waits for messages; from the first one on for the mapping's window, or until the batch is full. Empty when the state changed. */
  async #collect(): Promise<ReceivedMessage[]> {
    const { queueArn, batchSize, batchingWindowSeconds } = this.plan;
    const { queues } = this.#options;
    const messages: ReceivedMessage[] = [];
    let endsAtMs = Number.POSITIVE_INFINITY;
    while (this.#state === 'running') {
      const received = queues.take(queueArn, Math.min(MAXIMUM_RECEIVED, batchSize - messages.length));
      if (messages.length === 0 && received.length > 0) endsAtMs = Date.now() + batchingWindowSeconds * 1000;
      messages.push(...received);
      const remainingMs = endsAtMs - Date.now();
      if (messages.length >= batchSize || remainingMs <= 0) break;
      if (received.length === 0) await queues.wait(queueArn, Math.min(remainingMs, LONGEST_WAIT_MS));
    }
    return messages;
  }

  async #handle(messages: readonly ReceivedMessage[]): Promise<void> {
    const { queueArn, functionArn } = this.plan;
    const result = await this.#options.invoke(functionArn, JSON.stringify(toSqsEvent(queueArn, messages)));
    const failed = this.#failedOf(result, messages);
    const done = messages.filter(({ messageId }) => failed !== 'all' && !failed.has(messageId));
    this.#options.queues.delete(
      queueArn,
      done.map(({ receiptHandle }) => receiptHandle),
    );
    this.#options.onBatch?.({
      mapping: this.plan,
      messageIds: messages.map(({ messageId }) => messageId),
      failedMessageIds: messages.filter((message) => !done.includes(message)).map(({ messageId }) => messageId),
      result,
    });
    await this.#backOff(!result.ok && result.reason === 'throttled');
  }

  #failedOf(result: InvokeResult, messages: readonly ReceivedMessage[]): ReadonlySet<string> | 'all' {
    if (!result.ok) return 'all';
    if (!this.plan.reportBatchItemFailures) return new Set();
    return readBatchResponse(result.payload, new Set(messages.map(({ messageId }) => messageId)));
  }

  /** A throttled batch keeps its place for a while, so that a busy function does not use up the receives of the whole queue. */
  async #backOff(isThrottled: boolean): Promise<void> {
    this.#backOffMs = isThrottled ? Math.min(Math.max(this.#backOffMs * 2, SHORTEST_BACK_OFF_MS), LONGEST_BACK_OFF_MS) : 0;
    const waitMs = this.#backOffMs;
    if (waitMs > 0) await new Promise<void>((resolve) => void setTimeout(resolve, waitMs).unref());
  }
}

/** Messages in their order, in batches whose event Lambda takes. The records' own fields are some 700 bytes. */
function splitBySize(messages: readonly ReceivedMessage[]): ReceivedMessage[][] {
  const batches: ReceivedMessage[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const messageBytes =
      Buffer.byteLength(JSON.stringify(message.body)) + Buffer.byteLength(JSON.stringify(message.messageAttributes)) + 1024;
    bytes += messageBytes;
    if (bytes > MAXIMUM_PAYLOAD_BYTES) {
      batches.push([]);
      bytes = messageBytes;
    }
    batches.at(-1)?.push(message);
  }
  return batches;
}
