import { MessageError } from '../messages/queue-messages.ts';
import { errorText, type Log } from './log.ts';
import type { Queue } from './queue.ts';

/** The part of Lambda's SQS event that we read. */
export interface SqsRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly eventSourceARN: string;
  readonly attributes: { readonly ApproximateReceiveCount: string; readonly SentTimestamp: string };
}

export interface SqsEvent {
  readonly Records: readonly SqsRecord[];
}

export interface SqsBatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** Lambda's context, as far as we use it. */
export interface InvocationContext {
  getRemainingTimeInMillis(): number;
  readonly awsRequestId: string;
}

/** Whether an event's records come from that queue; a mapping reads one queue, so they all do or none. */
export function isFromQueue(event: SqsEvent, queueUrl: string): boolean {
  return event.Records[0]?.eventSourceARN.split(':').at(-1) === queueUrl.split('/').at(-1);
}

/** `done`, or to be delivered again after so many seconds. */
export type RecordResult = 'done' | { readonly againAfterSeconds: number };

/** A failed record comes back after 1, 2, 4 ... seconds, two minutes at most. */
const RETRY_MAX_SECONDS = 120;
/** Waits are spread over this share below them: a minute and a half to two minutes parts what failed together. */
const JITTER_SHARE = 0.25;
/** Receives that a message may have before its waits grow of themselves: far more than taking turns with others ever takes. */
const RECEIVES_AT_EASE = 30;
const RECEIVES_PER_DOUBLING = 10;
/**
 * The longest wait that receives alone bring about. At SQS's most of 1,000 receives this lasts for five days, and a queue keeps its
 * messages for four: no message reaches the dead-letter queue by waiting.
 */
export const PARK_MAX_SECONDS = 600;
/**
 * A body that nobody can read is as unreadable an hour later: it uses up its receives at this pace, to lie in the dead-letter queue
 * within five minutes at 150 receives, and some 35 at 1,000. Not at once, because its reader may be deployed this very minute.
 */
const UNREADABLE_WAIT_SECONDS = 2;

export function retryDelaySeconds(receiveCount: number): number {
  return Math.min(RETRY_MAX_SECONDS, 2 ** Math.min(Math.max(receiveCount - 1, 0), 10));
}

/** The shortest wait before the next receive of a message that was received so often: 0 at first, then some 7 % of its waiting so far. */
export function parkSeconds(receiveCount: number): number {
  if (receiveCount <= RECEIVES_AT_EASE) return 0;
  return Math.min(PARK_MAX_SECONDS, 2 ** ((receiveCount - RECEIVES_AT_EASE) / RECEIVES_PER_DOUBLING));
}

/** A wait in whole seconds, as SQS takes them, between three quarters of `seconds` and the whole. `random` is from [0, 1). */
export function jitteredSeconds(seconds: number, random: number): number {
  return Math.ceil(seconds * (1 - JITTER_SHARE * random));
}

export function receiveCountOf(record: SqsRecord): number {
  return Number(record.attributes.ApproximateReceiveCount);
}

/**
 * Runs `process` on each record in turn; one bad record never decides the fate of its neighbours. A throw means "again", is
 * logged, and backs off by the number of receives; a `MessageError` is no matter of time and does not back off. Whatever the wait,
 * one that was received often waits longer. Where the visibility cannot be changed, the queue's own applies.
 */
export async function runSqsBatch(
  event: SqsEvent,
  queue: Pick<Queue, 'changeVisibility'>,
  log: Log,
  process: (record: SqsRecord) => Promise<RecordResult>,
  random: () => number = Math.random,
): Promise<SqsBatchResponse> {
  const failures: { itemIdentifier: string }[] = [];
  for (const record of event.Records) {
    const receiveCount = receiveCountOf(record);
    let seconds: number;
    try {
      const result = await process(record);
      if (result === 'done') continue;
      seconds = Math.max(result.againAfterSeconds, jitteredSeconds(parkSeconds(receiveCount), random()));
    } catch (error) {
      const isUnreadable = error instanceof MessageError;
      log.error(isUnreadable ? 'a record cannot be read and goes to the dead-letter queue' : 'a record failed and is delivered again', {
        messageId: record.messageId,
        receiveCount,
        error: errorText(error),
      });
      seconds = isUnreadable
        ? UNREADABLE_WAIT_SECONDS
        : jitteredSeconds(Math.max(retryDelaySeconds(receiveCount), parkSeconds(receiveCount)), random());
    }
    failures.push({ itemIdentifier: record.messageId });
    await queue.changeVisibility(record.receiptHandle, seconds).catch((error: unknown) => {
      log.warn('the visibility of a record could not be changed', { messageId: record.messageId, error: errorText(error) });
    });
  }
  return { batchItemFailures: failures };
}
