import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answer, answerDigest, checkForScan, openQuestions, sourceKey, type Verdict } from '../../../shared/insights/verdict.ts';
import type { VulnerabilityFact } from '../../../shared/model/facts.ts';

const HOUR_MS = 3_600_000;
const at = (askedAtMs: number, refreshAtMs: number): Answer => ({ check: { state: 'known' }, askedAtMs, sinceMs: askedAtMs, refreshAtMs });
const verdictOf = (parts: Partial<Verdict>): Verdict => ({ answers: {}, facts: {}, failures: {}, digest: '', ...parts });
const away = { state: 'failed', reason: 'away' } as const;

describe('openQuestions', () => {
  const fresh = verdictOf({ answers: { vulnerabilities: at(0, HOUR_MS), malware: at(0, 2 * HOUR_MS) } });

  it('asks both of a package version that was never asked', () => {
    expect(openQuestions(undefined, 0)).toEqual(['vulnerabilities', 'malware']);
  });

  it('asks each when its own refresh has come, a minute ahead of it', () => {
    expect(openQuestions(fresh, HOUR_MS - 60_001)).toEqual([]);
    expect(openQuestions(fresh, HOUR_MS - 60_000)).toEqual(['vulnerabilities']);
    expect(openQuestions(fresh, 2 * HOUR_MS)).toEqual(['vulnerabilities', 'malware']);
  });

  it('asks what was marked due after the asking began, and not what was marked before', () => {
    expect(openQuestions({ ...fresh, dueMarkedAtMs: 1 }, 2)).toEqual(['vulnerabilities', 'malware']);
    expect(openQuestions({ ...fresh, dueMarkedAtMs: 0 }, 2)).toEqual([]);
  });

  it('asks whatever a scan that begins now would call outdated', () => {
    fc.assert(
      fc.property(fc.nat(1e9), fc.nat(1e9), (refreshAtMs, startedAtMs) => {
        const verdict = verdictOf({ answers: { vulnerabilities: at(0, refreshAtMs), malware: at(0, Number.MAX_SAFE_INTEGER) } });
        const skewMs = 50_000;
        if (checkForScan(verdict, 'vulnerabilities', startedAtMs) === 'pending') {
          expect(openQuestions(verdict, startedAtMs - skewMs)).toContain('vulnerabilities');
        }
      }),
    );
  });
});

describe('checkForScan', () => {
  it('is the answer that was fresh when the scan began, also long after', () => {
    const verdict = verdictOf({ answers: { malware: at(0, HOUR_MS) } });
    expect(checkForScan(verdict, 'malware', 10)).toEqual({ state: 'known' });
  });

  it('is pending where the answer was outdated when the scan began', () => {
    expect(checkForScan(verdictOf({ answers: { malware: at(0, HOUR_MS) } }), 'malware', HOUR_MS)).toBe('pending');
    expect(checkForScan(undefined, 'malware', 0)).toBe('pending');
  });

  it('is the failure of an ask that the scan needed, and no older one', () => {
    const outdated = verdictOf({ answers: { malware: at(0, HOUR_MS) }, failures: { malware: { check: away, failedAtMs: 2 * HOUR_MS } } });
    expect(checkForScan(outdated, 'malware', 2 * HOUR_MS)).toEqual(away);
    expect(checkForScan(outdated, 'malware', 2 * HOUR_MS + 1)).toBe('pending');
  });

  it('leaves a scan alone whose answer was fresh, when a later ask of others fails', () => {
    const verdict = verdictOf({ answers: { malware: at(0, HOUR_MS) }, failures: { malware: { check: away, failedAtMs: 2 * HOUR_MS } } });
    expect(checkForScan(verdict, 'malware', 10)).toEqual({ state: 'known' });
  });

  it('counts the failure where the answer was marked due before the scan began', () => {
    const verdict = verdictOf({
      answers: { malware: at(0, HOUR_MS) },
      failures: { malware: { check: away, failedAtMs: 30 } },
      dueMarkedAtMs: 10,
    });
    expect(checkForScan(verdict, 'malware', 20)).toEqual(away);
    expect(checkForScan(verdict, 'malware', 5)).toEqual({ state: 'known' });
  });
});

describe('answerDigest', () => {
  const vulnerability = fc.record({
    id: fc.string(),
    aliases: fc.array(fc.string(), { maxLength: 3 }),
    severity: fc.constantFrom('high' as const, 'low' as const),
    title: fc.string(),
  });
  const facts = fc.record({
    vulnerabilities: fc.array(vulnerability, { maxLength: 4 }),
    malware: fc.record({ verdict: fc.constantFrom('malicious' as const, 'benign' as const), analysisId: fc.string(), title: fc.string() }),
    licences: fc.array(fc.string(), { maxLength: 3 }),
  });

  it('is the same in whatever order the facts and their parts are listed, and whenever they were published', () => {
    fc.assert(
      fc.property(facts, fc.nat(), ({ vulnerabilities, malware, licences }, publishedAtMs) => {
        const backwards = (fact: VulnerabilityFact) => ({ ...fact, aliases: [...fact.aliases].reverse() });
        const other = {
          publishedAtMs,
          licences: [...licences].reverse(),
          malware,
          vulnerabilities: vulnerabilities.map(backwards).reverse(),
        };
        expect(answerDigest({}, other)).toBe(answerDigest({}, { vulnerabilities, malware, licences }));
      }),
    );
  });

  it('differs where a state, an id, a severity or a verdict differs', () => {
    const one: VulnerabilityFact = { id: 'GHSA-1', aliases: [], severity: 'low', title: 't' };
    const malware = { verdict: 'benign', analysisId: '', title: '' } as const;
    const digests = [
      answerDigest({}, {}),
      answerDigest({ malware: at(0, 1) }, {}),
      answerDigest({ vulnerabilities: at(0, 1) }, {}),
      answerDigest({}, { vulnerabilities: [] }),
      answerDigest({}, { vulnerabilities: [one] }),
      answerDigest({}, { vulnerabilities: [{ ...one, severity: 'high' }] }),
      answerDigest({}, { vulnerabilities: [{ ...one, aliases: ['MAL-1'] }] }),
      answerDigest({}, { malware }),
      answerDigest({}, { malware: { ...malware, verdict: 'suspicious' } }),
      answerDigest({}, { malware: { ...malware, exclusion: 'ours' } }),
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });
});

describe('sourceKey', () => {
  it('keeps every tenant and every source apart', () => {
    const keys = [
      sourceKey('cloud', 'a'),
      sourceKey('cloud', 'a#b'),
      sourceKey('cloud', 'stand-in'),
      sourceKey('stand-in', 'a'),
      sourceKey('community', 'a'),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) expect(key).not.toContain('#');
  });
});
