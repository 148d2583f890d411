import type { PoisonedEntry } from '../inventory/read-snapshot.ts';
import { malwareAdvisoriesOf, type PackageFacts, type Severity } from '../model/facts.ts';
import { type Finding, type FindingKind, factId, findingId, listLockFiles } from '../model/finding.ts';
import type { PackageVersion } from '../model/package-version.ts';
import type { RefId } from '../model/repository.ts';
import type { PolicySettings } from '../model/settings/settings.ts';
import { judge, judgePoisoning } from '../policy/default-policy.ts';

interface Fact {
  readonly kind: Exclude<FindingKind, 'poisoned-lock-file'>;
  readonly severity: Severity;
  readonly primaryId: string;
  readonly title: string;
}

/** The facts of one package version that are findings, whatever the policy says of them. */
function factsOf(facts: PackageFacts): Fact[] {
  const found: Fact[] = [];
  const { malware, vulnerabilities = [] } = facts;
  const isListed = vulnerabilities.some((fact) => malwareAdvisoriesOf(fact).length > 0);
  // What is only inferred says nothing beside an advisory, which was verified.
  if (malware && (malware.verdict === 'malicious' || (malware.verdict === 'suspicious' && !isListed))) {
    const malicious = malware.verdict === 'malicious';
    found.push({
      kind: malicious ? 'malware' : 'suspicious',
      severity: malicious ? 'critical' : 'high',
      primaryId: malware.analysisId,
      title: malware.title || (malicious ? 'verified malware' : 'inferred to be malware'),
    });
  }
  for (const fact of vulnerabilities) {
    const { id, severity, title } = fact;
    const said = { title: title || id };
    const advisories = malwareAdvisoriesOf(fact);
    for (const primaryId of advisories) found.push({ ...said, kind: 'malware', severity: 'critical', primaryId });
    if (!advisories.includes(id)) found.push({ ...said, kind: 'vulnerability', severity, primaryId: id });
  }
  return found;
}

/** Whether the facts call the package version malware, verified or not, by analysis or by advisory. */
export function isReportedAsMalware(facts: PackageFacts): boolean {
  return factsOf(facts).some(({ kind }) => kind === 'malware' || kind === 'suspicious');
}

/** The findings of one package version at one ref. Pure: the same facts, policy and lock files give the same findings. */
export function deriveFindings(
  ref: RefId,
  packageVersion: PackageVersion,
  facts: PackageFacts,
  lockFiles: readonly string[],
  policy: PolicySettings,
): Finding[] {
  const byId = new Map<string, Finding>();
  const found = factsOf(facts);
  if (found.length === 0) return [];
  const listed = listLockFiles(lockFiles);
  for (const fact of found) {
    const identity = { kind: fact.kind, packageVersion, primaryId: fact.primaryId };
    const { decision, reason } = judge(fact.kind, fact.severity, facts, policy);
    const id = findingId(ref, identity);
    byId.set(id, {
      id,
      factId: factId(identity),
      kind: fact.kind,
      severity: fact.severity,
      packageVersion,
      primaryId: fact.primaryId,
      title: fact.title,
      decision,
      decisionReason: reason,
      ...listed,
    });
  }
  return [...byId.values()];
}

/** What lock files themselves show of one package version, at one ref. Severity is ours: high, but for what may be an honest mirror. */
export function derivePoisonings(ref: RefId, poisonings: readonly PoisonedEntry[], policy: PolicySettings): Finding[] {
  return poisonings.map(({ rule, packageVersion, detail, lockFiles }) => {
    const identity = { kind: 'poisoned-lock-file', packageVersion, primaryId: rule } as const;
    const { decision, reason } = judgePoisoning(rule, policy);
    return {
      id: findingId(ref, identity),
      factId: factId(identity),
      kind: identity.kind,
      severity: rule === 'unusual-host' ? 'medium' : 'high',
      packageVersion,
      primaryId: rule,
      title: detail,
      decision,
      decisionReason: reason,
      ...listLockFiles(lockFiles),
    };
  });
}
