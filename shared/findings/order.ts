import { SEVERITIES } from '../model/facts.ts';
import { DECISIONS, type Finding } from '../model/finding.ts';
import { packageKey } from '../model/package-version.ts';

/** Worst first: by decision, then severity, then package: the order in which people should read findings. */
export function worstFirst(a: Finding, b: Finding): number {
  return (
    DECISIONS.indexOf(a.decision) - DECISIONS.indexOf(b.decision) ||
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    compare(packageKey(a.packageVersion), packageKey(b.packageVersion)) ||
    compare(a.id, b.id)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
