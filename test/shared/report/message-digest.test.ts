import { describe, expect, it } from 'vitest';
import type { PackageFacts } from '../../../shared/model/facts.ts';
import type { Finding } from '../../../shared/model/finding.ts';
import { insightMessageDigest, packageInsightDigest, violationMessageDigest } from '../../../shared/report/message-digest.ts';

const at = {
  forge: 'github',
  lockFile: 'web/package-lock.json',
  packageVersion: { ecosystem: 'NPM', name: 'a', version: '1.0.0' },
} as const;
const facts: PackageFacts = {
  vulnerabilities: [{ id: 'CVE-1', aliases: [], severity: 'high', title: 't' }],
  malware: { verdict: 'benign', analysisId: '01A', title: '' },
  licences: ['MIT'],
  publishedAtMs: 1_700_000_000_123,
};
const finding: Finding = {
  id: 'f',
  factId: 'f',
  kind: 'malware',
  severity: 'critical',
  packageVersion: at.packageVersion,
  primaryId: '01A',
  title: 'steals',
  decision: 'reject',
  decisionReason: 'malware, verified',
  lockFiles: [at.lockFile],
};
const insight = (changes: Partial<PackageFacts> = {}, where: Partial<typeof at> | { lockFile: string } = {}): string => {
  const place = { ...at, ...where };
  return insightMessageDigest(place, packageInsightDigest(place, { ...facts, ...changes }));
};

describe('the digest of a message', () => {
  it('is the same for the same message', () => {
    expect(insight()).toBe(insight());
    expect(insight()).toMatch(/^[0-9a-f]{32}$/);
    expect(violationMessageDigest(at, finding)).toBe(violationMessageDigest({ ...at }, { ...finding }));
  });

  it('differs wherever SafeDep would be told something else', () => {
    const digests = [
      insight(),
      insight({}, { lockFile: 'package-lock.json' }),
      insight({ vulnerabilities: [] }),
      insight({ vulnerabilities: [{ id: 'CVE-1', aliases: [], severity: 'low', title: 't' }] }),
      insight({ malware: { verdict: 'malicious', analysisId: '01A', title: '' } }),
      insight({ licences: ['MIT', 'BSD-3-Clause'] }),
      insight({ publishedAtMs: 1_700_000_000_124 }),
      violationMessageDigest(at, finding),
      violationMessageDigest({ ...at, lockFile: 'b/package-lock.json' }, finding),
      violationMessageDigest(at, { ...finding, decisionReason: 'the policy says so' }),
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('is the same where SafeDep would be told nothing else', () => {
    expect(insight({ vulnerabilities: [{ id: 'CVE-1', aliases: ['GHSA-1'], severity: 'high', title: 't' }] })).toBe(insight());
    expect(violationMessageDigest(at, { ...finding, lockFiles: [], lockFileCount: 9 })).toBe(violationMessageDigest(at, finding));
  });
});
