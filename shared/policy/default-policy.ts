import type { PackageFacts, Severity } from '../model/facts.ts';
import type { Decision, FindingKind } from '../model/finding.ts';
import type { PoisoningRule } from '../model/manifest.ts';
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

/**
 * What a sign of poisoning leads to where the settings say nothing: no package manager writes these, but for a host that only a few
 * entries use, which may be an honest mirror. Once the settings list the hosts, another one is rejected.
 */
const POISONING_DEFAULTS: Readonly<Record<PoisoningRule, Decision>> = {
  'other-package': 'reject',
  'other-version': 'reject',
  'plain-http': 'reject',
  'changed-integrity': 'reject',
  'foreign-host': 'reject',
  'unusual-host': 'warn',
};

/** Decides about one sign of poisoning in a lock file. */
export function judgePoisoning(rule: PoisoningRule, policy: PolicySettings): Judgement {
  return { decision: policy.poisonedLockFile[rule] ?? POISONING_DEFAULTS[rule], reason: `poisoned lock file: ${rule}` };
}

/** Decides about one fact by the settings' policy. A tenant's exclusion at SafeDep accepts what malware analysis says. */
export function judge(
  kind: Exclude<FindingKind, 'poisoned-lock-file'>,
  severity: Severity,
  facts: PackageFacts,
  policy: PolicySettings,
): Judgement {
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
      return { decision: 'warn', reason: 'licence' };
  }
}
