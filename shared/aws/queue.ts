import { ChangeMessageVisibilityCommand, ReceiveMessageCommand, SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';

interface OutgoingMessage {
  /** JSON. */
  readonly body: string;
  /** 0 to 900 s. */
  readonly delaySeconds?: number;
}

export interface Queue {
  /** Sends all or throws: what SQS refuses entry by entry is sent again, twice at most, and then named in the error. */
  send(messages: readonly OutgoingMessage[]): Promise<void>;
  /** Hides a received message for this long from now; 0 returns it at once. */
  changeVisibility(receiptHandle: string, visibilityTimeoutSeconds: number): Promise<void>;
}

/** SQS takes 10 messages and 1 MiB a batch call; messages of ours are 200 KB at most, so five of them always fit. */
const BATCH_MAX_ENTRIES = 10;
const BATCH_MAX_BYTES = 1024 * 1024;
const SEND_ATTEMPTS = 3;

/**
 * SQS refuses U+FFFE and U+FFFF, which a branch name may hold, and an embedded engine everything above. Bodies are JSON, where an
 * escape says the same.
 */
function allowedCharacters(json: string): string {
  return json.replace(/[\ud800-\udfff\ufffe\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}

export function createQueue(client: SQSClient, queueUrl: string): Queue {
  async function sendBatch(messages: readonly OutgoingMessage[]): Promise<void> {
    let open = messages;
    let lastCode = '';
    for (let attempt = 1; attempt <= SEND_ATTEMPTS; attempt += 1) {
      const answer = await client.send(
        new SendMessageBatchCommand({
          QueueUrl: queueUrl,
          Entries: open.map((message, index) => ({
            Id: String(index),
            MessageBody: allowedCharacters(message.body),
            DelaySeconds: message.delaySeconds ?? 0,
          })),
        }),
      );
      const failed = answer.Failed ?? [];
      if (failed.length === 0) return;
      lastCode = failed[0]?.Code ?? 'unknown';
      const refused = open;
      open = failed.flatMap(({ Id }) => refused[Number(Id)] ?? []);
    }
    throw new Error(`SQS refused ${open.length} message(s) for ${queueUrl}, last with ${lastCode}`);
  }

  return {
    async send(messages) {
      let batch: OutgoingMessage[] = [];
      let bytes = 0;
      for (const message of messages) {
        const size = Buffer.byteLength(message.body);
        if (batch.length > 0 && (batch.length === BATCH_MAX_ENTRIES || bytes + size > BATCH_MAX_BYTES)) {
          await sendBatch(batch);
          batch = [];
          bytes = 0;
        }
        batch.push(message);
        bytes += size;
      }
      if (batch.length > 0) await sendBatch(batch);
    },
    async changeVisibility(receiptHandle, visibilityTimeoutSeconds) {
      await client.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: queueUrl,
          ReceiptHandle: receiptHandle,
          VisibilityTimeout: visibilityTimeoutSeconds,
        }),
      );
    },
  };
}

export interface ReceivedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
}

export interface QueueReader {
  /** Up to ten messages, hidden from others for so long; they stay on the queue. Does not wait for any to come. */
  receive(visibilityTimeoutSeconds: number): Promise<readonly ReceivedMessage[]>;
}

export function createQueueReader(client: SQSClient, queueUrl: string): QueueReader {
  return {
    async receive(visibilityTimeoutSeconds) {
      const answer = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: BATCH_MAX_ENTRIES,
          VisibilityTimeout: visibilityTimeoutSeconds,
          WaitTimeSeconds: 0,
        }),
      );
      return (answer.Messages ?? []).map((message) => ({
        messageId: message.MessageId ?? '',
        receiptHandle: message.ReceiptHandle ?? '',
        body: message.Body ?? '',
      }));
    },
  };
}
