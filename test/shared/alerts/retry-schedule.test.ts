import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALERT_MAX_RECEIVE_COUNT, waitSeconds } from '../../../shared/alerts/retry-schedule.ts';

const HOUR_SECONDS = 3600;

describe('waitSeconds', () => {
  it('spans at least 72 hours and less than the 14 days of the queue, whatever the jitter', () => {
    const waits = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
      minLength: ALERT_MAX_RECEIVE_COUNT - 1,
      maxLength: ALERT_MAX_RECEIVE_COUNT - 1,
    });
    const spanSeconds = (draws: readonly number[]) => draws.reduce((sum, draw, index) => sum + waitSeconds(index + 1, draw), 0);
    fc.assert(
      fc.property(waits, (draws) => {
        expect(spanSeconds(draws)).toBeGreaterThanOrEqual(72 * HOUR_SECONDS);
        expect(spanSeconds(draws)).toBeLessThan(14 * 24 * HOUR_SECONDS);
      }),
    );
    expect(spanSeconds(Array(ALERT_MAX_RECEIVE_COUNT - 1).fill(0))).toBeGreaterThanOrEqual(72 * HOUR_SECONDS);
  });

  it('doubles from 5 s and spreads each wait by a fifth', () => {
    expect([1, 2, 3, 10, 13, 14, 1000].map((n) => waitSeconds(n, 0.5))).toEqual([5, 10, 20, 2560, 20480, 21600, 21600]);
    expect(waitSeconds(10, 0)).toBe(2048);
    expect(waitSeconds(10, 0.999999)).toBe(3072);
  });

  it('keeps a longer wait that the consumer asks for, and never more than SQS can hide a message', () => {
    expect(waitSeconds(1, 0.5, 120)).toBe(120);
    expect(waitSeconds(10, 0.5, 120)).toBe(2560);
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(), (count, random, asked) => {
        const seconds = waitSeconds(count, random, asked);
        expect(Number.isInteger(seconds)).toBe(true);
        expect(seconds).toBeGreaterThan(0);
        expect(seconds).toBeLessThanOrEqual(12 * HOUR_SECONDS);
      }),
    );
  });
});
