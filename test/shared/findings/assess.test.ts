import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assessPackage, concludeScan, countScan } from '../../../shared/findings/assess.ts';
import { QUESTIONS, type Verdict } from '../../../shared/insights/verdict.ts';
import type { LockFileContent } from '../../../shared/inventory/read-snapshot.ts';
import type { Check } from '../../../shared/model/check.ts';
import type { RefId } from '../../../shared/model/repository.ts';
import { DEFAULT_SETTINGS } from '../../../shared/model/settings/settings.ts';

const REF: RefId = { tenant: 'default', forge: 'github', host: 'github.com', repositoryId: '1', ref: 'refs/heads/main' };
const PACKAGE = { ecosystem: 'NPM', name: 'left', version: '1.0.0' } as const;
const known = { state: 'known' } as const;
const STATES = ['known', 'not-analysed', 'unsupported', 'unresolved'] as const;

const verdictOf = (vulnerabilities: Check, malware: Check, facts: Verdict['facts'] = {}): Verdict => {
  const answer = (check: Check) => ({ check, askedAtMs: 0, sinceMs: 0, refreshAtMs: 1e9 });
  return { answers: { vulnerabilities: answer(vulnerabilities), malware: answer(malware) }, facts, failures: {}, digest: 'd' };
};
const assess = (verdict: Verdict | undefined, times: { settled: boolean; closedAtMs?: number }) =>
  assessPackage(REF, PACKAGE, ['package-lock.json'], verdict, { startedAtMs: 10, ...times }, DEFAULT_SETTINGS.policy);
const lockFile = (status: 'read' | 'error', path = 'package-lock.json'): LockFileContent => ({
  lockFile: {
    path,
    format: 'npm',
    status,
    ...(status === 'error' ? { reason: 'not JSON' } : {}),
    packageCount: 0,
    gapCount: 0,
    warnings: [],
    consulted: [path],
    pagesGeneration: 1,
    index: 0,
    pageCount: 1,
  },
  content: { packages: [], gaps: [], poisonings: [] },
});

describe('assessPackage', () => {
  it('is benign only where both questions are known and nothing was found', () => {
    const state = fc.constantFrom(...STATES);
    const failed = fc.subarray([...QUESTIONS]);
    fc.assert(
      fc.property(state, state, failed, fc.boolean(), (vulnerabilities, malware, failing, settled) => {
        const failures = Object.fromEntries(
          failing.map((question) => [question, { check: { state: 'failed', reason: 'away' } as const, failedAtMs: 20 }]),
        );
        const fresh = verdictOf({ state: vulnerabilities, reason: 'r' }, { state: malware, reason: 'r' });
        const outdated = Object.fromEntries(
          QUESTIONS.map((question) => [question, { ...fresh.answers[question], refreshAtMs: 5 }]),
        ) as Verdict['answers'];
        expect(assess(fresh, { settled }).outcome === 'benign').toBe(vulnerabilities === 'known' && malware === 'known');
        expect(assess({ ...fresh, answers: outdated, failures }, { settled }).outcome).not.toBe('benign');
      }),
    );
  });

  it('is pending while an answer may still come, and failed once it may not, with the time', () => {
    expect(assess(undefined, { settled: false }).outcome).toBe('pending');
    expect(assess(undefined, { settled: true })).toMatchObject({
      outcome: 'failed',
      checks: { malware: { reason: 'no answer was kept' } },
    });
    expect(assess(undefined, { settled: true, closedAtMs: 0 }).checks.malware.reason).toBe('no answer by 1970-01-01T00:00:00.000Z');
  });

  it('finds what is known even where the other question failed', () => {
    const facts = { malware: { verdict: 'malicious', analysisId: 'A1', title: '' } } as const;
    expect(assess(verdictOf({ state: 'not-analysed', reason: 'r' }, known, facts), { settled: true })).toMatchObject({
      outcome: 'finding',
      findings: [{ kind: 'malware' }],
    });
  });

  it('does not wait for what cannot be asked', () => {
    const long = { ...PACKAGE, name: 'n'.repeat(256) };
    const assessed = assessPackage(REF, long, [], undefined, { startedAtMs: 0, settled: false }, DEFAULT_SETTINGS.policy);
    expect(assessed).toMatchObject({ outcome: 'unsupported', checks: { malware: { state: 'unsupported' } } });
  });
});

describe('concludeScan', () => {
  const benign = assess(verdictOf(known, known), { settled: true });
  const failed = assess(undefined, { settled: true });

  it('is complete where every file was read and every question answered, gaps included', () => {
    const gap = assess(verdictOf({ state: 'not-analysed', reason: 'r' }, known), { settled: true });
    expect(concludeScan([], [lockFile('read')], [benign, gap])).toEqual({ status: 'complete', reasons: [] });
  });

  it.each([
    ['the tree could not be read whole', ['truncated'], [lockFile('read')], [benign], ['truncated']],
    ['a lock file could not be read', [], [lockFile('error')], [benign], ['package-lock.json: not JSON']],
    ['a question failed', [], [lockFile('read')], [benign, failed], ['1 package failed: no answer was kept']],
  ] as const)('is incomplete as soon as %s, and says so', (_, problems, contents, packages, reasons) => {
    expect(concludeScan(problems, contents, packages)).toEqual({ status: 'incomplete', reasons });
  });

  it('counts what it does not list', () => {
    const many = Array.from({ length: 9 }, (_, index) => lockFile('error', `${index}/package-lock.json`));
    const { reasons } = concludeScan([], many, []);
    expect(reasons).toHaveLength(6);
    expect(reasons.at(-1)).toBe('and 4 more lock files that could not be read');
  });

  it('cuts a reason that is too long to read', () => {
    const { reasons } = concludeScan([], [lockFile('error', `${'long/'.repeat(40_000)}package-lock.json`)], []);
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toMatch(/^long\/long\/.*…$/);
    expect(reasons[0]?.length).toBeLessThanOrEqual(500);
  });
});

describe('countScan', () => {
  it('counts a package once for each state that it is in, and the gaps of lock files too', () => {
    const gaps = [{ ecosystem: 'NPM', name: 'x', requirement: '*', state: 'unresolved', reason: 'a range' }] as const;
    const contents = [{ ...lockFile('read'), content: { packages: [PACKAGE], gaps, poisonings: [] } }];
    const packages = [
      assess(verdictOf({ state: 'not-analysed', reason: 'r' }, { state: 'not-analysed', reason: 'r' }), { settled: true }),
      assess(undefined, { settled: true }),
    ];
    expect(countScan(contents, packages)).toEqual({
      lockFiles: 1,
      packages: 2,
      gaps: { 'not-analysed': 1, unsupported: 0, unresolved: 1 },
      failures: { throttled: 0, failed: 1 },
    });
  });
});
