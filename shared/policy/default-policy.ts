import type { PackageFacts, Severity } from '../model/facts.ts';
import type { Decision, FindingKind } from '../model/finding.ts';
import type { PolicySettings } from '../model/settings/settings.ts';

export interface Judgement {
  readonly decision: Decision;
  /** One line for the reader. */
  readonly reason: string;
}

/**
 * What a vulnerability leads to where the settings say nothing (design, section 4): a critical one is rejected, a high one
 * warned of, and so is one of unknown severity, because unknown is not low.
 */
const VULNERABILITY_DEFAULTS: Readonly<Record<Severity, Decision>> = {
  critical: 'reject',
  high: 'warn',
  medium: 'accept',
  low: 'accept',
  unknown: 'warn',
};

/** Decides about one fact by the settings' policy. A tenant's exclusion at SafeDep accepts what malware analysis says. */
export function judge(kind: FindingKind, severity: Severity, facts: PackageFacts, policy: PolicySettings): Judgement {
  switch (kind) {
    case 'malware':
    case 'suspicious': {
      const exclusion = facts.malware?.exclusion;
      if (exclusion !== undefined) return { decision: 'accept', reason: `excluded at SafeDep: ${exclusion || 'no reason given'}` };
      const decision = kind === 'malware' ? policy.malware : policy.suspicious;
      return { decision, reason: kind === 'malware' ? 'malware, verified' : 'malware, inferred and not verified' };
    }
    case 'vulnerability':
      return {
        decision: policy.vulnerability[severity] ?? VULNERABILITY_DEFAULTS[severity],
        reason: `vulnerability of ${severity} severity`,
      };
    case 'licence':
    case 'poisoned-lock-file':
      return { decision: 'warn', reason: kind === 'licence' ? 'licence' : 'the lock file points elsewhere than its registry' };
  }
}
