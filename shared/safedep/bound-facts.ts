import { malwareAdvisoriesOf, type PackageFacts, type Severity, type VulnerabilityFact } from '../model/facts.ts';

/**
 * What is kept of one answer, in bytes of JSON. Ours: DynamoDB takes 400 KB an item, and both questions' facts stand in the same one
 * with the states of their checks. A package with 400 vulnerabilities takes some 130 KB.
 */
export const INSIGHT_FACTS_MAX_BYTES = 300_000;
export const MALWARE_FACTS_MAX_BYTES = 10_000;
/** Of it for vulnerabilities, the one list that real packages make long: the rest is for licences. */
export const VULNERABILITIES_MAX_BYTES = 250_000;
/** A single one may take so much: its id stands in its finding, and again in each event of that. */
const VULNERABILITY_MAX_BYTES = 10_000;

/** The id of the fact that stands for all those that there was no room for. */
export const UNLISTED_ID = 'unlisted';
const UNLISTED_MAX_BYTES = 300;

/** Worst first. Unknown is not low: the default policy warns of it. */
const WORST_FIRST: readonly Severity[] = ['critical', 'high', 'unknown', 'medium', 'low'];

/**
 * The vulnerabilities as given where they fit. Else the advisories of malware and the worst ones, and last one fact that counts the
 * others and has the worst severity among them: none is dropped in silence, and the policy still decides about them.
 */
export function cutVulnerabilities(facts: readonly VulnerabilityFact[]): readonly VulnerabilityFact[] {
  const sizes = facts.map(bytesOf);
  const isWhole = sizes.reduce((sum, bytes) => sum + bytes, 0) <= VULNERABILITIES_MAX_BYTES;
  if (isWhole && sizes.every((bytes) => bytes <= VULNERABILITY_MAX_BYTES)) return facts;
  const kept: VulnerabilityFact[] = [];
  const rest: VulnerabilityFact[] = [];
  let left = VULNERABILITIES_MAX_BYTES - UNLISTED_MAX_BYTES;
  for (const fact of [...facts].sort(byImportance)) {
    const bytes = bytesOf(fact);
    if (bytes > VULNERABILITY_MAX_BYTES || bytes > left) {
      rest.push(fact);
      continue;
    }
    kept.push(fact);
    left -= bytes;
  }
  const severity = WORST_FIRST.find((each) => rest.some((fact) => fact.severity === each)) ?? 'unknown';
  const what = rest.length === 1 ? 'vulnerability' : 'vulnerabilities';
  const title = `and ${rest.length} more ${what} than there is room for, the worst of ${severity} severity`;
  return [...kept, { id: UNLISTED_ID, aliases: [], severity, title }];
}

/** Why facts are not kept, where they are larger than that; `undefined` where there is room. */
export function whyTooLarge(facts: PackageFacts, maxBytes: number): string | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(facts));
  return bytes <= maxBytes ? undefined : `SafeDep's answer takes ${bytes} bytes, more than the ${maxBytes} that are kept of one`;
}

/** With the comma that follows it in a list. */
function bytesOf(fact: VulnerabilityFact): number {
  return Buffer.byteLength(JSON.stringify(fact)) + ','.length;
}

function byImportance(a: VulnerabilityFact, b: VulnerabilityFact): number {
  return (
    Number(isAdvisory(b)) - Number(isAdvisory(a)) ||
    WORST_FIRST.indexOf(a.severity) - WORST_FIRST.indexOf(b.severity) ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}

function isAdvisory(fact: VulnerabilityFact): boolean {
  return malwareAdvisoriesOf(fact).length > 0;
}
