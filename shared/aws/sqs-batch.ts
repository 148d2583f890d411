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

/** `done`, or to be delivered again after so many seconds. */
export type RecordResult = 'done' | { readonly againAfterSeconds: number };

/** A failed record comes back after 1, 2, 4 ... seconds, two minutes at most. */
const RETRY_MAX_SECONDS = 120;

export function retryDelaySeconds(receiveCount: number): number {
  return Math.min(RETRY_MAX_SECONDS, 2 ** Math.min(Math.max(receiveCount - 1, 0), 10));
}

export function receiveCountOf(record: SqsRecord): number {
  return Number(record.attributes.ApproximateReceiveCount);
}

/**
 * Runs `process` on each record in turn; one bad record never decides the fate of its neighbours. A throw means "again", is
 * logged, and backs off by the number of receives. Where the visibility cannot be changed, the queue's own applies.
 */
export async function runSqsBatch(
  event: SqsEvent,
  queue: Pick<Queue, 'changeVisibility'>,
  log: Log,
  process: (record: SqsRecord) => Promise<RecordResult>,
): Promise<SqsBatchResponse> {
  const failures: { itemIdentifier: string }[] = [];
  for (const record of event.Records) {
    let result: RecordResult;
    try {
      result = await process(record);
    } catch (error) {
      log.error('a record failed and is delivered again', {
        messageId: record.messageId,
        receiveCount: receiveCountOf(record),
        error: errorText(error),
      });
      result = { againAfterSeconds: retryDelaySeconds(receiveCountOf(record)) };
    }
    if (result === 'done') continue;
    failures.push({ itemIdentifier: record.messageId });
    await queue.changeVisibility(record.receiptHandle, result.againAfterSeconds).catch((error: unknown) => {
      log.warn('the visibility of a record could not be changed', { messageId: record.messageId, error: errorText(error) });
    });
  }
  return { batchItemFailures: failures };
}
