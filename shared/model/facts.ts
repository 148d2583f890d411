/** How bad, in SafeDep's words (`Severity.Risk`), lower case. `unknown` where no severity is given: unknown is not low. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'unknown'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface VulnerabilityFact {
  /** The service's primary id: `GHSA-…`, `CVE-…`, `MAL-…`. */
  readonly id: string;
  readonly aliases: readonly string[];
  /** The highest risk over all severities that the service lists. */
  readonly severity: Severity;
  /** The summary, cut at 200 characters. */
  readonly title: string;
}

/**
 * The ids under which a vulnerability is listed as malware: those of the OpenSSF malicious-packages set, as its own id or as aliases.
 * Such an advisory was verified by who published it.
 */
export function malwareAdvisoriesOf({ id, aliases }: VulnerabilityFact): string[] {
  return [id, ...aliases].filter((name) => /^MAL-/i.test(name));
}

export interface MalwareFact {
  /** `malicious`: a person verified it. `suspicious`: inferred, not verified. The verification record beats the inference. */
  readonly verdict: 'malicious' | 'suspicious' | 'benign';
  /** SafeDep's id of the analysis; empty where it gave none. */
  readonly analysisId: string;
  /** One line of why; empty for a benign one. */
  readonly title: string;
  /** Why the tenant excluded this package from malware verdicts, when it did. */
  readonly exclusion?: string;
}

/** What is known of a package version, whoever uses it. A question that was not answered leaves its part out. */
export interface PackageFacts {
  readonly vulnerabilities?: readonly VulnerabilityFact[];
  readonly malware?: MalwareFact;
  /** SPDX ids, as the service lists them. */
  readonly licences?: readonly string[];
  /** When the registry published this version, milliseconds since the epoch: the schedule of refreshes depends on it. */
  readonly publishedAtMs?: number;
}
