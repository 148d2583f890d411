import { checkForScan, type Verdict } from '../insights/verdict.ts';
import type { LockFileContent, PoisonedEntry } from '../inventory/read-snapshot.ts';
import { type Check, type Checks, deriveOutcome, type GapState, isFailure, type Outcome } from '../model/check.ts';
import type { Finding } from '../model/finding.ts';
import { type PackageVersion, whyUnsupported } from '../model/package-version.ts';
import type { RefId } from '../model/repository.ts';
import type { PolicySettings } from '../model/settings/settings.ts';
import { cutReasons, type ScanOutcome } from '../scans/scan.ts';
import { deriveFindings, derivePoisonings } from './derive.ts';

/** One package version of a scan: what is known, what is not and why, and what was found. */
export interface AssessedPackage {
  readonly packageVersion: PackageVersion;
  readonly lockFiles: readonly string[];
  readonly checks: Checks;
  readonly findings: readonly Finding[];
  /** `pending` while an answer may still come. */
  readonly outcome: Outcome | 'pending';
}

export interface ScanTimes {
  readonly startedAtMs: number;
  /** All batches are done: what has no answer now gets none. */
  readonly settled: boolean;
  /** Since when no answer is waited for, where the scan was given up. */
  readonly closedAtMs?: number;
}

/** Pure: what a scan says of one package version, by what is stored of it. */
export function assessPackage(
  ref: RefId,
  packageVersion: PackageVersion,
  lockFiles: readonly string[],
  verdict: Verdict | undefined,
  times: ScanTimes,
  policy: PolicySettings,
  poisonings: readonly PoisonedEntry[] = [],
): AssessedPackage {
  const poisoned = derivePoisonings(ref, poisonings, policy);
  const unsupported = whyUnsupported(packageVersion);
  if (unsupported !== undefined) {
    const check: Check = { state: 'unsupported', reason: unsupported };
    const checks = { vulnerabilities: check, malware: check };
    return { packageVersion, lockFiles, checks, findings: poisoned, outcome: deriveOutcome(checks, poisoned.length > 0) };
  }
  const vulnerabilities = checkForScan(verdict, 'vulnerabilities', times.startedAtMs);
  const malware = checkForScan(verdict, 'malware', times.startedAtMs);
  const pending = (vulnerabilities === 'pending' || malware === 'pending') && !times.settled;
  const checks: Checks = { vulnerabilities: settle(vulnerabilities, times), malware: settle(malware, times) };
  const known = verdict ? deriveFindings(ref, packageVersion, verdict.facts, lockFiles, policy) : [];
  const findings = [...known, ...poisoned];
  return { packageVersion, lockFiles, checks, findings, outcome: pending ? 'pending' : deriveOutcome(checks, findings.length > 0) };
}

function settle(check: Check | 'pending', times: ScanTimes): Check {
  if (check !== 'pending') return check;
  if (times.closedAtMs !== undefined) return { state: 'failed', reason: `no answer by ${new Date(times.closedAtMs).toISOString()}` };
  return { state: 'failed', reason: times.settled ? 'no answer was kept' : 'not answered yet' };
}

export interface ScanCounts {
  readonly lockFiles: number;
  readonly packages: number;
  readonly gaps: Readonly<Record<GapState, number>>;
  readonly failures: { readonly throttled: number; readonly failed: number };
}

/** Gaps and failures by package: the entries of lock files that name no registry package are gaps too. */
export function countScan(contents: readonly LockFileContent[], packages: readonly AssessedPackage[]): ScanCounts {
  const gaps = { 'not-analysed': 0, unsupported: 0, unresolved: 0 };
  const failures = { throttled: 0, failed: 0 };
  for (const { checks } of packages) {
    const states = new Set([checks.vulnerabilities.state, checks.malware.state]);
    for (const state of ['not-analysed', 'unsupported', 'unresolved'] as const) if (states.has(state)) gaps[state] += 1;
    for (const state of ['throttled', 'failed'] as const) if (states.has(state)) failures[state] += 1;
  }
  for (const { content } of contents) for (const { state } of content.gaps) gaps[state] += 1;
  return { lockFiles: contents.length, packages: packages.length, gaps, failures };
}

/** How a settled scan ended: incomplete as soon as one file or one question came to nothing. */
export function concludeScan(
  problems: readonly string[],
  contents: readonly LockFileContent[],
  packages: readonly AssessedPackage[],
): ScanOutcome {
  const unread = contents.flatMap(({ lockFile }) =>
    lockFile.status === 'error' ? [`${lockFile.path}: ${lockFile.reason ?? 'not read'}`] : [],
  );
  const byReason = new Map<string, number>();
  for (const { checks } of packages) {
    const reasons = new Set(
      [checks.vulnerabilities, checks.malware].filter(isFailure).map(({ state, reason }) => `${state}: ${reason ?? 'no reason given'}`),
    );
    for (const reason of reasons) byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
  }
  const failed = [...byReason]
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${count} ${count === 1 ? 'package' : 'packages'} ${reason}`);
  const reasons = [...problems, ...cutReasons(unread, 'lock files that could not be read'), ...cutReasons(failed, 'reasons')];
  return { status: reasons.length === 0 ? 'complete' : 'incomplete', reasons };
}

/** Whether two outcomes differ at most in how many packages or files a reason holds for: an incomplete scan is told once for each reason. */
export function saysTheSame(before: ScanOutcome | undefined, after: ScanOutcome): boolean {
  return before !== undefined && before.status === after.status && withoutCounts(before.reasons) === withoutCounts(after.reasons);
}

/** The counts are those that `concludeScan` and `cutReasons` put before their words. */
function withoutCounts(reasons: readonly string[]): string {
  return JSON.stringify(reasons.map((reason) => reason.replace(/^(?:\d+ packages?|and \d+ more) /, '')).sort());
}
