import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingSecond } from '../../../../infra/local/safedep/call-record.ts';

describe('SlidingSecond', () => {
  it('counts what a plain look at every call of the last second counts', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }), (gaps) => {
        const second = new SlidingSecond();
        const times: number[] = [];
        let nowMs = 0;
        for (const gap of gaps) {
          nowMs += gap;
          expect(second.countAt(nowMs)).toBe(times.filter((time) => time > nowMs - 1000).length);
          second.note(nowMs);
          times.push(nowMs);
        }
      }),
    );
  });

  it('keeps count beyond its first room', () => {
    const second = new SlidingSecond();
    for (let i = 0; i < 5_000; i++) second.note(i / 5);
    expect(second.countAt(999.9)).toBe(5_000);
    expect(second.countAt(1_500)).toBe(2_499);
  });
});
