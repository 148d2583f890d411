import { describe, expect, it } from 'vitest';
import {
  jitteredSeconds,
  PARK_MAX_SECONDS,
  parkSeconds,
  type RecordResult,
  retryDelaySeconds,
  runSqsBatch,
  type SqsRecord,
} from '../../../shared/aws/sqs-batch.ts';
import { MessageError } from '../../../shared/messages/queue-messages.ts';

const FOUR_DAYS_SECONDS = 4 * 24 * 3_600;
const MOST_RECEIVES = 1_000;

interface Run {
  readonly failed: readonly string[];
  readonly waits: Readonly<Record<string, number>>;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

function record(messageId: string, receiveCount: number): SqsRecord {
  return {
    messageId,
    receiptHandle: messageId,
    body: messageId,
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:lookups-live',
    attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: '0' },
  };
}

async function run(
  records: readonly SqsRecord[],
  process: (record: SqsRecord) => Promise<RecordResult>,
  { random = 0, isVisibilityFixed = false } = {},
): Promise<Run> {
  const waits: Record<string, number> = {};
  const errors: string[] = [];
  const warnings: string[] = [];
  const queue = {
    changeVisibility: async (handle: string, seconds: number) => {
      if (isVisibilityFixed) throw new Error('SQS is away');
      waits[handle] = seconds;
    },
  };
  const log = {
    info: () => undefined,
    warn: (message: string): void => void warnings.push(message),
    error: (message: string): void => void errors.push(message),
  };
  const { batchItemFailures } = await runSqsBatch({ Records: records }, queue, log, process, () => random);
  return { failed: batchItemFailures.map(({ itemIdentifier }) => itemIdentifier), waits, errors, warnings };
}

describe('a batch of records', () => {
  it('answers for each record by itself', async () => {
    const { failed, waits, errors } = await run(
      ['done', 'again', 'broken'].map((id) => record(id, 1)),
      async ({ body }) => {
        if (body === 'broken') throw new Error('no such table');
        return body === 'done' ? 'done' : { againAfterSeconds: 7 };
      },
    );
    expect(failed).toEqual(['again', 'broken']);
    expect(waits).toEqual({ again: 7, broken: 1 });
    expect(errors).toEqual(['a record failed and is delivered again']);
  });

  it('says so where the visibility cannot be changed, and leaves the record to the queue’s own', async () => {
    const { failed, warnings } = await run([record('again', 1)], async () => ({ againAfterSeconds: 7 }), { isVisibilityFixed: true });
    expect(failed).toEqual(['again']);
    expect(warnings).toEqual(['the visibility of a record could not be changed']);
  });

  it('does not back off for a record that nobody can read', async () => {
    const unreadable = async (): Promise<RecordResult> => {
      throw new MessageError('lookups: the body is not JSON');
    };
    for (const receiveCount of [1, 60, MOST_RECEIVES]) {
      const { waits, errors } = await run([record('m', receiveCount)], unreadable);
      expect(waits).toEqual({ m: 2 });
      expect(errors).toEqual(['a record cannot be read and goes to the dead-letter queue']);
    }
  });
});

describe('waits', () => {
  it('of a record that fails double from a second to two minutes, a quarter of each by chance', async () => {
    expect([1, 2, 3, 7, 8, 30].map(retryDelaySeconds)).toEqual([1, 2, 4, 64, 120, 120]);
    const fails = async (): Promise<RecordResult> => {
      throw new Error('away');
    };
    expect((await run([record('m', 8)], fails, { random: 0 })).waits).toEqual({ m: 120 });
    expect((await run([record('m', 8)], fails, { random: 0.999 })).waits).toEqual({ m: 91 });
    expect(jitteredSeconds(1, 0.999)).toBe(1);
  });

  it('that a handler asks for are kept, until the record has been received so often that it waits longer', async () => {
    const waiting = async (): Promise<RecordResult> => ({ againAfterSeconds: 2 });
    const waitAt = async (receiveCount: number) => (await run([record('m', receiveCount)], waiting)).waits['m'];
    expect(await Promise.all([1, 30, 60, 90, 500].map(waitAt))).toEqual([2, 2, 8, 64, PARK_MAX_SECONDS]);
    const asksForMore = async (): Promise<RecordResult> => ({ againAfterSeconds: 6 * 3_600 });
    expect((await run([record('m', 500)], asksForMore)).waits).toEqual({ m: 6 * 3_600 });
  });

  it('outlast the queue’s retention before SQS’s most of receives is reached, whatever chance does', () => {
    let seconds = 0;
    for (let receiveCount = 1; receiveCount <= MOST_RECEIVES; receiveCount += 1)
      seconds += jitteredSeconds(parkSeconds(receiveCount), 0.999);
    expect(seconds).toBeGreaterThan(FOUR_DAYS_SECONDS);
  });
});
