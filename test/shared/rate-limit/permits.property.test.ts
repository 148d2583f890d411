import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planPacing } from '../../../shared/rate-limit/slots.ts';
import { Adversity, workersModel } from './adversity.ts';
import { countWindows } from './windows.ts';

const LIMIT = { requests: 50, perSeconds: 1 };
const pacing = planPacing([LIMIT]);
/** Spread of one-way delays that the hard form allows for. */
const NETWORK_SPREAD_MICROS = 24_000;

async function runWorkers(models: Parameters<Adversity['run']>[0]): Promise<Adversity> {
  const adversity = new Adversity([LIMIT]);
  await adversity.run(models);
  return adversity;
}

describe('permits under adverse clocks, delays, losses, crashes and refusals', () => {
  it('never move the next slot back, and never grant under a version that has passed', async () => {
    await fc.assert(
      fc.asyncProperty(workersModel, async (models) => {
        const { commits } = await runWorkers(models);
        for (const { write, before, after } of commits) {
          if (before) expect(after.nextSlotMicros).toBeGreaterThanOrEqual(before.nextSlotMicros);
          if (write.kind === 'book') expect(write.version).toBe(before?.version);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('have slots of their own, at least one spacing apart', async () => {
    await fc.assert(
      fc.asyncProperty(workersModel, async (models) => {
        const { sends } = await runWorkers(models);
        const slots = sends.map((send) => send.slotMicros).toSorted((a, b) => a - b);
        for (let index = 1; index < slots.length; index += 1) {
          expect((slots[index] as number) - (slots[index - 1] as number)).toBeGreaterThanOrEqual(pacing.spacingMicros - 0.5);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are granted from half a millisecond before their slot to 8 ms after it, by the worker’s own clock', async () => {
    await fc.assert(
      fc.asyncProperty(workersModel, async (models) => {
        for (const { ownMicros, slotMicros } of (await runWorkers(models)).sends) {
          expect(ownMicros - slotMicros).toBeGreaterThanOrEqual(-500.5);
          expect(ownMicros - slotMicros).toBeLessThanOrEqual(8_000.5);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('never let more than the limit arrive in any window, whatever each call’s way adds', async () => {
    await fc.assert(
      fc.asyncProperty(workersModel, async (models) => {
        const busy = models.map((model) => ({ ...model, need: 60, callers: 16, callMs: model.callMs % 40, lane: 'live' as const }));
        const { sends } = await runWorkers(busy);
        const stamps = sends.map((send) => send.atMicros);
        // What is sent within W + J can be made to arrive within W, by delaying the first calls and no others.
        expect(countWindows(stamps, 1e6 + NETWORK_SPREAD_MICROS - 1, LIMIT.requests).over).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it('keep the limit beside clocks that are up to 60 ms wrong and know it', async () => {
    await fc.assert(
      fc.asyncProperty(workersModel, fc.array(fc.constantFrom(-1, 1), { minLength: 4, maxLength: 4 }), async (models, errorShares) => {
        const wrong = models.map((model, index) => ({
          ...model,
          boundMs: index === 0 ? 2 : 60,
          errorShare: errorShares[index] as number,
          crashAtMs: undefined,
          startMs: 10 * index,
          need: 60,
          callers: 16,
          callMs: 0,
          refuseEvery: 0,
          lane: 'live' as const,
          timersLateMs: [0],
          store: [{ beforeMs: 1, afterMs: 1, fate: 'answered' as const }],
        }));
        const { sends } = await runWorkers(wrong);
        const stamps = sends.map((send) => send.atMicros);
        expect(countWindows(stamps, 1e6 + NETWORK_SPREAD_MICROS - 1, LIMIT.requests).over).toBe(0);
        // Leases of different workers do not overlap in true time either.
        const inOrder = sends.toSorted((a, b) => a.slotMicros - b.slotMicros);
        for (let index = 1; index < inOrder.length; index += 1) {
          const gap = (inOrder[index]?.atMicros ?? 0) - (inOrder[index - 1]?.atMicros ?? 0);
          expect(gap).toBeGreaterThanOrEqual(pacing.spacingMicros - 2 * 2_000 - 2_000);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('add up: every booked slot was granted or dropped when all sessions are closed', async () => {
    await fc.assert(
      fc.asyncProperty(workersModel, async (models) => {
        // More permits are asked for than used, so that sessions end with slots in hand.
        const whole = models.map((model) => ({ ...model, crashAtMs: undefined, spareNeed: 20 }));
        const { sources, sends } = await runWorkers(whole);
        const totals = sources.map((source) => source.totals());
        for (const { booked, granted, dropped } of totals) expect(booked).toBe(granted + dropped);
        expect(totals.reduce((sum, { granted }) => sum + granted, 0)).toBe(sends.length);
      }),
      { numRuns: 60 },
    );
  });

  it('are given to nobody any more once the session is closed, however many wait', async () => {
    let refusedAtClose = 0;
    await fc.assert(
      fc.asyncProperty(workersModel, fc.nat(400), async (models, closeAtMs) => {
        const closing = models.map((model) => ({ ...model, crashAtMs: undefined, need: 60, callers: 16, closeAtMs }));
        const { sources, sends, answersAfterClose } = await runWorkers(closing);
        expect(answersAfterClose).toEqual([]);
        for (const { booked, granted, dropped } of sources.map((source) => source.totals())) expect(booked).toBe(granted + dropped);
        if (sends.length < 60 * models.length) refusedAtClose += 1;
      }),
      { numRuns: 60 },
    );
    expect(refusedAtClose).toBeGreaterThan(10);
  });

  it('make every call once the store answers and nothing refuses, in at most three writes a lease', async () => {
    await fc.assert(
      fc.asyncProperty(workersModel, async (models) => {
        const calm = models.map((model) => ({
          ...model,
          crashAtMs: undefined,
          refuseEvery: 0,
          timersLateMs: [1],
          callers: 16,
          callMs: model.callMs % 50,
          boundMs: 2,
          lane: 'live' as const,
          store: [{ beforeMs: 2, afterMs: 2, fate: 'answered' as const }],
        }));
        const { sends, commits, sources } = await runWorkers(calm);
        expect(sends.length).toBe(calm.reduce((sum, model) => sum + model.need, 0));
        const leases = commits.filter(({ write }) => write.kind === 'book').length;
        const writes = sources.reduce((sum, source) => sum + source.totals().writes, 0);
        expect(writes).toBeLessThanOrEqual(3 * leases + sources.length);
      }),
      { numRuns: 60 },
    );
  });

  it('are booked by background work no further ahead than its horizon', async () => {
    await fc.assert(
      fc.asyncProperty(workersModel, async (models) => {
        const background = models.map((model) => ({ ...model, lane: 'background' as const, boundMs: 2 }));
        const { commits } = await runWorkers(background);
        const horizonMicros = 2 * 12 * pacing.spacingMicros;
        for (const { write, before, atMicros } of commits) {
          // Where the fleet was slowed, two leases are longer.
          if (write.kind !== 'book' || write.spacingMicros !== pacing.spacingMicros || !before) continue;
          expect(before.nextSlotMicros).toBeLessThanOrEqual(atMicros + horizonMicros + 2_000);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('start a whole silent window after the item was made, also when it was deleted in the middle of the work', async () => {
    await fc.assert(
      fc.asyncProperty(workersModel, fc.integer({ min: 0, max: 4_000 }), async (models, deleteAtMs) => {
        const adversity = new Adversity([LIMIT]);
        adversity.time.after(deleteAtMs * 1_000, () => adversity.table.items.delete(adversity.key));
        await adversity.run(models);
        let quietUntil = 0;
        for (const { write, before, after, atMicros } of adversity.commits) {
          if (write.kind === 'create') {
            // The creator's clock may be behind by its bound: the window counts from the time it read.
            quietUntil = after.stampMicros + 1e6;
            expect(after.nextSlotMicros).toBeGreaterThanOrEqual(quietUntil);
          }
          if (write.kind === 'book') expect((before?.nextSlotMicros ?? 0) + 1).toBeGreaterThan(quietUntil);
          expect(atMicros).toBeGreaterThanOrEqual(adversity.startMicros);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('leave no new slot before a Retry-After has passed', async () => {
    await fc.assert(
      fc.asyncProperty(workersModel, async (models) => {
        const refusing = models.map((model) => ({ ...model, refuseEvery: 3, retryAfterMs: 1_500 }));
        const { commits } = await runWorkers(refusing);
        let pausedUntil = 0;
        for (const { write, before } of commits) {
          if (write.kind === 'book') expect(before?.nextSlotMicros).toBeGreaterThanOrEqual(pausedUntil);
          // The stamp is no later than the moment at which the refusal was taken in.
          if (write.kind === 'slow-down') pausedUntil = Math.max(pausedUntil, write.stampMicros + 1_500_000);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('several windows', () => {
  it('hold together in every phase', async () => {
    const limits = [
      { requests: 20, perSeconds: 1 },
      { requests: 60, perSeconds: 10 },
    ];
    await fc.assert(
      fc.asyncProperty(workersModel, async (models) => {
        const adversity = new Adversity(limits);
        await adversity.run(models);
        const sends = adversity.sends.map((send) => send.atMicros);
        for (const { requests, perSeconds } of limits) expect(countWindows(sends, perSeconds * 1e6, requests).over).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
