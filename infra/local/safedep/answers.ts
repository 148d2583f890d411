import { createHash } from 'node:crypto';
import { create, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Report_Evidence_Confidence, type ReportSchema } from '#safedep-api/safedep/messages/malysis/v1/report_pb.js';
import { Ecosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import type { PackageVersion as WirePackageVersion } from '#safedep-api/safedep/messages/package/v1/package_version_pb.js';
import { Severity_Risk, Severity_Type } from '#safedep-api/safedep/messages/vulnerability/v1/severity_pb.js';
import { VulnerabilityIdentifierType } from '#safedep-api/safedep/messages/vulnerability/v1/vulnerability_pb.js';
import { GetPackageVersionInsightResponseSchema } from '#safedep-api/safedep/services/insights/v2/insights_pb.js';
import { AnalysisStatus, QueryPackageAnalysisResponseSchema } from '#safedep-api/safedep/services/malysis/v1/malysis_pb.js';
import { isEcosystem } from '../../../shared/model/ecosystem.ts';
import { type PackageVersion, packageKey } from '../../../shared/model/package-version.ts';
import { toPurl } from '../../../shared/model/purl.ts';
import { toSafeDepEcosystem } from '../../../shared/safedep/ecosystem.ts';
import { type CompleteFacts, foldedName, MADE_UP } from './facts.ts';

/** The package version of a request in the model's words, or `undefined` where the stand-in does not know the ecosystem. */
export function fromWire(packageVersion: WirePackageVersion | undefined): PackageVersion | undefined {
  const ecosystem = Ecosystem[packageVersion?.package?.ecosystem ?? Ecosystem.UNSPECIFIED] ?? '';
  if (!isEcosystem(ecosystem)) return undefined;
  return { ecosystem, name: packageVersion?.package?.name ?? '', version: packageVersion?.version ?? '' };
}

function toWire(packageVersion: PackageVersion) {
  return {
    package: { ecosystem: toSafeDepEcosystem(packageVersion.ecosystem), name: foldedName(packageVersion) },
    version: packageVersion.version,
  };
}

const SCORES = { critical: '9.8', high: '8.1', medium: '5.4', low: '2.3' } as const;
const RISKS = {
  critical: Severity_Risk.CRITICAL,
  high: Severity_Risk.HIGH,
  medium: Severity_Risk.MEDIUM,
  low: Severity_Risk.LOW,
} as const;

type Fact = NonNullable<CompleteFacts['vulnerabilities']>[number];

function toIdentifier(value: string) {
  const type = value.startsWith('CVE-') ? VulnerabilityIdentifierType.CVE : VulnerabilityIdentifierType.OSV;
  return { type, value };
}

export function toVulnerability({ id, aliases = [], severity, summary }: Fact) {
  return {
    id: toIdentifier(id),
    aliases: aliases.map(toIdentifier),
    summary,
    severities: severity === undefined ? [] : [{ type: Severity_Type.CVSS_V3, score: SCORES[severity], risk: RISKS[severity] }],
  };
}

/** The answer to `GetPackageVersionInsight`, names folded as SafeDep folds them. */
export function toInsightResponse(
  packageVersion: PackageVersion,
  facts: CompleteFacts,
): MessageShape<typeof GetPackageVersionInsightResponseSchema> {
  return create(GetPackageVersionInsightResponseSchema, {
    packageVersion: toWire(packageVersion),
    insight: {
      vulnerabilities: (facts.vulnerabilities ?? []).map(toVulnerability),
      licenses: { licenses: (facts.licences ?? []).map((licence) => ({ licenseId: licence, name: licence })) },
      deprecated: facts.deprecated ?? false,
      ...(facts.publishedAt !== undefined && { packagePublishedAt: timestampFromMs(Date.parse(facts.publishedAt)) }),
    },
  });
}

/** Files in the report of the fault `huge-report`: as many as make one of 700 KB. */
const HUGE_REPORT_FILES = 5_000;

/** The answer to `QueryPackageAnalysis`. */
export function toMalwareResponse(
  packageVersion: PackageVersion,
  facts: CompleteFacts,
  { keyless, huge }: { readonly keyless: boolean; readonly huge: boolean },
): MessageShape<typeof QueryPackageAnalysisResponseSchema> {
  const key = packageKey(packageVersion);
  const analysisId = `made-up-${createHash('sha256').update(key).digest('hex').slice(0, 24)}`;
  if (facts.malware === 'pending') return create(QueryPackageAnalysisResponseSchema, { analysisId, status: AnalysisStatus.IN_PROGRESS });
  if (facts.malware === 'failed') return create(QueryPackageAnalysisResponseSchema, { analysisId, status: AnalysisStatus.FAILED });
  const isMalware = facts.malware !== 'benign';
  const summary = facts.malwareSummary ?? `${MADE_UP}${isMalware ? 'stands for malware' : 'nothing was found, nothing was looked for'}`;
  const report: MessageInitShape<typeof ReportSchema> = {
    reportId: analysisId,
    packageVersion: toWire(packageVersion),
    target: { key: 'made-up' },
    fileSystem: { files: huge ? hugeFileList() : [] },
    analyzedAt: timestampFromMs(Date.parse(facts.publishedAt ?? '2026-01-01T00:00:00Z')),
    inference: { isMalware, summary, details: summary, confidence: Report_Evidence_Confidence.HIGH },
  };
  const record = { purl: toPurl(packageVersion), reason: summary };
  return create(QueryPackageAnalysisResponseSchema, {
    analysisId,
    status: AnalysisStatus.COMPLETED,
    report,
    ...(facts.malware === 'verified' && { verificationRecord: { ...record, isMalware: true } }),
    ...(facts.malware === 'verified-safe' && { verificationRecord: { ...record, isSafe: true } }),
    ...(facts.exclusion !== undefined && !keyless && { maliciousPackageExclusion: { exclusionId: 'made-up', reason: facts.exclusion } }),
  });
}

function hugeFileList() {
  return Array.from({ length: HUGE_REPORT_FILES }, (_, index) => ({
    key: `made-up-${index}`,
    path: `made/up/folder/with/a/long/path/file-${index}.js`,
    sha256: createHash('sha256').update(String(index)).digest('hex'),
    size: BigInt(index),
  }));
}
