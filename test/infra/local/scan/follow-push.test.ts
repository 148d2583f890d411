import { describe, expect, it } from 'vitest';
import { describeLimitUse } from '../../../../infra/local/scan/follow-push.ts';

const USE = { calls: 1_998, slotsDropped: 31, meanWaitMs: 88.4, refusals: 0, spanMs: 4_400, slotsPerSecond: [490.2, 490.2] } as const;

describe('the line about the limit', () => {
  it('says what it was and how it was used', () => {
    expect(describeLimitUse(USE, 500)).toBe(
      '  limit 500 calls/s, paced at 490/s: 1,998 calls in 4.4 s, 454/s; 31 slots missed, mean wait 88 ms, no refusal',
    );
  });

  it('says a slowed pace as a range, and who refused', () => {
    expect(describeLimitUse({ ...USE, refusals: 2, slotsPerSecond: [350, 490.2] }, 500)).toContain('paced at 350 to 490/s');
    expect(describeLimitUse({ ...USE, refusals: 2 }, 500)).toMatch(/SafeDep refused 2 calls$/);
  });

  it('says no rate of a few calls, and no pace that nobody knows', () => {
    const { slotsPerSecond: _, ...use } = { ...USE, calls: 1, slotsDropped: 1, spanMs: 999 };
    expect(describeLimitUse(use, 0.5)).toBe('  limit 0.5 calls/s: 1 call; 1 slot missed, mean wait 88 ms, no refusal');
  });
});
