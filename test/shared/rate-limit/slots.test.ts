import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  currentSpacingMicros,
  EARLINESS_MAX_MS,
  emissionMicros,
  FLEET_CLOCK_BOUND_MS,
  formsFor,
  horizonMicros,
  LATENESS_MAX_MS,
  LEASE_SLOTS_MAX,
  leasedSlots,
  leaseSlotsMax,
  newLimitState,
  paddingSlots,
  planBooking,
  planPacing,
} from '../../../shared/rate-limit/slots.ts';
import type { LimitState } from '../../../shared/rate-limit/store.ts';
import { MemoryLimitTable } from './memory-limit-store.ts';
import { countWindows } from './windows.ts';

const NOW = 1_700_000_000_000_000;
const FOREVER = NOW + 3_600_000_000;
const dataPlane = planPacing([{ requests: 500, perSeconds: 1 }]);

function stateAt(nextSlotMicros: number, more: Partial<LimitState> = {}): LimitState {
  return { nextSlotMicros, version: 1, stampMicros: NOW, spacingMicros: 0, longWindows: {}, ...more };
}

function plan(state: LimitState, more: Partial<Parameters<typeof planBooking>[0]> = {}): ReturnType<typeof planBooking> {
  const pacing = more.pacing ?? dataPlane;
  return planBooking({
    pacing,
    state,
    forms: formsFor(state, pacing, NOW),
    slotsWanted: 64,
    lane: 'background',
    ageMs: 0,
    nowMicros: NOW,
    clockBoundMicros: 0,
    deadlineMicros: FOREVER,
    ...more,
  });
}

describe('spacing', () => {
  it('is 2033 us at 500/s with a margin of 6, and 98.4 % of the limit', () => {
    expect(emissionMicros({ requests: 500, perSeconds: 1 }, 6)).toBe(2033);
  });

  it('keeps 20/s above 95 % by the hard form', () => {
    const spacing = emissionMicros({ requests: 20, perSeconds: 1 });
    expect(1e6 / spacing).toBeGreaterThan(19);
    expect(leaseSlotsMax(spacing)).toBe(4);
  });

  it('keeps every window within the limit, whatever each arrival does inside the spread that the hard form allows', () => {
    const spreadMicros = (2 * FLEET_CLOCK_BOUND_MS + EARLINESS_MAX_MS + LATENESS_MAX_MS + 24) * 1_000;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 99 }),
        fc.integer({ min: 1, max: 10 }),
        fc.array(fc.integer({ min: 0, max: spreadMicros - 1 }), { minLength: 1, maxLength: 40 }),
        (requests, perSeconds, delays) => {
          const spacing = emissionMicros({ requests, perSeconds });
          const arrivals = Array.from({ length: 3 * requests }, (_, slot) => slot * spacing + (delays[slot % delays.length] as number));
          expect(countWindows(arrivals, perSeconds * 1e6, requests).over).toBe(0);
        },
      ),
    );
  });

  it('refuses a limit that is none', () => {
    expect(() => planPacing([])).toThrow(/at least one limit/);
    expect(() => planPacing([{ requests: 0, perSeconds: 1 }])).toThrow(/not a limit/);
  });

  it('is the largest that settings, operator and a slowdown ask for', () => {
    const slowdown = { spacingMicros: 4_000, atMicros: NOW, refusedSpacingMicros: 3_400 };
    expect(currentSpacingMicros(dataPlane, stateAt(NOW), NOW)).toBe(dataPlane.spacingMicros);
    expect(currentSpacingMicros(dataPlane, stateAt(NOW, { policySpacingMicros: 5_000 }), NOW)).toBe(5_000);
    expect(currentSpacingMicros(dataPlane, stateAt(NOW, { policySpacingMicros: 1_000 }), NOW)).toBe(dataPlane.spacingMicros);
    expect(currentSpacingMicros(dataPlane, stateAt(NOW, { policySpacingMicros: 3_000, slowdown }), NOW)).toBe(4_000);
    expect(currentSpacingMicros(dataPlane, stateAt(NOW, { policySpacingMicros: 3_000, slowdown }), NOW + 3_600e6)).toBe(3_000);
  });
});

describe('horizon', () => {
  it('is 300 ms for background and 2 s for live work at 500/s, and never under two leases', () => {
    expect(horizonMicros('background', 2_033, 0)).toBe(300_000);
    expect(horizonMicros('live', 2_033, 0)).toBe(2_000_000);
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 100_000_000 }), fc.constantFrom('live', 'background'), (spacing, lane) => {
        expect(horizonMicros(lane, spacing, 0)).toBeGreaterThanOrEqual(2 * leaseSlotsMax(spacing) * spacing);
        expect(leaseSlotsMax(spacing)).toBeLessThanOrEqual(LEASE_SLOTS_MAX);
      }),
    );
  });

  it('lets background reach as far as live work after an hour of waiting', () => {
    expect(horizonMicros('background', 2_033, 5 * 60_000)).toBe(300_000);
    expect(horizonMicros('background', 2_033, 60 * 60_000)).toBe(2_000_000);
  });
});

describe('a booking', () => {
  it('moves a slot in the past ahead of now, and one in the future by its own length', () => {
    expect(plan(stateAt(NOW - 1))).toMatchObject({ possible: true, slots: 64, write: { pace: { form: 'idle' } } });
    expect(plan(stateAt(NOW + 100_000))).toMatchObject({
      possible: true,
      write: { pace: { form: 'busy', byMicros: 64 * dataPlane.spacingMicros, fromMicros: NOW, toMicros: NOW + 300_000 } },
    });
  });

  it('is refused past the horizon with the time until there is room', () => {
    expect(plan(stateAt(NOW + 300_001))).toEqual({ possible: false, reason: 'horizon-full', retryAfterMicros: 1 });
    expect(plan(stateAt(NOW + 300_001), { lane: 'live' })).toMatchObject({ possible: true });
  });

  it('never reaches past the deadline less the time of a call, whatever the state turns out to be', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -500_000, max: 2_500_000 }),
        fc.integer({ min: 0, max: 900_000 }),
        fc.integer({ min: 0, max: 3_000_000 }),
        fc.integer({ min: 0, max: 20_000 }),
        (known, grown, deadline, bound) => {
          const deadlineMicros = NOW + deadline;
          const made = plan(stateAt(NOW + known), { lane: 'live', deadlineMicros, clockBoundMicros: bound });
          if (!made.possible) return;
          const before = stateAt(NOW + known + grown);
          const { pace } = made.write;
          // DynamoDB refuses a BETWEEN whose bounds are the wrong way round.
          if (pace.form === 'busy') expect(pace.toMicros).toBeGreaterThanOrEqual(pace.fromMicros);
          const isApplied =
            pace.form === 'idle'
              ? before.nextSlotMicros < pace.belowMicros
              : before.nextSlotMicros >= pace.fromMicros && before.nextSlotMicros <= pace.toMicros;
          if (!isApplied) return;
          const slots = leasedSlots(made, before);
          expect(slots.length).toBeGreaterThan(0);
          expect(slots.at(-1)).toBeLessThanOrEqual(deadlineMicros - 300_000);
          expect(slots[0]).toBeGreaterThanOrEqual(Math.max(before.nextSlotMicros, NOW));
        },
      ),
    );
  });

  it('starts as far ahead as a slot must lie to be met, where the item is idle', () => {
    const made = plan(stateAt(NOW - 1), { leadMicros: 40_000 });
    if (!made.possible) throw new Error('not planned');
    expect(leasedSlots(made, stateAt(NOW - 1))[0]).toBe(NOW + 40_000);
    expect(formsFor(stateAt(NOW + 30_000), dataPlane, NOW).pace).toBe('busy');
    expect(formsFor(stateAt(NOW + 30_000), dataPlane, NOW, 40_000).pace).toBe('idle');
  });

  it('never takes a slot that the item has passed, nor one of another: at every edge of every condition', () => {
    const limits = [
      { requests: 500, perSeconds: 1 },
      { requests: 3_000, perSeconds: 60 },
    ];
    const pacing = planPacing(limits);
    const [long] = pacing.longWindows;
    if (!long) throw new Error('no longer window');
    const edge = fc.integer({ min: -3_000, max: 3_000 });
    fc.assert(
      fc.property(
        fc.constantFrom(0, 12_000, 100_000, 2_000_000),
        edge,
        fc.constantFrom(0, 12_000, 130_000, 2_000_000),
        edge,
        fc.constantFrom(-1, 0, long.burst, long.burst - 64),
        fc.nat(70),
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: 0, max: 20_000 }),
        (known, knownEdge, found, foundEdge, longKnown, longGrown, slotsWanted, clockBoundMicros) => {
          const seen = stateAt(NOW + known + knownEdge, { longWindows: { 60: NOW + longKnown * long.spacingMicros } });
          const made = plan(seen, { pacing, lane: 'live', slotsWanted, clockBoundMicros, forms: formsFor(seen, pacing, NOW) });
          if (!made.possible) return;
          const before = stateAt(NOW + found + foundEdge, { longWindows: { 60: NOW + (longKnown + longGrown) * long.spacingMicros } });
          const table = new MemoryLimitTable();
          table.items.set('edge', before);
          if (!table.write('edge', made.write).applied) return;
          const after = table.items.get('edge') as LimitState;
          const slots = leasedSlots(made, before);
          const padMicros = made.padding * made.spacingMicros;
          expect((slots[0] as number) - padMicros).toBeGreaterThanOrEqual(before.nextSlotMicros);
          expect((slots.at(-1) as number) + made.spacingMicros + padMicros).toBeLessThanOrEqual(after.nextSlotMicros);
          expect(after.longWindows[60]).toBeLessThanOrEqual(NOW + long.burst * long.spacingMicros);
          expect(after.longWindows[60]).toBeGreaterThanOrEqual((before.longWindows[60] as number) + slots.length * long.spacingMicros);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('is refused where not one call fits before the deadline', () => {
    expect(plan(stateAt(NOW), { deadlineMicros: NOW + 300_000 })).toMatchObject({ possible: false, reason: 'deadline' });
  });

  it('takes a slot that fits before the deadline although the one behind it does not, as where slots are 20 s apart', () => {
    const slow = { pacing: planPacing([{ requests: 60, perSeconds: 1_200 }]), deadlineMicros: NOW + 8_000_000 };
    expect(plan(stateAt(NOW - 1), slow)).toMatchObject({ possible: true, slots: 1 });
    expect(plan(stateAt(NOW + 7_699_999), slow)).toMatchObject({
      possible: true,
      slots: 1,
      write: { pace: { toMicros: NOW + 7_700_000 } },
    });
    expect(plan(stateAt(NOW + 7_700_001), slow)).toMatchObject({ possible: false, reason: 'deadline' });
  });

  it('pads a lease on both sides for a clock that is worse than the fleet’s, and uses the middle', () => {
    const made = plan(stateAt(NOW + 50_000), { clockBoundMicros: 12_000 });
    if (!made.possible) throw new Error('not planned');
    expect(made.padding).toBe(paddingSlots(12_000, dataPlane.spacingMicros));
    const slots = leasedSlots(made, stateAt(NOW + 50_000));
    expect(slots[0]).toBeGreaterThanOrEqual(NOW + 50_000 + 10_000);
    expect(made.write.pace).toMatchObject({ byMicros: (slots.length + 2 * made.padding) * dataPlane.spacingMicros });
  });

  it('keeps a stamp that was past when it was written', () => {
    expect(plan(stateAt(NOW), { clockBoundMicros: 1_500.2 })).toMatchObject({ write: { stampMicros: NOW - 1_501 } });
  });
});

describe('several windows', () => {
  const old = planPacing([
    { requests: 1000, perSeconds: 3600 },
    { requests: 50, perSeconds: 60 },
  ]);

  it('are paced by the shortest; longer ones keep a burst and a rate that add up to the limit', () => {
    expect(old.quietMicros).toBe(60_500_000);
    const [hour] = old.longWindows;
    expect(hour).toMatchObject({ seconds: 3600, burst: 40 });
    expect(40 + 3_600e6 / (hour?.spacingMicros ?? 1)).toBeLessThanOrEqual(1000);
  });

  it('drops a longer window that the shortest already keeps', () => {
    const pacing = planPacing([
      { requests: 20, perSeconds: 1 },
      { requests: 100_000, perSeconds: 3600 },
    ]);
    expect(pacing.longWindows).toEqual([]);
  });

  it('refuses a booking when the hour has no room, until it has', () => {
    const spacing = old.longWindows[0]?.spacingMicros ?? 0;
    const full = plan(stateAt(NOW - 1, { longWindows: { 3600: NOW + 40 * spacing } }), { pacing: old });
    expect(full).toEqual({ possible: false, reason: 'horizon-full', retryAfterMicros: spacing });
    expect(plan(stateAt(NOW - 1, { longWindows: { 3600: NOW + 39 * spacing } }), { pacing: old })).toMatchObject({
      possible: true,
      slots: 1,
    });
  });
});

describe('a new item', () => {
  it('takes none of the versions that the item may have had before it was deleted', () => {
    const first = newLimitState(dataPlane, NOW, 0);
    // A change of policy each second of an hour, which is more than workers make.
    expect(newLimitState(dataPlane, NOW + 3_600e6, 0).version).toBeGreaterThan(first.version + 3_600);
  });

  it('starts after a whole silent window, with empty buckets', () => {
    const pacing = planPacing([
      { requests: 50, perSeconds: 60 },
      { requests: 1000, perSeconds: 3600 },
    ]);
    const state = newLimitState(pacing, NOW, 500);
    expect(state.nextSlotMicros).toBe(NOW + 60_500_000 + 1_000);
    expect(state.longWindows[3600]).toBe(NOW + 40 * (pacing.longWindows[0]?.spacingMicros ?? 0));
  });
});
