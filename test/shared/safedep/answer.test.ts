import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Severity, Severity_Risk } from '#safedep-api/safedep/messages/vulnerability/v1/severity_pb.js';
import { GetPackageVersionInsightResponseSchema } from '#safedep-api/safedep/services/insights/v2/insights_pb.js';
import { AnalysisStatus, QueryPackageAnalysisResponseSchema } from '#safedep-api/safedep/services/malysis/v1/malysis_pb.js';
import { deriveOutcome } from '../../../shared/model/check.ts';
import { TITLE_MAX_CHARACTERS, toAnswer } from '../../../shared/safedep/answer.ts';
import type { InsightResult, MalwareResult } from '../../../shared/safedep/data-plane-client.ts';

const insightOf = (init: MessageInitShape<typeof GetPackageVersionInsightResponseSchema>): InsightResult => ({
  kind: 'answered',
  response: create(GetPackageVersionInsightResponseSchema, init),
});
const malwareOf = (init: MessageInitShape<typeof QueryPackageAnalysisResponseSchema>): MalwareResult => ({
  kind: 'answered',
  response: create(QueryPackageAnalysisResponseSchema, init),
});

const EMPTY_INSIGHT = insightOf({ insight: {} });
const BENIGN = malwareOf({ analysisId: 'A1', status: AnalysisStatus.COMPLETED, report: { inference: { isMalware: false } } });
const INFERRED = {
  analysisId: 'A1',
  status: AnalysisStatus.COMPLETED,
  report: { inference: { isMalware: true, summary: 'steals\ntokens' } },
};

describe('what is known', () => {
  it('calls a package known and without findings only when both questions were answered', () => {
    const { checks, facts } = toAnswer(EMPTY_INSIGHT, BENIGN);
    expect(checks).toEqual({ vulnerabilities: { state: 'known' }, malware: { state: 'known' } });
    expect(facts).toEqual({ vulnerabilities: [], licences: [], malware: { verdict: 'benign', analysisId: 'A1', title: '' } });
    expect(deriveOutcome(checks, false)).toBe('benign');
  });

  it.each([
    ['not-analysed', 'NotFound', 'not-analysed'],
    ['throttled', 'ResourceExhausted', 'throttled'],
    ['retry', 'Unavailable', 'failed'],
    ['credentials', 'Unauthenticated', 'failed'],
    ['incompatible', 'Unimplemented', 'failed'],
    ['refused', 'InvalidArgument', 'unsupported'],
    ['refused', 'FailedPrecondition', 'failed'],
  ] as const)('reports a call that ended as %s (%s) as %s, with the reason', (kind, code, state) => {
    const failure = { kind, code, reason: 'the reason' };
    expect(toAnswer(failure, failure)).toEqual({
      checks: { vulnerabilities: { state, reason: 'the reason' }, malware: { state, reason: 'the reason' } },
      facts: {},
    });
  });

  it('reports a package that is not asked about as unsupported', () => {
    const unsupported = { kind: 'unsupported', reason: 'too long' } as const;
    expect(toAnswer(unsupported, unsupported).checks.malware).toEqual({ state: 'unsupported', reason: 'too long' });
  });

  it('does not take an answer without an insight for one without vulnerabilities', () => {
    const { checks, facts } = toAnswer(insightOf({ packageVersion: { version: '1' } }), BENIGN);
    expect(checks.vulnerabilities.state).toBe('not-analysed');
    expect(facts.vulnerabilities).toBeUndefined();
  });

  it.each([
    ['nothing at all', {}],
    ['an analysis that is queued', { status: AnalysisStatus.QUEUED }],
    ['an analysis that is under way, with a report already', { ...INFERRED, status: AnalysisStatus.IN_PROGRESS }],
    ['an analysis that failed', { status: AnalysisStatus.FAILED }],
    ['a status of a newer schema', { ...INFERRED, status: 17 as AnalysisStatus }],
    ['a finished analysis without a report', { status: AnalysisStatus.COMPLETED }],
    ['a report without an inference', { status: AnalysisStatus.COMPLETED, report: {} }],
    ['a record that decides nothing', { status: AnalysisStatus.QUEUED, verificationRecord: { reason: 'looking at it' } }],
  ])('says not analysed, and why, of %s', (_, response) => {
    const { checks, facts } = toAnswer(EMPTY_INSIGHT, malwareOf(response));
    expect(checks.malware.state).toBe('not-analysed');
    expect(checks.malware.reason).toMatch(/analys|report/);
    expect(facts.malware).toBeUndefined();
  });
});

describe('the malware verdict', () => {
  const verdictOf = (init: MessageInitShape<typeof QueryPackageAnalysisResponseSchema>) =>
    toAnswer(EMPTY_INSIGHT, malwareOf(init)).facts.malware;

  it('calls an inference that nobody verified suspicious, with its summary on one line', () => {
    expect(verdictOf(INFERRED)).toEqual({ verdict: 'suspicious', analysisId: 'A1', title: 'steals tokens' });
  });

  it('calls a verified one malicious, with the record’s reason', () => {
    expect(verdictOf({ ...INFERRED, verificationRecord: { isMalware: true, reason: 'seen to steal' } })).toEqual({
      verdict: 'malicious',
      analysisId: 'A1',
      title: 'seen to steal',
    });
  });

  it('lets the record clear the inference', () => {
    expect(verdictOf({ ...INFERRED, verificationRecord: { isSafe: true, reason: 'a false alarm' } })?.verdict).toBe('benign');
  });

  it('lets the record convict against the inference, and without any analysis', () => {
    const record = { verificationRecord: { isMalware: true } };
    expect(verdictOf({ status: AnalysisStatus.COMPLETED, report: { inference: { isMalware: false } }, ...record })?.verdict).toBe(
      'malicious',
    );
    expect(verdictOf(record)).toEqual({ verdict: 'malicious', analysisId: '', title: 'verified as malware' });
  });

  it('believes a record that says both that it is malware', () => {
    expect(verdictOf({ verificationRecord: { isMalware: true, isSafe: true } })?.verdict).toBe('malicious');
  });

  it('keeps the tenant’s exclusion beside the verdict', () => {
    expect(verdictOf({ ...INFERRED, maliciousPackageExclusion: { exclusionId: 'E1', reason: 'ours' } })?.exclusion).toBe('ours');
    expect(verdictOf({ ...INFERRED, maliciousPackageExclusion: { exclusionId: 'E1' } })?.exclusion).toBe('excluded by the tenant (E1)');
    expect(verdictOf(INFERRED)).not.toHaveProperty('exclusion');
  });
});

describe('MAL- advisories', () => {
  it('stay among the vulnerabilities and leave the malware fact to its own question, which is asked at other times', () => {
    const listed = insightOf({ insight: { vulnerabilities: [{ id: { value: 'MAL-2025-2' }, summary: 'Malicious code in x' }] } });
    const { facts } = toAnswer(listed, BENIGN);
    expect(facts.malware?.verdict).toBe('benign');
    expect(facts.vulnerabilities).toMatchObject([{ id: 'MAL-2025-2', title: 'Malicious code in x' }]);
    expect(toAnswer(listed, { kind: 'retry', code: 'Unavailable', reason: 'down' }).facts).not.toHaveProperty('malware');
  });
});

describe('vulnerabilities', () => {
  const factsOf = (
    vulnerabilities: NonNullable<MessageInitShape<typeof GetPackageVersionInsightResponseSchema>['insight']>['vulnerabilities'],
  ) => toAnswer(insightOf({ insight: { vulnerabilities: vulnerabilities ?? [] } }), BENIGN).facts.vulnerabilities;

  const risks = (...risk: Severity_Risk[]): Pick<Severity, 'risk'>[] => risk.map((value) => ({ risk: value }));

  it('have the highest risk of all their severities', () => {
    const severityOf = (...risk: Severity_Risk[]) => factsOf([{ id: { value: 'X' }, severities: risks(...risk) }])?.[0]?.severity;
    expect(severityOf(Severity_Risk.MEDIUM, Severity_Risk.CRITICAL, Severity_Risk.LOW)).toBe('critical');
    expect(severityOf(Severity_Risk.UNSPECIFIED, Severity_Risk.LOW)).toBe('low');
    expect(severityOf()).toBe('unknown');
    expect(severityOf(9 as Severity_Risk)).toBe('unknown');
  });

  it('keep ids, aliases and a title of one line, cut', () => {
    expect(factsOf([{ id: { value: 'GHSA-1' }, aliases: [{ value: 'CVE-1' }, { value: '' }], summary: `a\n${'b'.repeat(900)}` }])).toEqual([
      { id: 'GHSA-1', aliases: ['CVE-1'], severity: 'unknown', title: `a ${'b'.repeat(TITLE_MAX_CHARACTERS - 3)}…` },
    ]);
  });

  it('are never dropped for want of an id', () => {
    expect(factsOf([{ aliases: [{ value: 'CVE-2' }] }, { summary: 'something bad' }])).toEqual([
      { id: 'CVE-2', aliases: [], severity: 'unknown', title: 'CVE-2' },
      { id: 'unidentified: something bad', aliases: [], severity: 'unknown', title: 'something bad' },
    ]);
  });

  it('that come twice are one, with the worse severity', () => {
    const twice = factsOf([
      { id: { value: 'X' }, severities: risks(Severity_Risk.HIGH) },
      { id: { value: 'X' }, severities: risks(Severity_Risk.LOW) },
    ]);
    expect(twice).toEqual([{ id: 'X', aliases: [], severity: 'high', title: 'X' }]);
  });
});

describe('an answer that a verdict has no room for', () => {
  const licences = Array.from({ length: 20_000 }, (_, index) => ({ licenseId: `licence number ${index}` }));

  it('is known where only its vulnerabilities are too many: the worst are kept and the others counted', () => {
    const vulnerabilities = Array.from({ length: 6_000 }, (_, index) => ({ id: { value: `GHSA-${index}` }, summary: 'x'.repeat(200) }));
    const { checks, facts } = toAnswer(insightOf({ insight: { vulnerabilities } }), BENIGN);
    expect(checks.vulnerabilities).toEqual({ state: 'known' });
    expect(facts.vulnerabilities?.at(-1)?.title).toMatch(/^and \d+ more vulnerabilities/);
    expect(Buffer.byteLength(JSON.stringify(facts))).toBeLessThan(300_000);
  });

  it('fails with the reason, keeps nothing of it, and leaves the other question alone', () => {
    const { checks, facts } = toAnswer(insightOf({ insight: { licenses: { licenses: licences } } }), BENIGN);
    expect(checks.vulnerabilities).toMatchObject({ state: 'failed', reason: expect.stringContaining('more than the 300000') });
    expect(checks.malware).toEqual({ state: 'known' });
    expect(facts).toEqual({ malware: { verdict: 'benign', analysisId: 'A1', title: '' } });
  });

  it('fails where the malware answer is the one that is too large', () => {
    const { checks, facts } = toAnswer(EMPTY_INSIGHT, malwareOf({ ...INFERRED, analysisId: 'a'.repeat(400_000) }));
    expect(checks.malware.state).toBe('failed');
    expect(checks.vulnerabilities).toEqual({ state: 'known' });
    expect(facts.malware).toBeUndefined();
  });
});

describe('other facts', () => {
  it('are licences and the registry’s date, not SafeDep’s', () => {
    const insight = insightOf({
      insight: {
        licenses: { licenses: [{ licenseId: 'MIT', name: 'MIT License' }, { licenseId: 'MIT' }, { name: 'Own Licence' }, {}] },
        publishedAt: timestampFromMs(5),
        packagePublishedAt: timestampFromMs(1_500_000_000_123),
      },
    });
    expect(toAnswer(insight, BENIGN).facts).toMatchObject({ licences: ['MIT', 'Own Licence'], publishedAtMs: 1_500_000_000_123 });
  });

  it('leave out a date that is none', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.integer(), (seconds, nanos) => {
        const { publishedAtMs } = toAnswer(insightOf({ insight: { packagePublishedAt: { seconds, nanos } } }), BENIGN).facts;
        if (publishedAtMs !== undefined) expect(new Date(publishedAtMs).getTime()).toBe(publishedAtMs);
      }),
    );
  });
});
