import { createHash } from 'node:crypto';
import type { Severity } from './facts.ts';
import type { PackageVersion } from './package-version.ts';
import { type RefId, refKey } from './repository.ts';

/** `suspicious` is malware that is inferred and not verified. */
export const FINDING_KINDS = ['malware', 'suspicious', 'vulnerability', 'licence', 'poisoned-lock-file'] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

/** What the policy says of a finding. `reject` fails a gate, `warn` is shown, `accept` is recorded. */
export const DECISIONS = ['reject', 'warn', 'accept'] as const;
export type Decision = (typeof DECISIONS)[number];

/** A fact about one package version at one ref. Lock files and decision are no part of its identity. */
export interface Finding {
  readonly id: string;
  /** The same fact at any ref: what consumers group by. */
  readonly factId: string;
  readonly kind: FindingKind;
  readonly severity: Severity;
  readonly packageVersion: PackageVersion;
  /** The service's primary id: of the vulnerability, or of the malware analysis. */
  readonly primaryId: string;
  /** One line for a person. */
  readonly title: string;
  readonly decision: Decision;
  /** Why the policy decided so, in one line. */
  readonly decisionReason: string;
  /** Paths of the lock files that resolve to this package version, sorted; of many, the first (`listLockFiles`). */
  readonly lockFiles: readonly string[];
  /** How many they are, where `lockFiles` does not list them all. The snapshot has the whole list. */
  readonly lockFileCount?: number;
}

/** Paths that a finding lists, at most. Ours: more than a person reads, and enough to begin mending. */
export const LISTED_LOCK_FILES_MAX_COUNT = 50;
/**
 * What that list may take, in bytes of JSON. Ours: a finding's item holds the list once and again in each event that waits, and
 * DynamoDB takes 400 KB an item; 50 ordinary paths are some 3 KB, but git bounds no path.
 */
export const LISTED_LOCK_FILES_MAX_BYTES = 8_192;

/** A finding's lock files, of these paths in any order: those of the first in sorted order that its bounds leave room for. */
export function listLockFiles(paths: readonly string[]): Pick<Finding, 'lockFiles' | 'lockFileCount'> {
  const lockFiles: string[] = [];
  let bytes = '[]'.length;
  for (const path of [...paths].sort()) {
    if (lockFiles.length === LISTED_LOCK_FILES_MAX_COUNT) break;
    const pathBytes = Buffer.byteLength(JSON.stringify(path)) + ','.length;
    if (bytes + pathBytes > LISTED_LOCK_FILES_MAX_BYTES) continue;
    lockFiles.push(path);
    bytes += pathBytes;
  }
  return lockFiles.length === paths.length ? { lockFiles } : { lockFiles, lockFileCount: paths.length };
}

export interface FactIdentity {
  readonly kind: FindingKind;
  readonly packageVersion: PackageVersion;
  readonly primaryId: string;
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

function factParts({ kind, packageVersion, primaryId }: FactIdentity): string[] {
  return [kind, packageVersion.ecosystem, packageVersion.name, packageVersion.version, primaryId];
}

/** 32 hex digits of SHA-256 over kind, package version and primary id. */
export function factId(fact: FactIdentity): string {
  return digest(factParts(fact));
}

/** 32 hex digits of SHA-256 over the ref and the fact. */
export function findingId(ref: RefId, fact: FactIdentity): string {
  return digest([refKey(ref), ...factParts(fact)]);
}
