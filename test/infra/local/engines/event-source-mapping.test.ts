import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type BatchOutcome, EventSourceMapping } from '../../../../infra/local/engines/event-source-mapping.ts';
import type { InvokeResult } from '../../../../infra/local/engines/lambda-environment.ts';
import type { EventSourceMappingPlan, QueuePlan } from '../../../../infra/local/engines/plan.ts';
import { type Sqs, startSqs } from '../../../../infra/local/engines/sqs.ts';

const queuePlan = (name: string, over: Partial<QueuePlan> = {}): QueuePlan => ({
  stackName: 'App',
  logicalId: name,
  name,
  arn: `arn:aws:sqs:us-east-1:000000000000:${name}`,
  url: '',
  visibilityTimeoutSeconds: 30,
  messageRetentionSeconds: 345_600,
  delaySeconds: 0,
  receiveWaitSeconds: 0,
  maximumMessageBytes: 1_048_576,
  ...over,
});
const DEAD = queuePlan('dead');
const WORK = queuePlan('work', { redrive: { deadLetterQueueArn: DEAD.arn, maxReceiveCount: 2 } });

interface Handed {
  readonly bodies: readonly string[];
  readonly receiveCounts: readonly string[];
  readonly messageIds: readonly string[];
}

const done = (answer: unknown = null): InvokeResult => ({ ok: true, requestId: 'r', payload: JSON.stringify(answer) });
const failed = (reason: 'error' | 'timeout' | 'throttled'): InvokeResult => ({
  ok: false,
  requestId: 'r',
  reason,
  errorType: 'E',
  errorMessage: 'm',
});

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(over: Partial<EventSourceMappingPlan>, handle: (handed: Handed) => InvokeResult | Promise<InvokeResult>) {
  const sqs: Sqs = await startSqs([WORK, DEAD]);
  const outcomes: BatchOutcome[] = [];
  const handed: Handed[] = [];
  const mapping = new EventSourceMapping(
    {
      stackName: 'App',
      logicalId: 'Mapping',
      queueArn: WORK.arn,
      functionArn: 'arn:function',
      enabled: true,
      batchSize: 10,
      batchingWindowSeconds: 0,
      reportBatchItemFailures: true,
      ...over,
    },
    {
      queues: sqs,
      invoke: async (_arn, payload) => {
        const { Records } = JSON.parse(payload);
        const batch: Handed = {
          bodies: Records.map(({ body }: { body: string }) => body),
          receiveCounts: Records.map((record: { attributes: Record<string, string> }) => record.attributes['ApproximateReceiveCount']),
          messageIds: Records.map(({ messageId }: { messageId: string }) => messageId),
        };
        handed.push(batch);
        return handle(batch);
      },
      onBatch: (outcome) => outcomes.push(outcome),
    },
  );
  const running = mapping.run();
  closers.push(
    () => mapping.close(),
    () => running,
    sqs.close,
  );
  const send = (...bodies: string[]): void => {
    for (const body of bodies) sqs.send(WORK.arn, body);
  };
  return { sqs, mapping, outcomes, handed, send };
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(5);
}

describe('a mapping', () => {
  it('deletes what was done, and lets what failed return when its visibility ends', async () => {
    const { sqs, outcomes, handed, send, mapping } = await start({}, ({ bodies, messageIds }) =>
      done({ batchItemFailures: messageIds.flatMap((id, index) => (bodies[index] === 'bad' ? [{ itemIdentifier: id }] : [])) }),
    );
    mapping.pause();
    send('a', 'bad', 'b');
    mapping.resume();
    await until(() => outcomes.length === 1);
    expect(handed[0]?.bodies).toEqual(['a', 'bad', 'b']);
    expect(sqs.counts(WORK.arn)).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
    sqs.elapse(WORK.arn, 29_000);
    expect(sqs.counts(WORK.arn)).toMatchObject({ inFlight: 1 });
    sqs.elapse(WORK.arn, 1_001);
    await until(() => outcomes.length === 2);
    expect(handed[1]).toMatchObject({ bodies: ['bad'], receiveCounts: ['2'] });
  });

  for (const [what, result] of [
    ['an error', failed('error')],
    ['a timeout', failed('timeout')],
    ['a throttle', failed('throttled')],
    ['an answer that names an unknown message', done({ batchItemFailures: [{ itemIdentifier: 'unknown' }] })],
    ['an answer that is no object', done('fine')],
  ] as const) {
    it(`deletes nothing after ${what}, and the queue moves the messages to its dead-letter queue in the end`, async () => {
      const { sqs, outcomes, send } = await start({}, () => result);
      send('a', 'b');
      await until(() => outcomes.flatMap(({ messageIds }) => messageIds).length === 2);
      expect(sqs.counts(WORK.arn)).toEqual({ visible: 0, inFlight: 2, delayed: 0 });
      sqs.elapse(WORK.arn, 30_001);
      await until(() => outcomes.flatMap(({ messageIds }) => messageIds).length === 4);
      sqs.elapse(WORK.arn, 30_001);
      await until(() => sqs.counts(DEAD.arn).visible === 2);
      expect(sqs.counts(WORK.arn)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
      expect(outcomes.flatMap(({ failedMessageIds }) => failedMessageIds)).toHaveLength(4);
    });
  }

  it('counts everything as done when it does not ask for failures', async () => {
    const { sqs, outcomes, send } = await start({ reportBatchItemFailures: false }, ({ messageIds }) =>
      done({ batchItemFailures: messageIds.map((itemIdentifier) => ({ itemIdentifier })) }),
    );
    send('a');
    await until(() => outcomes.length === 1);
    expect(sqs.counts(WORK.arn)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('never has more batches at once than its concurrency, and receives no more than it can hand over', async () => {
    let running = 0;
    let most = 0;
    let mostReceived = 0;
    const { sqs, outcomes, send } = await start({ batchSize: 1, maximumConcurrency: 3 }, async () => {
      running += 1;
      most = Math.max(most, running);
      mostReceived = Math.max(mostReceived, sqs.counts(WORK.arn).inFlight);
      await sleep(5);
      running -= 1;
      return done();
    });
    send(...Array.from({ length: 20 }, (_, index) => String(index)));
    await until(() => outcomes.length === 20);
    expect(most).toBe(3);
    expect(mostReceived).toBe(3);
  });

  it('fills a batch above 10 within its window, and sends a smaller one when the window ends', async () => {
    const { handed, outcomes, send, mapping } = await start({ batchSize: 25, batchingWindowSeconds: 1 }, () => done());
    mapping.pause();
    send(...Array.from({ length: 30 }, (_, index) => String(index)));
    mapping.resume();
    await until(() => outcomes.length === 2);
    expect(handed.map(({ bodies }) => bodies.length)).toEqual([25, 5]);
  });

  it('divides a batch whose event would be above 6 MB', async () => {
    const { handed, outcomes, send, mapping } = await start({ batchSize: 10 }, () => done());
    mapping.pause();
    send(...Array.from({ length: 8 }, () => 'x'.repeat(1_000_000)));
    mapping.resume();
    await until(() => outcomes.flatMap(({ messageIds }) => messageIds).length === 8);
    expect(handed.map(({ bodies }) => bodies.length)).toEqual([6, 2]);
  });

  it('takes nothing while it is paused, and goes on when it is resumed', async () => {
    const { sqs, handed, send, mapping } = await start({ enabled: false }, () => done());
    send('a');
    await sleep(30);
    expect(handed).toEqual([]);
    expect(sqs.counts(WORK.arn).visible).toBe(1);
    mapping.resume();
    await until(() => handed.length === 1);
    mapping.pause();
    send('b');
    await sleep(30);
    expect(handed).toHaveLength(1);
    mapping.resume();
    await until(() => handed.length === 2);
  });

  it('ends at once when it is closed while it waits', async () => {
    const { mapping, handed, send } = await start({}, () => done());
    await sleep(10);
    mapping.close();
    mapping.resume();
    send('a');
    await sleep(30);
    expect(handed).toEqual([]);
  });
});
