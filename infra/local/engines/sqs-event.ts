import { isRecord } from './intrinsics.ts';
import { REGION } from './plan.ts';
import type { ReceivedMessage } from './sqs.ts';

/** The event with which Lambda hands messages of a queue to a function. */
export function toSqsEvent(queueArn: string, messages: readonly ReceivedMessage[]): unknown {
  return {
    Records: messages.map((message) => ({
      messageId: message.messageId,
      receiptHandle: message.receiptHandle,
      body: message.body,
      attributes: message.attributes,
      messageAttributes: Object.fromEntries(
        Object.entries(message.messageAttributes).map(([name, attribute]) => [
          name,
          {
            ...(attribute.StringValue === undefined ? {} : { stringValue: attribute.StringValue }),
            ...(attribute.BinaryValue === undefined ? {} : { binaryValue: attribute.BinaryValue }),
            stringListValues: [],
            binaryListValues: [],
            dataType: attribute.DataType,
          },
        ]),
      ),
      md5OfBody: message.md5OfBody,
      eventSource: 'aws:sqs',
      eventSourceARN: queueArn,
      awsRegion: REGION,
    })),
  };
}

/**
 * The messages of a batch that a function says it did not do, from its answer as JSON text. No answer, no list and an empty list mean
 * that all are done. `all`: the answer cannot be read, or names a message that was not in the batch; then Lambda counts the whole batch
 * as failed.
 */
export function readBatchResponse(payload: string, messageIds: ReadonlySet<string>): ReadonlySet<string> | 'all' {
  let answer: unknown;
  try {
    answer = payload === '' ? null : JSON.parse(payload);
  } catch {
    // A function's answer that is no JSON is a failed batch, not a fault of the engines.
    return 'all';
  }
  if (answer === null || answer === '') return new Set();
  if (!isRecord(answer)) return 'all';
  const failures = answer['batchItemFailures'];
  if (failures === undefined || failures === null) return new Set();
  if (!Array.isArray(failures)) return 'all';
  const failed = new Set<string>();
  for (const failure of failures) {
    const id: unknown = isRecord(failure) ? failure['itemIdentifier'] : undefined;
    if (typeof id !== 'string' || !messageIds.has(id)) return 'all';
    failed.add(id);
  }
  return failed;
}
