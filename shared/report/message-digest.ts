import { createHash } from 'node:crypto';
import type { PackageFacts } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import { type PackageAt, toManifest, toPackageInsight, toViolationMessage } from './session-messages.ts';
import { DIGEST_BYTES } from './settled-messages.ts';

/**
 * Digests of messages as SafeDep gets them, the session left out: equal where the messages are, so what has its digest among those that
 * were acknowledged is told already. 32 hex digits of SHA-256.
 */

function digest(...parts: readonly unknown[]): string {
  // Timestamps of protobuf hold a bigint, which JSON does not know.
  const json = JSON.stringify(parts, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return createHash('sha256')
    .update(json)
    .digest('hex')
    .slice(0, DIGEST_BYTES * 2);
}

/** Of what is told of a package version wherever it stands: made once for all its lock files. */
export function packageInsightDigest(at: Pick<PackageAt, 'packageVersion'>, facts: PackageFacts): string {
  return digest(toPackageInsight(at.packageVersion, facts));
}

export function insightMessageDigest(at: PackageAt, packageDigest: string): string {
  return digest('insight', toManifest(at), packageDigest);
}

export function violationMessageDigest(at: PackageAt, finding: Finding): string {
  return digest('violation', toViolationMessage(at, finding));
}
