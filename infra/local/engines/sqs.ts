import { buildApp } from 'fauxqs';
import { LOOPBACK } from './loopback-server.ts';
import { ACCOUNT, type QueuePlan } from './plan.ts';

/** A message attribute as SQS has it. */
interface MessageAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
  readonly BinaryValue?: string;
}

export interface ReceivedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly md5OfBody: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly messageAttributes: Readonly<Record<string, MessageAttribute>>;
}

export interface QueueCounts {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

/** What the other engines ask of a queue, without a socket between. Queues are named by their ARN. */
export interface QueuePort {
  /** Receives what is visible now, at most 10 messages. */
  take(queueArn: string, maximumMessages: number): ReceivedMessage[];
  /** Waits until something may have become visible, until `wake`, or for this time. Costs a look at the queue every 20 ms. */
  wait(queueArn: string, waitMs: number): Promise<void>;
  /** Ends the waits of this queue at once. */
  wake(queueArn: string): void;
  delete(queueArn: string, receiptHandles: readonly string[]): void;
  send(queueArn: string, body: string): void;
}

export interface Sqs extends QueuePort {
  readonly url: string;
  /** The address of a queue on this machine. */
  queueUrl(queueName: string): string;
  counts(queueArn: string): QueueCounts;
  /** Takes this time off every visibility time and delay of a queue, for tests that do not wait. */
  elapse(queueArn: string, elapsedMs: number): void;
  close(): Promise<void>;
}

/** What is used of fauxqs's inside; the version is pinned for it. */
interface StoredMessage {
  readonly messageId: string;
  readonly body: string;
  readonly md5OfBody: string;
  readonly sentTimestamp: number;
  readonly approximateReceiveCount: number;
  readonly approximateFirstReceiveTimestamp?: number;
  readonly messageAttributes: Record<string, MessageAttribute>;
  delayUntil?: number;
}
interface StoredQueue {
  readonly attributes: Readonly<Record<string, string>>;
  readonly messages: readonly StoredMessage[];
  readonly delayedMessages: readonly StoredMessage[];
  readonly inflightMessages: ReadonlyMap<string, { readonly message: StoredMessage; visibilityDeadline: number }>;
  dequeue(maximum: number, visibility: undefined, findQueue: (arn: string) => StoredQueue | undefined): { ReceiptHandle: string }[];
  waitForMessages(seconds: number): Promise<void>;
  cancelWaiters(): void;
  processTimers(): void;
  deleteMessage(receiptHandle: string): boolean;
  enqueue(message: unknown): void;
}
type Stores = NonNullable<NonNullable<Parameters<typeof buildApp>[0]>['stores']>;
type CreateMessage = (body: string, attributes: Record<string, MessageAttribute>, delaySeconds: number) => unknown;
interface QueueStore {
  host: string;
  createQueue(name: string, url: string, arn: string, attributes: Record<string, string>): StoredQueue;
  getQueueByArn(arn: string): StoredQueue | undefined;
  buildQueueUrl(queueName: string): string;
}

/** SQS in memory with the queues of a plan. Messages are not dropped when their retention ends: no local run is that old. */
export async function startSqs(queues: readonly QueuePlan[]): Promise<Sqs> {
  const { stores, store, createMessage } = await loadStores();
  const app = buildApp({ logger: false, stores });
  const url = (await app.listen({ port: 0, host: LOOPBACK })).replace(/\/$/, '');
  const queueUrl = (name: string): string => `${url}/${ACCOUNT}/${name}`;
  store.buildQueueUrl = queueUrl;
  for (const queue of queues) store.createQueue(queue.name, queueUrl(queue.name), queue.arn, toAttributes(queue));

  const find = (arn: string): StoredQueue => {
    const queue = store.getQueueByArn(arn);
    if (!queue) throw new RangeError(`there is no queue ${arn}`);
    return queue;
  };
  return {
    url,
    queueUrl,
    take: (queueArn, maximumMessages) => {
      const queue = find(queueArn);
      const received = queue.dequeue(maximumMessages, undefined, (arn) => store.getQueueByArn(arn));
      return received.flatMap(({ ReceiptHandle }) => {
        const entry = queue.inflightMessages.get(ReceiptHandle);
        return entry ? [toReceived(entry.message, ReceiptHandle)] : [];
      });
    },
    wait: (queueArn, waitMs) => find(queueArn).waitForMessages(waitMs / 1000),
    wake: (queueArn) => find(queueArn).cancelWaiters(),
    delete: (queueArn, receiptHandles) => {
      for (const receiptHandle of receiptHandles) find(queueArn).deleteMessage(receiptHandle);
    },
    send: (queueArn, body) => {
      const queue = find(queueArn);
      queue.enqueue(createMessage(body, {}, Number(queue.attributes['DelaySeconds'])));
    },
    counts: (queueArn) => {
      const queue = find(queueArn);
      queue.processTimers();
      return { visible: queue.messages.length, inFlight: queue.inflightMessages.size, delayed: queue.delayedMessages.length };
    },
    elapse: (queueArn, elapsedMs) => {
      const queue = find(queueArn);
      for (const entry of queue.inflightMessages.values()) entry.visibilityDeadline -= elapsedMs;
      for (const message of queue.delayedMessages) if (message.delayUntil !== undefined) message.delayUntil -= elapsedMs;
      queue.processTimers();
    },
    close: async () => {
      await app.close();
    },
  };
}

/** fauxqs exports the server and not its stores; without them it would listen on every interface and name queues by a host of its own. */
async function loadStores(): Promise<{ stores: Stores; store: QueueStore; createMessage: CreateMessage }> {
  const entry = import.meta.resolve('fauxqs');
  const load = async (path: string): Promise<Record<string, new () => unknown>> => import(new URL(path, entry).href);
  const [sqs, sns, s3] = await Promise.all([load('./sqs/sqsStore.js'), load('./sns/snsStore.js'), load('./s3/s3Store.js')]);
  const construct = (module: Record<string, new () => unknown>, name: string): unknown => {
    const Store = module[name];
    if (!Store) throw new Error(`fauxqs has no ${name}: the engines are written for its version 2.4.1`);
    return new Store();
  };
  const store = construct(sqs, 'SqsStore');
  const stores = { sqsStore: store, snsStore: construct(sns, 'SnsStore'), s3Store: construct(s3, 'S3Store') } as Stores;
  const { createMessage } = sqs['SqsStore'] as unknown as { createMessage: CreateMessage };
  return { stores, store: store as QueueStore, createMessage };
}

function toAttributes(queue: QueuePlan): Record<string, string> {
  return {
    VisibilityTimeout: String(queue.visibilityTimeoutSeconds),
    MessageRetentionPeriod: String(queue.messageRetentionSeconds),
    DelaySeconds: String(queue.delaySeconds),
    ReceiveMessageWaitTimeSeconds: String(queue.receiveWaitSeconds),
    MaximumMessageSize: String(queue.maximumMessageBytes),
    ...(queue.redrive
      ? {
          RedrivePolicy: JSON.stringify({
            deadLetterTargetArn: queue.redrive.deadLetterQueueArn,
            maxReceiveCount: queue.redrive.maxReceiveCount,
          }),
        }
      : {}),
  };
}

function toReceived(message: StoredMessage, receiptHandle: string): ReceivedMessage {
  return {
    messageId: message.messageId,
    receiptHandle,
    body: message.body,
    md5OfBody: message.md5OfBody,
    attributes: {
      ApproximateReceiveCount: String(message.approximateReceiveCount),
      SentTimestamp: String(message.sentTimestamp),
      SenderId: ACCOUNT,
      ApproximateFirstReceiveTimestamp: String(message.approximateFirstReceiveTimestamp ?? message.sentTimestamp),
    },
    messageAttributes: message.messageAttributes,
  };
}
