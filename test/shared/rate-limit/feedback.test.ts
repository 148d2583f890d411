import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cut, recoveredSpacingMicros, watchRefusal } from '../../../shared/rate-limit/feedback.ts';

const NOW = 1_700_000_000_000_000;
const rate = (spacingMicros: number): number => 1e6 / spacingMicros;

describe('a cut', () => {
  it('leaves 85 % of the rate and remembers what was refused', () => {
    expect(cut(undefined, 2_040, 2_040, NOW)).toEqual({ spacingMicros: 2_400, atMicros: NOW, refusedSpacingMicros: 2_040 });
  });

  it('is made at most once a second by the whole fleet', () => {
    const first = cut(undefined, 2_040, 2_040, NOW);
    expect(cut(first, 2_400, 2_040, NOW + 999_999)).toBeUndefined();
    expect(cut(first, 2_400, 2_040, NOW + 1_000_000)).toBeDefined();
  });

  it('never goes below a fiftieth of the allowed rate', () => {
    expect(cut(undefined, 100_000, 2_040, NOW)?.spacingMicros).toBe(102_000);
  });
});

describe('recovery', () => {
  const slowdown = { spacingMicros: 4_000, atMicros: NOW, refusedSpacingMicros: 3_400 };
  const rateAfter = (seconds: number): number => rate(recoveredSpacingMicros(slowdown, 2_040, NOW + seconds * 1e6));

  it('holds for 3 s, grows by 4 % a second, and slowly near the rate that was refused', () => {
    expect(rateAfter(3)).toBeCloseTo(250, 0);
    expect(rateAfter(4)).toBeCloseTo(260, 0);
    expect(rateAfter(20) / rateAfter(19)).toBeCloseTo(1.004, 3);
  });

  it('is back over 400/s within 150 s of a cut at 294/s', () => {
    expect(rateAfter(150)).toBeGreaterThan(400);
  });

  it('never slows down by itself, and never exceeds what is allowed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2_040, max: 100_000 }),
        fc.integer({ min: 2_040, max: 100_000 }),
        fc.integer({ min: -5_000_000, max: 600_000_000 }),
        fc.integer({ min: 0, max: 60_000_000 }),
        (spacingMicros, refusedSpacingMicros, after, more) => {
          const past = { spacingMicros, refusedSpacingMicros, atMicros: NOW };
          const earlier = recoveredSpacingMicros(past, 2_040, NOW + after);
          const later = recoveredSpacingMicros(past, 2_040, NOW + after + more);
          expect(later).toBeLessThanOrEqual(earlier);
          expect(later).toBeGreaterThanOrEqual(2_040);
        },
      ),
    );
  });
});

describe('refusals', () => {
  it('are noise alone, a signal when two come within a second, and one signal a second at most', () => {
    const first = watchRefusal({}, NOW, undefined);
    expect(first.isSignal).toBe(false);
    const second = watchRefusal(first.watch, NOW + 900_000, undefined);
    expect(second.isSignal).toBe(true);
    expect(watchRefusal(second.watch, NOW + 1_800_000, undefined).isSignal).toBe(false);
    expect(watchRefusal(second.watch, NOW + 1_899_999, undefined).isSignal).toBe(false);
    expect(watchRefusal(second.watch, NOW + 1_900_000, undefined).isSignal).toBe(true);
    expect(watchRefusal(second.watch, NOW + 5_000_000, undefined).isSignal).toBe(false);
  });

  it('are a signal at once with a Retry-After of more than a second', () => {
    expect(watchRefusal({}, NOW, 1_001).isSignal).toBe(true);
    expect(watchRefusal({}, NOW, 1_000).isSignal).toBe(false);
  });
});
