import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClockReading, FleetClock } from '../../../shared/rate-limit/clock.ts';
import { digestCredential, limitKey, PLANES, parseLimitKey } from '../../../shared/rate-limit/limit-key.ts';
import { createPermitSource, type PacedPermitSource, type PermitAnswer, type PermitRequest } from '../../../shared/rate-limit/permits.ts';
import { planPacing } from '../../../shared/rate-limit/slots.ts';
import type { LimitStore } from '../../../shared/rate-limit/store.ts';
import { MemoryLimitTable } from './memory-limit-store.ts';
import { VirtualTime } from './virtual-time.ts';

const LIMIT = { requests: 500, perSeconds: 1 };
const SPACING_MICROS = planPacing([LIMIT]).spacingMicros;
const KEY = 'rl#test';

/** One item on virtual time, with a clock and a store that a test can spoil. */
class Bench {
  readonly time = new VirtualTime();
  readonly startMicros = this.time.nowMicros;
  readonly table = new MemoryLimitTable();
  readonly warnings: string[] = [];
  boundMs = 1;
  hasTime = true;
  isStoreAway = false;
  canDistrust = true;
  timersLateMs = 0;
  clockAheadMs = 0;
  /** Each way. */
  storeMs = 2;
  disciplines = 0;

  readonly clock: FleetClock = {
    read: (): ClockReading | undefined =>
      this.hasTime
        ? { nowMicros: Math.round(this.time.nowMicros) + this.clockAheadMs * 1_000, boundMicros: this.boundMs * 1_000 }
        : undefined,
    discipline: async () => {
      this.disciplines += 1;
    },
    distrust: () => this.canDistrust,
  };

  constructor(nextSlotAheadMs = 0) {
    this.setNextSlot(nextSlotAheadMs);
  }

  setNextSlot(aheadMs: number, version = 1): void {
    const nowMicros = this.time.nowMicros;
    this.table.items.set(KEY, {
      nextSlotMicros: nowMicros + aheadMs * 1_000,
      version,
      stampMicros: nowMicros,
      spacingMicros: SPACING_MICROS,
      longWindows: {},
    });
  }

  store(): LimitStore {
    const through = async <T>(act: () => T): Promise<T> => {
      await this.time.sleep(this.storeMs * 1_000);
      if (this.isStoreAway) throw new Error('connect ECONNREFUSED');
      const result = act();
      await this.time.sleep(this.storeMs * 1_000);
      return result;
    };
    return { write: (key, write) => through(() => this.table.write(key, write)), read: (key) => through(() => this.table.items.get(key)) };
  }

  source(): PacedPermitSource {
    return createPermitSource({
      store: this.store(),
      key: KEY,
      limits: [LIMIT],
      clock: this.clock,
      timers: this.time.timers(() => this.timersLateMs * 1_000),
      random: () => 0,
      warn: (message) => this.warnings.push(message),
    });
  }

  request(more: Partial<PermitRequest> = {}): PermitRequest {
    return { need: 1, lane: 'background', deadlineAtMs: this.time.nowMicros / 1_000 + 15_000, ...more };
  }

  async pass(ms: number): Promise<void> {
    await this.time.runUntil(this.time.nowMicros + ms * 1_000);
  }

  /** What a promise came to within so many milliseconds, if it did. */
  async within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
    let settled: T | undefined;
    void promise.then((value) => {
      settled = value;
    });
    await this.pass(ms);
    return settled;
  }
}

describe('a session', () => {
  it('takes one write for 64 permits, one spacing apart, each at its slot', async () => {
    const bench = new Bench();
    const source = bench.source();
    const session = source.open(bench.request({ need: 128 }));
    const granted: { slot: number; at: number }[] = [];
    for (let caller = 0; caller < 128; caller += 1) {
      void session.next().then((answer) => {
        if (answer.granted) granted.push({ slot: answer.slotAtMs * 1_000, at: bench.time.nowMicros });
      });
    }
    await bench.pass(400);
    expect(granted).toHaveLength(128);
    expect(source.totals()).toMatchObject({ booked: 128, granted: 128, dropped: 0, writes: 2, reads: 1 });
    for (const [index, { slot, at }] of granted.entries()) {
      expect(slot - (granted[0]?.slot ?? 0)).toBeCloseTo(index * SPACING_MICROS, 0);
      expect(at - slot).toBeGreaterThan(-501);
      expect(at - slot).toBeLessThan(1_500);
    }
  });

  it('misses slots while its timers are late, and none where its caller has it serve them meanwhile', async () => {
    const droppedOf = async (isServed: boolean): Promise<number> => {
      const bench = new Bench();
      bench.timersLateMs = 40;
      const source = bench.source();
      const session = source.open(bench.request({ need: 48 }));
      for (let caller = 0; caller < 48; caller += 1) void session.next();
      for (let passedMs = 0; passedMs < 400; passedMs += 1) {
        await bench.pass(1);
        if (isServed) session.serveDue();
      }
      return source.totals().dropped;
    };
    expect(await droppedOf(false)).toBeGreaterThan(12);
    expect(await droppedOf(true)).toBe(0);
  });

  it('serves nothing before its instant, however often it is asked', async () => {
    const bench = new Bench();
    const session = bench.source().open(bench.request({ need: 48 }));
    const early: number[] = [];
    for (let caller = 0; caller < 48; caller += 1) {
      void session.next().then((answer) => answer.granted && early.push(answer.slotAtMs - bench.time.nowMicros / 1_000));
    }
    for (let passed = 0; passed < 1_000; passed += 1) {
      await bench.pass(0.2);
      session.serveDue();
    }
    expect(early).toHaveLength(48);
    expect(Math.max(...early)).toBeLessThanOrEqual(0.5);
  });

  it('books no more than is needed, nor more than its caller can have under way', async () => {
    const bench = new Bench();
    const source = bench.source();
    const small = source.open(bench.request({ need: 3 }));
    await bench.within(100, small.next());
    expect(source.totals().booked).toBe(3);
    const before = bench.table.items.get(KEY)?.nextSlotMicros ?? 0;
    const narrow = source.open(bench.request({ need: 50, callsAtOnce: 8 }));
    void narrow.next();
    await bench.pass(3);
    expect(bench.table.items.get(KEY)?.nextSlotMicros).toBeLessThanOrEqual(
      Math.max(before, bench.time.nowMicros + 12_000) + 8 * SPACING_MICROS,
    );
    await bench.pass(1_000);
    expect(source.totals().booked % 8).toBe(3);
  });

  it('gives a retry a permit of its own beyond the need', async () => {
    const bench = new Bench();
    const session = bench.source().open(bench.request({ need: 1 }));
    expect(await bench.within(100, session.next())).toMatchObject({ granted: true });
    expect(await bench.within(100, session.next())).toMatchObject({ granted: true });
  });

  it('refuses all who wait when the horizon is full, and then without a write until there is room', async () => {
    const bench = new Bench(1_000);
    const source = bench.source();
    const session = source.open(bench.request({ need: 2 }));
    const answers: PermitAnswer[] = [];
    for (let caller = 0; caller < 2; caller += 1) void session.next().then((answer) => answers.push(answer));
    await bench.pass(10);
    expect(answers).toEqual([0, 1].map(() => ({ granted: false, reason: 'horizon-full', retryAfterMs: expect.closeTo(696, 0) })));
    expect(await bench.within(10, session.next())).toMatchObject({ granted: false, reason: 'horizon-full' });
    expect(source.totals().writes).toBe(0);
  });

  it('waits inside next for a turn that comes soon', async () => {
    const bench = new Bench(500);
    const session = bench.source().open(bench.request());
    expect(await bench.within(600, session.next())).toMatchObject({ granted: true });
  });

  it('waits for nothing with no patience', async () => {
    const bench = new Bench(400);
    const session = bench.source().open(bench.request({ patienceMs: 0 }));
    expect(await bench.within(10, session.next())).toMatchObject({ granted: false, reason: 'horizon-full' });
  });

  it('lets live work pass where background is refused', async () => {
    const bench = new Bench(1_000);
    const session = bench.source().open(bench.request({ lane: 'live' }));
    expect(await bench.within(1_100, session.next())).toMatchObject({ granted: true });
  });

  it('refuses where no call fits before the deadline', async () => {
    const bench = new Bench(250);
    const session = bench.source().open(bench.request({ deadlineAtMs: bench.time.nowMicros / 1_000 + 400 }));
    expect(await bench.within(50, session.next())).toEqual({ granted: false, reason: 'deadline', retryAfterMs: 0 });
  });

  it('fails closed while the store is away, says so, and goes on with the lease in hand', async () => {
    const bench = new Bench();
    const source = bench.source();
    const session = source.open(bench.request({ need: 100 }));
    const answers: PermitAnswer[] = [];
    for (let caller = 0; caller < 100; caller += 1) void session.next().then((answer) => answers.push(answer));
    await bench.pass(20);
    bench.isStoreAway = true;
    await bench.pass(2_000);
    expect(answers.filter((answer) => answer.granted)).toHaveLength(64);
    expect(answers.filter((answer) => !answer.granted && answer.reason === 'store-unavailable')).toHaveLength(36);
    expect(bench.warnings[0]).toMatch(/no call is made until the store answers/);
    bench.isStoreAway = false;
    expect(await bench.within(200, session.next())).toMatchObject({ granted: true });
  });

  it('leaves a store that failed alone for 50 ms, however many permits the lease in hand still gives', async () => {
    const bench = new Bench();
    const source = bench.source();
    const session = source.open(bench.request({ need: 100 }));
    const answers: PermitAnswer[] = [];
    for (let caller = 0; caller < 100; caller += 1) void session.next().then((answer) => answers.push(answer));
    await bench.pass(20);
    bench.isStoreAway = true;
    bench.storeMs = 0;
    await bench.pass(500);
    expect(answers).toHaveLength(100);
    expect(source.totals().writes).toBeLessThanOrEqual(3);
    expect(bench.warnings.length).toBeLessThanOrEqual(2);
  });

  it.each([1, 2, 8, 48])('gives %i permits also where each write takes 60 ms: the next lease starts as far ahead', async (need) => {
    const bench = new Bench();
    bench.storeMs = 30;
    const source = bench.source();
    const session = source.open(bench.request({ need }));
    let granted = 0;
    for (let caller = 0; caller < need; caller += 1) void session.next().then((answer) => (granted += answer.granted ? 1 : 0));
    await bench.pass(500);
    expect(granted).toBe(need);
    expect(source.totals().writes).toBeLessThanOrEqual(5);
    // And no further than that, once the store is quick again.
    bench.storeMs = 1;
    await bench.within(200, session.next());
    const askedAt = bench.time.nowMicros;
    const answer = await bench.within(200, session.next());
    expect(answer?.granted === true && answer.slotAtMs * 1_000 - askedAt).toBeLessThan(20_000);
  });

  it('answers who asks again in the very moment of an answer', async () => {
    const bench = new Bench();
    // The slot has come when the lease does: it is served from within the filling.
    bench.storeMs = 7;
    const session = bench.source().open(bench.request({ need: 1 }));
    const answers: boolean[] = [];
    const ask = async (times: number): Promise<void> => {
      for (let turn = 0; turn < times; turn += 1) answers.push((await session.next()).granted);
    };
    void ask(4);
    await bench.pass(500);
    expect(answers).toEqual([true, true, true, true]);
    bench.isStoreAway = true;
    void ask(4);
    await bench.pass(500);
    expect(answers.slice(4)).toEqual([false, false, false, false]);
  });

  it('drops the slots in hand when its clock gets worse than their lease was padded for', async () => {
    const bench = new Bench();
    const source = bench.source();
    const session = source.open(bench.request({ need: 64 }));
    const answers: PermitAnswer[] = [];
    for (let caller = 0; caller < 64; caller += 1) void session.next().then((answer) => answers.push(answer));
    await bench.pass(60);
    const before = answers.length;
    expect(before).toBeGreaterThan(10);
    bench.boundMs = 2.1;
    await bench.pass(20);
    const later = answers.length;
    expect(later).toBeGreaterThan(before + 5);
    bench.boundMs = 30;
    await bench.pass(1_000);
    expect(source.totals()).toMatchObject({ granted: 64, dropped: 64 - later });
  });

  it('refuses without a clock, and with one that is more than 250 ms wrong', async () => {
    const bench = new Bench();
    bench.hasTime = false;
    expect(await bench.within(10, bench.source().open(bench.request()).next())).toMatchObject({ granted: false, reason: 'clock' });
    bench.hasTime = true;
    bench.boundMs = 251;
    expect(await bench.within(10, bench.source().open(bench.request()).next())).toMatchObject({ granted: false, reason: 'clock' });
    bench.boundMs = 250;
    expect(await bench.within(2_000, bench.source().open(bench.request()).next())).toMatchObject({ granted: true });
  });

  it('drops the slots in hand when the clock loses its time', async () => {
    const bench = new Bench();
    const source = bench.source();
    const session = source.open(bench.request({ need: 64 }));
    const answers: PermitAnswer[] = [];
    for (let caller = 0; caller < 64; caller += 1) void session.next().then((answer) => answers.push(answer));
    await bench.pass(60);
    const before = answers.length;
    expect(before).toBeGreaterThan(10);
    bench.hasTime = false;
    await bench.pass(500);
    expect(answers.filter((answer) => answer.granted)).toHaveLength(before);
    expect(source.totals().dropped).toBe(64 - before);
  });

  it('never grants after it was closed, and refuses who still waits', async () => {
    const bench = new Bench();
    const source = bench.source();
    const session = source.open(bench.request({ need: 10 }));
    const waiting = session.next();
    await bench.pass(3);
    const closed = session.close();
    await bench.pass(200);
    await closed;
    expect(await waiting).toEqual({ granted: false, reason: 'deadline', retryAfterMs: 0 });
    expect(await session.next()).toMatchObject({ granted: false, reason: 'deadline' });
    const { booked, dropped, granted } = source.totals();
    expect([booked, granted]).toEqual([dropped, 0]);
  });

  it('is closed only when no write of it is under way', async () => {
    const bench = new Bench();
    bench.storeMs = 20;
    const session = bench.source().open(bench.request());
    void session.next();
    await bench.pass(50);
    const before = bench.table.items.get(KEY);
    const closed = session.close().then(() => bench.time.nowMicros);
    const closedAt = await bench.within(200, closed);
    expect(bench.table.items.get(KEY)).not.toEqual(before);
    expect(closedAt).toBeGreaterThanOrEqual(bench.startMicros + 80_000);
  });

  it('is closed only when its refusals were told', async () => {
    const bench = new Bench();
    const session = bench.source().open(bench.request());
    await bench.within(50, session.next());
    bench.storeMs = 30;
    session.refused();
    session.refused();
    const closed = session.close().then(() => bench.table.items.get(KEY)?.slowdown);
    expect(await bench.within(200, closed)).toMatchObject({ refusedSpacingMicros: SPACING_MICROS });
  });

  it('ends with its signal', async () => {
    const bench = new Bench();
    const abort = new AbortController();
    const session = bench.source().open(bench.request({ signal: abort.signal }));
    const waiting = session.next();
    abort.abort();
    expect(await waiting).toMatchObject({ granted: false, reason: 'deadline' });
    expect(
      await bench
        .source()
        .open(bench.request({ signal: abort.signal }))
        .next(),
    ).toMatchObject({ granted: false });
  });
});

describe('a source', () => {
  it('makes the item ahead of the first call, so that its quiet time passes meanwhile', async () => {
    const bench = new Bench();
    bench.table.items.clear();
    const source = bench.source();
    expect(
      await bench.within(
        10,
        source.prepare().then(() => 'prepared'),
      ),
    ).toBe('prepared');
    const session = source.open(bench.request());
    expect(await bench.within(10, session.next())).toMatchObject({ granted: false, reason: 'horizon-full' });
    await bench.pass(3_000);
    expect(await bench.within(30, session.next())).toMatchObject({ granted: true });
  });

  it('drops a lease and sets its clock when another worker’s stamp lies ahead', async () => {
    const bench = new Bench();
    const item = bench.table.items.get(KEY);
    if (!item) throw new Error('no item');
    bench.table.items.set(KEY, { ...item, stampMicros: bench.time.nowMicros + 100_000 });
    const source = bench.source();
    expect(await bench.within(200, source.open(bench.request()).next())).toMatchObject({ granted: true });
    expect(source.totals()).toMatchObject({ booked: 2, granted: 1, dropped: 1 });
    expect(source.totals().clockAlarms).toBeGreaterThan(0);
  });

  it('says that another worker’s stamp lies ahead, and a next slot further than any pause', async () => {
    const bench = new Bench(3_600_000);
    const item = bench.table.items.get(KEY);
    if (!item) throw new Error('no item');
    bench.table.items.set(KEY, { ...item, stampMicros: bench.time.nowMicros + 3_600_000_000 });
    const answer = await bench.within(50, bench.source().open(bench.request()).next());
    expect(answer).toMatchObject({ granted: false, reason: 'horizon-full' });
    expect(bench.warnings).toEqual([
      expect.stringMatching(/^another worker's clock is ahead of this one by 3599\d{3} ms or more/),
      expect.stringMatching(/^the rate limit has no free slot for 3600 s: .* deleting the item rl#test ends that$/),
    ]);
  });

  it('says nothing of a next slot behind the longest pause', async () => {
    const bench = new Bench(5 * 60_000);
    await bench.within(50, bench.source().open(bench.request()).next());
    expect(bench.warnings).toEqual([]);
  });

  it.each([60, 3_600])('books again within seconds when an item that was full for %i s is deleted', async (fullSeconds) => {
    const bench = new Bench(fullSeconds * 1_000);
    const source = bench.source();
    const first = await bench.within(50, source.open(bench.request()).next());
    bench.table.items.clear();
    const second = await bench.within(1_000, source.open(bench.request()).next());
    // Until it is read again, what is known counts, and nobody waits for less.
    for (const answer of [first, second]) {
      expect(answer?.granted === false && answer.retryAfterMs).toBeGreaterThan(fullSeconds * 1_000 - 2_000);
    }
    const reads = source.totals().reads;
    await bench.pass(5_000);
    await bench.within(50, source.open(bench.request()).next());
    expect(source.totals().reads).toBe(reads + 1);
    await bench.pass(3_000);
    expect(await bench.within(50, source.open(bench.request()).next())).toMatchObject({ granted: true });
  });

  it('forgets when it meant to try again when its clock is set back', async () => {
    const bench = new Bench(1_000);
    bench.clockAheadMs = 3_600_000;
    bench.setNextSlot(3_601_000);
    const source = bench.source();
    const session = source.open(bench.request({ deadlineAtMs: bench.time.nowMicros / 1_000 + 7_200_000 }));
    expect(await bench.within(50, session.next())).toMatchObject({ granted: false, reason: 'horizon-full' });
    session.refused(2_000);
    await bench.pass(10);
    bench.clockAheadMs = 0;
    bench.setNextSlot(0, 5);
    await bench.pass(1);
    await bench.within(50, session.next());
    expect(await bench.within(50, session.next())).toMatchObject({ granted: true });
  });

  it('obeys an operator’s limit from the next lease on', async () => {
    const bench = new Bench();
    const source = bench.source();
    await bench.within(50, source.open(bench.request()).next());
    bench.table.write(KEY, { kind: 'set-policy', version: 1, policySpacingMicros: 50_000 });
    const session = source.open(bench.request({ need: 4 }));
    const slots: number[] = [];
    for (let caller = 0; caller < 4; caller += 1) void session.next().then((answer) => answer.granted && slots.push(answer.slotAtMs));
    await bench.pass(400);
    expect(slots.map((slot) => Math.round(slot - (slots[0] ?? 0)))).toEqual([0, 50, 100, 150]);
  });

  it('pauses itself for the Retry-After of a lone refusal, and tells nobody', async () => {
    const bench = new Bench();
    const source = bench.source();
    const session = source.open(bench.request({ need: 10 }));
    await bench.within(40, session.next());
    session.refused(500);
    const refusedAt = bench.time.nowMicros;
    const answer = await bench.within(400, session.next());
    expect(answer).toMatchObject({ granted: false, reason: 'horizon-full' });
    await bench.pass(200);
    const later = await bench.within(50, session.next());
    expect(later?.granted === true && later.slotAtMs * 1_000 >= refusedAt + 500_000).toBe(true);
    expect(bench.table.items.get(KEY)?.slowdown).toBeUndefined();
  });

  it('slows and pauses all workers when two calls are refused within a second', async () => {
    const bench = new Bench();
    const [first, second] = [bench.source(), bench.source()];
    const [one, other] = [first.open(bench.request({ need: 20 })), second.open(bench.request({ need: 20 }))];
    await bench.within(50, one.next());
    await bench.within(50, other.next());
    const refusedAt = bench.time.nowMicros;
    one.refused();
    one.refused(800);
    await bench.pass(10);
    expect(bench.table.items.get(KEY)).toMatchObject({ version: 2, slowdown: { refusedSpacingMicros: SPACING_MICROS } });
    await bench.pass(500);
    const answer = await bench.within(500, second.open(bench.request({ need: 2 })).next());
    expect(answer?.granted === true && answer.slotAtMs * 1_000 >= refusedAt + 800_000).toBe(true);
    expect(bench.table.items.get(KEY)?.spacingMicros).toBe(Math.ceil(SPACING_MICROS / 0.85));
    expect(first.totals()).toMatchObject({ refused: 2, slowDowns: 1 });
    const allowed = 1_000_000 / SPACING_MICROS;
    expect(first.status().slotsPerSecond).toBeLessThan(allowed * 0.86);
    expect(second.status().slotsPerSecond).toBe(first.status().slotsPerSecond);
  });

  it('says the rate in force and its clock’s bound, and leaves out what it does not know', async () => {
    const bench = new Bench();
    const source = bench.source();
    expect(source.status()).toEqual({ clockBoundMs: 1 });
    await bench.within(100, source.prepare());
    expect(source.status()).toEqual({ clockBoundMs: 1, slotsPerSecond: 1_000_000 / SPACING_MICROS });
    bench.hasTime = false;
    expect(source.status()).toEqual({});
  });

  it('counts no wait of before the clock was set', async () => {
    const bench = new Bench();
    const source = bench.source();
    bench.hasTime = false;
    const discipline = bench.clock.discipline;
    bench.clock.discipline = async () => {
      await bench.time.sleep(50_000);
      bench.hasTime = true;
      await discipline();
    };
    const answer = await bench.within(100, source.open(bench.request()).next());
    expect(answer?.granted).toBe(true);
    expect(source.totals().waitedMs).toBeGreaterThan(0);
    expect(source.totals().waitedMs).toBeLessThan(50);
  });

  it('says an operator’s rate once a lease has met it', async () => {
    const bench = new Bench();
    const source = bench.source();
    await bench.within(100, source.prepare());
    bench.table.write(KEY, { kind: 'set-policy', version: 1, policySpacingMicros: 10_000 });
    expect(source.status().slotsPerSecond).toBe(1_000_000 / SPACING_MICROS);
    await bench.within(100, source.open(bench.request()).next());
    expect(source.status().slotsPerSecond).toBe(100);
  });
});

describe('a limit’s key', () => {
  it('names tenant, credential and plane, and gives no credential away', () => {
    const keyId = digestCredential('secret-of-a-test');
    expect(limitKey({ tenant: 'acme', keyId, plane: 'data' })).toMatch(/^rl#acme#[0-9a-f]{16}#data$/);
  });

  it('is another one for each scope, also with a divider in a name', () => {
    const left = limitKey({ tenant: 'a#b', keyId: 'c', plane: 'data' });
    const right = limitKey({ tenant: 'a', keyId: 'b#c', plane: 'data' });
    expect(left).not.toBe(right);
  });

  it('is read back as the scope that it was made of, whatever the names', () => {
    const name = fc.oneof(fc.string({ minLength: 1, unit: 'grapheme' }), fc.constantFrom('#', '%', 'rl#a', '%23'));
    fc.assert(
      fc.property(name, name, fc.constantFrom(...PLANES), (tenant, keyId, plane) => {
        expect(parseLimitKey(limitKey({ tenant, keyId, plane }))).toEqual({ tenant, keyId, plane });
      }),
    );
  });

  it.each(['', 'rl', 'rl#a#b', 'rl#a#b#moon', 'rl#a#b#c#data', 'xx#a#b#data', 'rl#%#b#data'])('refuses to read %j', (key) => {
    expect(parseLimitKey(key)).toBeUndefined();
  });
});
