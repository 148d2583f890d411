import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dueAtMs, refreshAtMs } from '../../../shared/insights/freshness.ts';
import { QUESTIONS } from '../../../shared/insights/verdict.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW_MS = 1000 * DAY_MS;
const known = { state: 'known' } as const;
const notAnalysed = { state: 'not-analysed', reason: 'unknown version' } as const;
const publishedAgo = (ms: number) => ({ publishedAtMs: NOW_MS - ms });

describe('refreshAtMs', () => {
  it.each([
    ['a version of days, for both questions', 'malware', known, publishedAgo(2 * DAY_MS), HOUR_MS],
    ['a version of days, for both questions', 'vulnerabilities', known, publishedAgo(2 * DAY_MS), HOUR_MS],
    ['vulnerabilities of a version of years', 'vulnerabilities', known, publishedAgo(900 * DAY_MS), DAY_MS],
    ['malware of a version of years', 'malware', known, publishedAgo(900 * DAY_MS), 7 * DAY_MS],
    ['malware of a version of unknown age', 'malware', known, {}, DAY_MS],
    ['what is not served', 'malware', { state: 'unsupported', reason: 'no' } as const, {}, 7 * DAY_MS],
  ] as const)('is, for %s, after the interval for its age', (_, question, check, facts, intervalMs) => {
    expect(refreshAtMs(question, check, facts, NOW_MS, NOW_MS, 0) - NOW_MS).toBe(intervalMs);
  });

  it('asks for a version that is not analysed within the hour at first, then ever more rarely, a week apart at most', () => {
    const gapAfter = (ageMs: number) => refreshAtMs('malware', notAnalysed, {}, NOW_MS - ageMs, NOW_MS, 0) - NOW_MS;
    expect([0, 4 * HOUR_MS, 4 * DAY_MS, 400 * DAY_MS].map(gapAfter)).toEqual([HOUR_MS, 2 * HOUR_MS, 2 * DAY_MS, 7 * DAY_MS]);
  });

  it('is never sooner than 54 minutes nor later than a week, whatever is known', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...QUESTIONS),
        fc.constantFrom(known, notAnalysed),
        fc.option(fc.integer({ min: -(10 ** 13), max: 10 ** 13 }), { nil: undefined }),
        fc.nat(NOW_MS),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (question, check, publishedAtMs, firstMs, draw) => {
          const facts = publishedAtMs === undefined ? {} : { publishedAtMs };
          const gapMs = refreshAtMs(question, check, facts, firstMs, NOW_MS, draw) - NOW_MS;
          expect(gapMs).toBeGreaterThanOrEqual(0.9 * HOUR_MS - 1);
          expect(gapMs).toBeLessThanOrEqual(7 * DAY_MS);
        },
      ),
    );
  });
});

describe('dueAtMs', () => {
  const nothing = { answers: {}, facts: {}, failures: {}, digest: '' };
  const answer = (at: number) => ({ check: known, askedAtMs: 0, sinceMs: 0, refreshAtMs: at });
  const failure = (at: number) => ({ check: { state: 'failed', reason: 'away' } as const, failedAtMs: at });

  it('is the sooner of the two refreshes', () => {
    expect(dueAtMs({ ...nothing, answers: { vulnerabilities: answer(7), malware: answer(5) } })).toBe(5);
  });

  it('is an hour after a failure of what was never answered, and no matter of a failure beside an answer', () => {
    expect(dueAtMs({ ...nothing, failures: { malware: failure(5), vulnerabilities: failure(6) } })).toBe(5 + HOUR_MS);
    expect(dueAtMs({ ...nothing, answers: { malware: answer(9) }, failures: { malware: failure(20) } })).toBe(9);
  });

  it('is none for what was neither answered nor failed', () => {
    expect(dueAtMs(nothing)).toBeUndefined();
  });
});
