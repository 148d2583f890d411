import { describe, expect, it } from 'vitest';
import { PARK_MAX_SECONDS } from '../../shared/aws/sqs-batch.ts';
import { QUESTIONS } from '../../shared/insights/verdict.ts';
import { type PackageVersion, packageKey } from '../../shared/model/package-version.ts';
import type { CallFailure } from '../../shared/safedep/calls.ts';
import { type LookupQueue, readLookupTemplate } from './lookup-queue.ts';
import { type Outage, ParkedFleet } from './parked-fleet.ts';

/** What waits for hours, waits: it is not dropped, not dead-lettered, and does not come back all at once. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const OUTAGE_MS = 6 * HOUR_MS;
const MESSAGES = 60;
const PACKAGES_PER_MESSAGE = 3;

const TEMPLATE = readLookupTemplate();

const UNAVAILABLE: CallFailure = { kind: 'retry', code: 'Unavailable', reason: 'SafeDep is away' };
const EXHAUSTED: CallFailure = { kind: 'throttled', code: 'ResourceExhausted', reason: 'SafeDep is throttling' };

async function throughOutage(outage: Outage, messages = MESSAGES): Promise<{ fleet: ParkedFleet; packages: PackageVersion[] }> {
  const fleet = new ParkedFleet(TEMPLATE);
  fleet.outage = outage;
  const packages = fleet.send(messages, PACKAGES_PER_MESSAGE);
  await fleet.pass(OUTAGE_MS);
  return { fleet, packages };
}

const byKey = (a: PackageVersion, b: PackageVersion): number => (packageKey(a) < packageKey(b) ? -1 : 1);

function expectNothingLost({ deadLetters }: LookupQueue): void {
  expect(deadLetters).toEqual([]);
}

/** Bounded, and spread: of the long waits, no single value is shared by more than a tenth. */
function expectSpread({ waits }: LookupQueue): void {
  expect(waits.length).toBeGreaterThan(MESSAGES);
  for (const { seconds } of waits) {
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(PARK_MAX_SECONDS);
  }
  const long = waits.filter(({ seconds }) => seconds > 60);
  expect(long.length).toBeGreaterThan(MESSAGES);
  const times = new Map<number, number>();
  for (const { seconds } of long) times.set(seconds, (times.get(seconds) ?? 0) + 1);
  expect(Math.max(...times.values()) / long.length).toBeLessThan(0.1);
}

/** Packages whose two questions both stand as `known`, or as a failure with this reason: what a scan would say of them. */
function told({ verdicts }: ParkedFleet, packages: readonly PackageVersion[], expected: 'known' | CallFailure): PackageVersion[] {
  return packages.filter((packageVersion) => {
    const verdict = verdicts.get(packageKey(packageVersion));
    return QUESTIONS.every((question) => {
      if (expected === 'known') return verdict?.answers[question]?.check.state === 'known';
      const check = verdict?.failures[question]?.check;
      return check?.state === (expected.kind === 'throttled' ? 'throttled' : 'failed') && check.reason === expected.reason;
    });
  });
}

describe('six hours without the limit’s store', () => {
  it('park every message, make no call, and are worked off afterwards', async () => {
    const { fleet, packages } = await throughOutage('store');
    expect(fleet.callsAtMs).toEqual([]);
    expect(fleet.queue.size).toBe(MESSAGES);
    expect(fleet.verdicts.size).toBe(0);
    expectNothingLost(fleet.queue);
    expectSpread(fleet.queue);
    expect(fleet.queue.mostReceives).toBeLessThan(TEMPLATE.maxReceiveCount / 4);
    // Waiting outside is free: no invocation sits out its time.
    expect(fleet.billedMs / fleet.queue.waits.length).toBeLessThan(3_000);

    fleet.outage = undefined;
    await fleet.pass((PARK_MAX_SECONDS + 60) * 1_000);
    expect(fleet.queue.size).toBe(0);
    expectNothingLost(fleet.queue);
    expect(told(fleet, packages, 'known')).toEqual(packages);
  });

  it('park a message that is alone as long, and as well until SQS itself forgets it', async () => {
    const { fleet } = await throughOutage('store', 1);
    expect(fleet.queue.mostReceives).toBeLessThan(TEMPLATE.maxReceiveCount / 4);
    await fleet.pass(4 * 24 * HOUR_MS - OUTAGE_MS);
    expectNothingLost(fleet.queue);
    expect(fleet.queue.size).toBe(1);
  });
});

describe('six hours without SafeDep', () => {
  it.each([
    ['refusing at once', 5],
    ['hanging until the deadline', 5_000],
  ])('%s end every batch with the reason, and leave nothing behind', async (_, afterMs) => {
    const { fleet, packages } = await throughOutage({ safeDep: UNAVAILABLE, afterMs });
    expectNothingLost(fleet.queue);
    expectSpread(fleet.queue);
    expect(fleet.queue.size).toBe(0);
    expect(told(fleet, packages, UNAVAILABLE)).toEqual(packages);
    expect(told(fleet, packages, 'known')).toEqual([]);
  });
});

describe('six hours of ResourceExhausted', () => {
  it.each([
    ['without a Retry-After', undefined],
    ['with a Retry-After of a minute', MINUTE_MS],
    ['with a Retry-After of an hour', HOUR_MS],
  ])('%s drop nothing: each batch ends with the reason, or waits and is worked off afterwards', async (_, retryAfterMs) => {
    const safeDep = retryAfterMs === undefined ? EXHAUSTED : { ...EXHAUSTED, retryAfterMs };
    const { fleet, packages } = await throughOutage({ safeDep, afterMs: 20 });
    expectNothingLost(fleet.queue);
    expectSpread(fleet.queue);
    expect(fleet.queue.mostReceives).toBeLessThan(TEMPLATE.maxReceiveCount / 2);
    fleet.outage = undefined;
    await fleet.pass(HOUR_MS);
    expectNothingLost(fleet.queue);
    expect(fleet.queue.size).toBe(0);
    expect([...told(fleet, packages, EXHAUSTED), ...told(fleet, packages, 'known')].sort(byKey)).toEqual(packages.toSorted(byKey));
  });
});

describe('a message that nobody can read', () => {
  it('reaches the dead-letter queue within the hour, is said each time, and keeps no other waiting', async () => {
    const fleet = new ParkedFleet(TEMPLATE);
    fleet.queue.send('{"version":1,"kind":"lookups","lane":"li');
    const packages = fleet.send(MESSAGES, PACKAGES_PER_MESSAGE);
    await fleet.pass(MINUTE_MS);
    expect(told(fleet, packages, 'known')).toEqual(packages);
    await fleet.pass(HOUR_MS);
    expect(fleet.queue.deadLetters.map(({ body }) => body)).toEqual(['{"version":1,"kind":"lookups","lane":"li']);
    expect(fleet.errors).toHaveLength(TEMPLATE.maxReceiveCount);
    expect(fleet.queue.size).toBe(0);
  });

  it('reaches it as well while the limit’s store is away', async () => {
    const fleet = new ParkedFleet(TEMPLATE);
    fleet.outage = 'store';
    fleet.queue.send('');
    fleet.send(MESSAGES, PACKAGES_PER_MESSAGE);
    await fleet.pass(3 * HOUR_MS);
    expect(fleet.queue.deadLetters.map(({ body }) => body)).toEqual(['']);
  });
});
