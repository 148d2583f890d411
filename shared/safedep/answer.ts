import { Severity_Risk } from '#safedep-api/safedep/messages/vulnerability/v1/severity_pb.js';
import type { Vulnerability } from '#safedep-api/safedep/messages/vulnerability/v1/vulnerability_pb.js';
import { AnalysisStatus } from '#safedep-api/safedep/services/malysis/v1/malysis_pb.js';
import type { Check, Checks } from '../model/check.ts';
import type { MalwareFact, PackageFacts, Severity, VulnerabilityFact } from '../model/facts.ts';
import { cutVulnerabilities, INSIGHT_FACTS_MAX_BYTES, MALWARE_FACTS_MAX_BYTES, whyTooLarge } from './bound-facts.ts';
import type { CallFailure } from './calls.ts';
import type { InsightResponse, InsightResult, MalwareResponse, MalwareResult, Unsupported } from './data-plane-client.ts';
import { toOneLine } from './one-line.ts';
import { toEpochMs } from './timestamps.ts';

/** A title is cut here, in characters. Ours: one line of a terminal or a message; the whole text stands in the stored answer. */
export const TITLE_MAX_CHARACTERS = 200;

/** What both questions brought, in the model's words. */
export interface Answer {
  readonly checks: Checks;
  readonly facts: PackageFacts;
}

/**
 * Reads the two results of one package version. Unknown is never clean: a question counts as `known` only with an insight, or with a
 * finished analysis or a person's record. Each question brings facts of its own only, since they are asked again at different times.
 *
 * Facts that a verdict has no room for are cut where they are a list of vulnerabilities (`cutVulnerabilities`); else the question
 * failed, with that as its reason, because asking again brings the same.
 */
export function toAnswer(insight: InsightResult, malware: MalwareResult): Answer {
  const known = insight.kind === 'answered' ? insight.response.insight : undefined;
  const [malwareCheck, verdict] = malware.kind === 'answered' ? readMalware(malware.response) : [toCheck(malware), undefined];
  const publishedAtMs = toEpochMs(known?.packagePublishedAt);
  const insightFacts: PackageFacts = {
    ...(known && { vulnerabilities: cutVulnerabilities(toVulnerabilities(known.vulnerabilities)), licences: toLicences(known) }),
    ...(publishedAtMs !== undefined && { publishedAtMs }),
  };
  const tooLarge = whyTooLarge(insightFacts, INSIGHT_FACTS_MAX_BYTES);
  const insightCheck = insight.kind === 'answered' ? readInsight(insight.response) : toCheck(insight);
  return {
    checks: {
      vulnerabilities: tooLarge === undefined ? insightCheck : { state: 'failed', reason: tooLarge },
      malware: malwareCheck,
    },
    facts: { ...(tooLarge === undefined && insightFacts), ...(verdict && { malware: verdict }) },
  };
}

function toCheck(failure: CallFailure | Unsupported): Check {
  const { kind, reason } = failure;
  switch (kind) {
    case 'not-analysed':
    case 'throttled':
    case 'unsupported':
      return { state: kind, reason };
    case 'refused':
      // A wrong state (FailedPrecondition) is the account's or ours, and hits every package alike; a wrong argument is this package.
      return { state: failure.code === 'FailedPrecondition' ? 'failed' : 'unsupported', reason };
    case 'retry':
    case 'credentials':
    case 'incompatible':
      return { state: 'failed', reason };
  }
}

function readInsight(response: InsightResponse): Check {
  if (response.insight === undefined)
    return { state: 'not-analysed', reason: 'SafeDep knows this package version but has no insight into it' };
  return { state: 'known' };
}

function readMalware(response: MalwareResponse): [Check, MalwareFact | undefined] {
  const { analysisId, status, report, verificationRecord: record, maliciousPackageExclusion } = response;
  const inference = report?.inference;
  const excluded = maliciousPackageExclusion && {
    exclusion:
      toOneLine(maliciousPackageExclusion.reason, TITLE_MAX_CHARACTERS) ||
      `excluded by the tenant (${maliciousPackageExclusion.exclusionId})`,
  };
  const known = (verdict: MalwareFact['verdict'], title: string): [Check, MalwareFact | undefined] => {
    const malware = { verdict, analysisId, title, ...excluded };
    const tooLarge = whyTooLarge({ malware }, MALWARE_FACTS_MAX_BYTES);
    return tooLarge === undefined ? [{ state: 'known' }, malware] : [{ state: 'failed', reason: tooLarge }, undefined];
  };
  if (record?.isMalware) return known('malicious', toTitle('verified as malware', record.reason, inference?.summary));
  if (record?.isSafe) return known('benign', '');
  if (status !== AnalysisStatus.COMPLETED) return [{ state: 'not-analysed', reason: whyUnfinished(status) }, undefined];
  if (inference === undefined)
    return [{ state: 'not-analysed', reason: 'SafeDep has no malware report on this package version' }, undefined];
  if (inference.isMalware) return known('suspicious', toTitle('looks like malware, not verified', inference.summary, inference.details));
  return known('benign', '');
}

function whyUnfinished(status: AnalysisStatus): string {
  switch (status) {
    case AnalysisStatus.QUEUED:
    case AnalysisStatus.IN_PROGRESS:
      return 'SafeDep is still analysing this package version for malware';
    case AnalysisStatus.FAILED:
      return "SafeDep's malware analysis of this package version failed";
    default:
      return 'SafeDep has no finished malware analysis of this package version';
  }
}

/** The first text that says anything, on one line; `otherwise` where none does. */
function toTitle(otherwise: string, ...texts: readonly (string | undefined)[]): string {
  for (const text of texts) {
    const line = toOneLine(text ?? '', TITLE_MAX_CHARACTERS);
    if (line !== '') return line;
  }
  return otherwise;
}

/** One fact an id, in the service's order; of an id that comes twice the worse severity counts. */
function toVulnerabilities(vulnerabilities: readonly Vulnerability[]): VulnerabilityFact[] {
  const facts = new Map<string, VulnerabilityFact>();
  for (const vulnerability of vulnerabilities) {
    const fact = toVulnerability(vulnerability);
    const earlier = facts.get(fact.id);
    const severity = earlier === undefined ? fact.severity : worse(earlier.severity, fact.severity);
    facts.set(fact.id, { ...(earlier ?? fact), severity });
  }
  return [...facts.values()];
}

function toVulnerability({ id, aliases, severities, summary }: Vulnerability): VulnerabilityFact {
  const otherIds = aliases.map((alias) => alias.value).filter((value) => value !== '');
  // Without any id it is still a vulnerability: never dropped.
  const ownId = id?.value || otherIds[0] || `unidentified: ${toOneLine(summary, 80)}`;
  return {
    id: ownId,
    aliases: otherIds.filter((value) => value !== ownId),
    severity: severities.map((severity) => toSeverity(severity.risk)).reduce<Severity>(worse, 'unknown'),
    title: toTitle(ownId, summary),
  };
}

/** A risk that this build does not know is `unknown`, not low. */
function toSeverity(risk: Severity_Risk): Severity {
  switch (risk) {
    case Severity_Risk.CRITICAL:
      return 'critical';
    case Severity_Risk.HIGH:
      return 'high';
    case Severity_Risk.MEDIUM:
      return 'medium';
    case Severity_Risk.LOW:
      return 'low';
    default:
      return 'unknown';
  }
}

const RANK: Readonly<Record<Severity, number>> = { unknown: 0, low: 1, medium: 2, high: 3, critical: 4 };

function worse(a: Severity, b: Severity): Severity {
  return RANK[b] > RANK[a] ? b : a;
}

function toLicences({ licenses }: NonNullable<InsightResponse['insight']>): string[] {
  return [...new Set((licenses?.licenses ?? []).map((licence) => licence.licenseId || licence.name).filter((id) => id !== ''))];
}
