import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SEVERITIES, type VulnerabilityFact } from '../../../shared/model/facts.ts';
import {
  cutVulnerabilities,
  INSIGHT_FACTS_MAX_BYTES,
  UNLISTED_ID,
  VULNERABILITIES_MAX_BYTES,
  whyTooLarge,
} from '../../../shared/safedep/bound-facts.ts';

const fact = (index: number, changes: Partial<VulnerabilityFact> = {}): VulnerabilityFact => ({
  id: `GHSA-${String(index).padStart(6, '0')}`,
  aliases: [`CVE-2026-${index}`],
  severity: 'medium',
  title: 'x'.repeat(200),
  ...changes,
});
const many = (count: number, changes?: Partial<VulnerabilityFact>) => Array.from({ length: count }, (_, index) => fact(index, changes));
const bytesOf = (facts: readonly VulnerabilityFact[]) => Buffer.byteLength(JSON.stringify(facts));

describe('cutVulnerabilities', () => {
  it('leaves a list that fits as it is, in the order of the service', () => {
    const facts = [...many(500)].reverse();
    expect(cutVulnerabilities(facts)).toBe(facts);
  });

  it('keeps the worst of a list that does not fit, and says how many more there are', () => {
    const facts = [...many(3_000), fact(9_001, { severity: 'critical' }), fact(9_002, { severity: 'unknown' })];
    const kept = cutVulnerabilities(facts);
    expect(kept.slice(0, 2).map(({ id }) => id)).toEqual(['GHSA-009001', 'GHSA-009002']);
    const rest = facts.length - (kept.length - 1);
    expect(kept.at(-1)).toEqual({
      id: UNLISTED_ID,
      aliases: [],
      severity: 'medium',
      title: `and ${rest} more vulnerabilities than there is room for, the worst of medium severity`,
    });
    expect(rest).toBeGreaterThan(1_000);
  });

  it('keeps advisories of malware before all others, whatever their severity says', () => {
    const facts = [...many(3_000, { severity: 'critical' }), fact(9_001, { severity: 'low', aliases: ['MAL-2026-1'] })];
    expect(cutVulnerabilities(facts)[0]?.aliases).toEqual(['MAL-2026-1']);
  });

  it('lists none whose id alone is too long for a finding, and counts it', () => {
    const kept = cutVulnerabilities([fact(1), fact(2, { id: 'x'.repeat(20_000), severity: 'critical' })]);
    expect(kept.map(({ id, severity }) => [id, severity])).toEqual([
      ['GHSA-000001', 'medium'],
      [UNLISTED_ID, 'critical'],
    ]);
  });

  it('gives what it does not list the worst severity in it: unknown is worse than medium', () => {
    const huge = { title: 'x'.repeat(VULNERABILITIES_MAX_BYTES) };
    const severityOf = (...severities: VulnerabilityFact['severity'][]) =>
      cutVulnerabilities(severities.map((severity, index) => fact(index, { severity, ...huge }))).at(-1)?.severity;
    expect(severityOf('low', 'high')).toBe('high');
    expect(severityOf('medium', 'unknown')).toBe('unknown');
  });

  it('never takes more than its bytes, counts every fact, and does not depend on their order', () => {
    const facts = fc.uniqueArray(
      fc.record({
        id: fc.string({ minLength: 1, maxLength: 20 }),
        aliases: fc.array(
          fc.integer({ min: 0, max: 60_000 }).map((length) => 'é'.repeat(length)),
          { maxLength: 3 },
        ),
        severity: fc.constantFrom(...SEVERITIES),
        title: fc.string({ maxLength: 200 }),
      }),
      { maxLength: 12, selector: ({ id }) => id },
    );
    fc.assert(
      fc.property(facts, (all) => {
        const kept = cutVulnerabilities(all);
        expect(bytesOf(kept)).toBeLessThanOrEqual(VULNERABILITIES_MAX_BYTES);
        const unlisted = kept.find(({ id }) => id === UNLISTED_ID);
        const rest = Number(/^and (\d+) more/.exec(unlisted?.title ?? '')?.[1] ?? 0);
        expect(kept.length - (unlisted ? 1 : 0) + rest).toBe(all.length);
        if (unlisted) expect(cutVulnerabilities([...all].reverse())).toEqual(kept);
      }),
    );
  });
});

describe('whyTooLarge', () => {
  it('takes facts that a verdict has room for, and says why not of others', () => {
    expect(whyTooLarge({ vulnerabilities: cutVulnerabilities(many(5_000)), licences: ['MIT'] }, INSIGHT_FACTS_MAX_BYTES)).toBeUndefined();
    expect(
      whyTooLarge({ licences: Array.from({ length: 20_000 }, (_, index) => `licence number ${index}`) }, INSIGHT_FACTS_MAX_BYTES),
    ).toMatch(/^SafeDep's answer takes \d+ bytes, more than the 300000 that are kept of one$/);
  });
});
