import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { PackageManifestSource, PackageManifestType } from '#safedep-api/safedep/messages/package/v1/package_manifest_pb.js';
import { RuleCheck } from '#safedep-api/safedep/messages/policy/v1/rule_pb.js';
import { Severity_Risk } from '#safedep-api/safedep/messages/vulnerability/v1/severity_pb.js';
import { VulnerabilityIdentifierType } from '#safedep-api/safedep/messages/vulnerability/v1/vulnerability_pb.js';
import { type MalwareFact, type PackageFacts, SEVERITIES, type Severity, type VulnerabilityFact } from '../model/facts.ts';
import type { Finding, FindingKind } from '../model/finding.ts';
import type { PackageVersion } from '../model/package-version.ts';
import type { Forge } from '../model/repository.ts';
import { toSafeDepEcosystem } from '../safedep/ecosystem.ts';
import type { PackageInsightInit, PolicyViolationInit } from '../safedep/report-session-client.ts';
import {
  ANALYSIS_ID_MAX_CHARACTERS,
  characterCount,
  cut,
  EVIDENCE_MAX_CHARACTERS,
  LICENCE_ID_MIN_CHARACTERS,
  MANIFEST_NAME_MAX_CHARACTERS,
  MANIFEST_NAMESPACE_MAX_CHARACTERS,
  RULE_VALUE_MAX_CHARACTERS,
  shortenName,
  VULNERABILITIES_MAX_COUNT,
  VULNERABILITY_ID_MAX_CHARACTERS,
  VULNERABILITY_SUMMARY_MAX_CHARACTERS,
} from './declared-limits.ts';

/** Where a package version stands: in which lock file of a repository of which forge. */
export interface PackageAt {
  readonly forge: Forge;
  readonly lockFile: string;
  readonly packageVersion: PackageVersion;
}

const RISKS: Readonly<Record<Severity, Severity_Risk>> = {
  critical: Severity_Risk.CRITICAL,
  high: Severity_Risk.HIGH,
  medium: Severity_Risk.MEDIUM,
  low: Severity_Risk.LOW,
  unknown: Severity_Risk.UNSPECIFIED,
};

const RULE_CHECKS: Readonly<Record<FindingKind, RuleCheck>> = {
  malware: RuleCheck.MALWARE,
  suspicious: RuleCheck.MALWARE,
  vulnerability: RuleCheck.VULNERABILITY,
  licence: RuleCheck.LICENSE,
  'poisoned-lock-file': RuleCheck.PROVENANCE,
};

function manifestSource(forge: Forge): PackageManifestSource {
  if (forge === 'github') return PackageManifestSource.GITHUB;
  return forge === 'gitlab' ? PackageManifestSource.GITLAB : PackageManifestSource.FILE;
}

/** Folder and file name; a lock file at the top has the folder `.`, because the namespace must not be empty. */
export function toManifest({ forge, lockFile, packageVersion }: PackageAt) {
  const slash = lockFile.lastIndexOf('/');
  return {
    ecosystem: toSafeDepEcosystem(packageVersion.ecosystem),
    type: PackageManifestType.PACKAGE_MANAGER_SPECIFIC,
    namespace: shortenName(lockFile.slice(0, Math.max(slash, 0)) || '.', MANIFEST_NAMESPACE_MAX_CHARACTERS),
    name: shortenName(lockFile.slice(slash + 1) || 'unnamed', MANIFEST_NAME_MAX_CHARACTERS),
    source: manifestSource(forge),
  };
}

function toPackageVersion({ ecosystem, name, version }: PackageVersion) {
  return { package: { ecosystem: toSafeDepEcosystem(ecosystem), name: name.toWellFormed() }, version: version.toWellFormed() };
}

function identifierType(id: string): VulnerabilityIdentifierType {
  if (id.startsWith('CVE-')) return VulnerabilityIdentifierType.CVE;
  return id.startsWith('GHSA-') ? VulnerabilityIdentifierType.GHSA : VulnerabilityIdentifierType.OSV;
}

function isPublishableId({ id }: VulnerabilityFact): boolean {
  return id !== '' && characterCount(id) <= VULNERABILITY_ID_MAX_CHARACTERS;
}

function toVulnerability({ id, severity, title }: VulnerabilityFact) {
  return {
    id: { type: identifierType(id), value: id.toWellFormed() },
    summary: cut(title, VULNERABILITY_SUMMARY_MAX_CHARACTERS),
    // A score must not be empty and we hold none: the rating stands in its place, as advisories without a vector do it.
    severities: severity === 'unknown' ? [] : [{ score: severity.toUpperCase(), risk: RISKS[severity] }],
  };
}

/** The worst ones first, so that what is beyond the limit is the least of them. */
function toVulnerabilities(facts: readonly VulnerabilityFact[]) {
  return facts
    .filter(isPublishableId)
    .sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity))
    .slice(0, VULNERABILITIES_MAX_COUNT)
    .map(toVulnerability);
}

function toLicences(ids: readonly string[]) {
  const publishable = ids.map((id) => id.toWellFormed()).filter((id) => characterCount(id) >= LICENCE_ID_MIN_CHARACTERS);
  return { licenses: publishable.map((id) => ({ licenseId: id, name: id })) };
}

function toMaliciousPackageInsight({ analysisId, verdict, title }: MalwareFact) {
  if (analysisId === '' || characterCount(analysisId) > ANALYSIS_ID_MAX_CHARACTERS) return undefined;
  return {
    analysisId: analysisId.toWellFormed(),
    isMalware: verdict !== 'benign',
    isVerified: verdict === 'malicious',
    summary: title.toWellFormed(),
  };
}

/** What a protobuf timestamp holds: whole milliseconds up to the end of the year 9999. */
function isTimestamp(ms: number | undefined): ms is number {
  return ms !== undefined && Number.isInteger(ms) && ms >= 0 && ms < Date.UTC(10_000, 0);
}

/** What is known of a package version, whichever lock file it stands in; an empty insight where nothing is, because it is required. */
export function toPackageInsight(packageVersion: PackageVersion, facts: PackageFacts) {
  const malware = facts.malware && toMaliciousPackageInsight(facts.malware);
  return {
    packageVersion: toPackageVersion(packageVersion),
    packageVersionInsight: {
      vulnerabilities: toVulnerabilities(facts.vulnerabilities ?? []),
      licenses: toLicences(facts.licences ?? []),
      ...(isTimestamp(facts.publishedAtMs) ? { publishedAt: timestampFromMs(facts.publishedAtMs) } : {}),
    },
    ...(malware ? { maliciousPackageInsight: malware } : {}),
  };
}

/** One package of one lock file with what is known of it. The session is left to the sender. */
export function toInsightMessage(at: PackageAt, facts: PackageFacts): PackageInsightInit {
  return { manifest: toManifest(at), ...toPackageInsight(at.packageVersion, facts) };
}

/** One finding that the policy rejects, in one lock file. The rule's value must not be empty: it says what was decided on what. */
export function toViolationMessage(at: PackageAt, finding: Finding): PolicyViolationInit {
  const { kind, severity, primaryId, decision, decisionReason, title } = finding;
  return {
    manifest: toManifest(at),
    packageVersion: toPackageVersion(at.packageVersion),
    violation: {
      rule: {
        name: `safedep-watch/${kind}`,
        check: RULE_CHECKS[kind],
        description: decisionReason.toWellFormed(),
        value: cut(`${decision}: ${kind}, severity ${severity}, ${primaryId}`, RULE_VALUE_MAX_CHARACTERS),
        labels: [kind, `severity-${severity}`],
      },
      evidences: [{ evidence: cut(title, EVIDENCE_MAX_CHARACTERS) }],
    },
  };
}
