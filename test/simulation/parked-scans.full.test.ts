import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fanOutAnswer } from '../../functions/results/fan-out-answer.ts';
import { type AskResult, answerBatch } from '../../functions/worker/answer-batch.ts';
import { runSqsBatch } from '../../shared/aws/sqs-batch.ts';
import type { Question } from '../../shared/insights/verdict.ts';
import { type Evaluation, parseLookupBatch } from '../../shared/messages/queue-messages.ts';
import { type PackageVersion, packageKey } from '../../shared/model/package-version.ts';
import type { RefId } from '../../shared/model/repository.ts';
import { GIVE_UP_AFTER_MS } from '../../shared/scans/scan.ts';
import { LookupQueue, readLookupTemplate } from './lookup-queue.ts';
import { MAIN, packageLock, World } from './world.ts';

/** What six hours of waiting are to the scans: each says in time that it is incomplete and why, and is completed afterwards. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const OUTAGE_MS = 6 * HOUR_MS;
const TEMPLATE = readLookupTemplate();
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const REFS: readonly RefId[] = ['r1', 'r2'].map((repositoryId) => ({ ...MAIN, repositoryId }));

type Ask = (packageVersion: PackageVersion, questions: readonly Question[]) => AskResult;

const answers: Ask = (_, questions) => ({
  settled: { checks: Object.fromEntries(questions.map((question) => [question, { state: 'known' }])), facts: {} },
  failing: {},
});
/** As where the limit's store is away. */
const waits: Ask = () => ({ settled: { checks: {}, facts: {} }, failing: {}, waitMs: 1_000 });
const fails =
  (state: 'failed' | 'throttled', reason: string): Ask =>
  (_, questions) => ({
    settled: { checks: {}, facts: {} },
    failing: Object.fromEntries(questions.map((question) => [question, { state, reason }])),
  });

let world: World;
let queue: LookupQueue;
let ask: Ask;
beforeEach(async () => {
  world = await World.start();
  queue = new LookupQueue({ ...TEMPLATE, nowMs: () => world.nowMs });
});
afterEach(() => world.stop());

/** The world's look-ups go to a queue that keeps SQS's counts. */
function takeLookups(): void {
  world.loseToDeadLetters('lookups');
  for (const { body } of world.deadLetters.splice(0)) queue.send(body);
}

async function deliverOthers(): Promise<void> {
  do takeLookups();
  while ((await world.deliver()) > 0);
}

async function evaluateAll(messages: readonly Evaluation[]): Promise<void> {
  for (const message of messages) if (message.kind === 'evaluate') world.evaluate(message.ref);
}

async function deliverLookups(): Promise<void> {
  for (let record = queue.receive(); record; record = queue.receive()) {
    const owner = `${record.messageId}/${record.attributes.ApproximateReceiveCount}`;
    const { batchItemFailures } = await runSqsBatch({ Records: [record] }, queue, SILENT, ({ body }) =>
      answerBatch(parseLookupBatch(body), {
        insights: world.insights,
        scans: world.scans,
        ask: async (packageVersion, questions) => ask(packageVersion, questions),
        sendEvaluations: async (messages) => {
          for (const message of messages) {
            if (message.kind === 'evaluate') world.evaluate(message.ref);
            else await fanOutAnswer(message, { inventory: world.inventory, send: evaluateAll });
          }
        },
        owner,
        deadlineAtMs: world.nowMs + TEMPLATE.timeoutSeconds * 1_000,
        askUntilMs: world.nowMs + 8_000,
        packagesAtOnce: 4,
        writesAtOnce: 4,
        onWritten: () => undefined,
        nowMs: () => world.nowMs,
        random: Math.random,
      }),
    );
    if (batchItemFailures.length === 0) queue.delete(record.messageId);
  }
}

/** Lets time pass, with a sweep every minute; after an hour every ten, which is enough for what is left to do and quicker. */
async function pass(ms: number): Promise<void> {
  const startMs = world.nowMs;
  const endMs = startMs + ms;
  while (world.nowMs < endMs) {
    const nextSweepMs = Math.min(endMs, world.nowMs + (world.nowMs < startMs + HOUR_MS ? 1 : 10) * MINUTE_MS);
    while (world.nowMs < nextSweepMs) {
      await deliverOthers();
      await deliverLookups();
      await deliverOthers();
      world.nowMs = Math.min(nextSweepMs, Math.max(world.nowMs + 1_000, queue.nextVisibleAtMs()));
    }
    await world.sweepOnce();
  }
}

async function scanThroughOutage(during: Ask): Promise<void> {
  ask = during;
  for (const [index, ref] of REFS.entries()) {
    world.commit(ref, { 'package-lock.json': packageLock(`left@1.0.${index}`, `right@1.0.${index}`) });
    world.push(ref);
    // The world has one head for all: each is read before the next.
    await deliverOthers();
  }
  await pass(OUTAGE_MS);
}

function endings(status: 'scan complete' | 'scan incomplete') {
  return world.scanEvents().filter(({ detailType }) => detailType === status);
}

describe('six hours', () => {
  it.each([
    ['without the limit’s store', waits, /^2 packages failed: no answer by /, GIVE_UP_AFTER_MS.live + 2 * MINUTE_MS],
    ['without SafeDep', fails('failed', 'SafeDep is away'), /^2 packages failed: SafeDep is away$/, 30 * MINUTE_MS],
    ['of ResourceExhausted', fails('throttled', 'SafeDep is throttling'), /SafeDep is throttling$/, 30 * MINUTE_MS],
    [
      'of which some asks are refused and others get no permit',
      (packageVersion: PackageVersion, questions: readonly Question[]) =>
        packageKey(packageVersion).includes('left')
          ? fails('throttled', 'SafeDep is throttling')(packageVersion, questions)
          : waits(packageVersion, questions),
      /^1 package throttled: SafeDep is throttling$/,
      30 * MINUTE_MS,
    ],
  ] as const)('%s leave every scan incomplete in time, with its reason, and complete after them', async (_, during, reason, withinMs) => {
    const startMs = world.nowMs;
    await scanThroughOutage(during);
    expect(endings('scan complete')).toEqual([]);
    const told = new Map(endings('scan incomplete').map((event) => [event.repository.repositoryId, event]));
    expect([...told.keys()].sort()).toEqual(REFS.map(({ repositoryId }) => repositoryId));
    for (const { occurredAt, reasons } of told.values()) {
      expect(Date.parse(occurredAt) - startMs).toBeLessThan(withinMs);
      expect(reasons[0]).toMatch(reason);
    }
    expect(queue.deadLetters).toEqual([]);

    ask = answers;
    await world.rescan(world.nowMs, false);
    await pass(30 * MINUTE_MS);
    expect(queue.size).toBe(0);
    expect(queue.deadLetters).toEqual([]);
    expect(new Set(endings('scan complete').map(({ repository }) => repository.repositoryId)).size).toBe(REFS.length);
  });
});
