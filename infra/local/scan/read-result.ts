import { assessPackage, concludeScan, countScan } from '../../../shared/findings/assess.ts';
import type { FindingStore } from '../../../shared/findings/dynamodb.ts';
import { worstFirst } from '../../../shared/findings/order.ts';
import type { InsightStore } from '../../../shared/insights/dynamodb.ts';
import type { InventoryStore } from '../../../shared/inventory/dynamodb.ts';
import { lockFilesByPackage, poisoningsByPackage, readSnapshot } from '../../../shared/inventory/read-snapshot.ts';
import { askable } from '../../../shared/inventory/snapshot.ts';
import { deriveOutcome } from '../../../shared/model/check.ts';
import type { Finding } from '../../../shared/model/finding.ts';
import { packageKey } from '../../../shared/model/package-version.ts';
import { toPurl } from '../../../shared/model/purl.ts';
import type { RefId } from '../../../shared/model/repository.ts';
import type { PolicySettings } from '../../../shared/model/settings/settings.ts';
import type { ScanStore } from '../../../shared/scans/dynamodb.ts';
import { isSettled } from '../../../shared/scans/scan.ts';
import type { RepositoryResult } from './result-document.ts';

export interface ResultStores {
  readonly inventory: InventoryStore;
  readonly scans: ScanStore;
  readonly insights: InsightStore;
  readonly findings: FindingStore;
}

/** What is so at a ref, as the tables have it now; `undefined` before its first snapshot. */
export async function readResult(ref: RefId, stores: ResultStores, policy: PolicySettings): Promise<RepositoryResult | undefined> {
  const snapshot = (await stores.inventory.readRef(ref))?.snapshot;
  const scan = snapshot && (await stores.scans.read({ ref, generation: snapshot.generation }));
  if (!snapshot || !scan) return undefined;
  const contents = await readSnapshot(stores.inventory, ref, snapshot);
  const byPackage = lockFilesByPackage(contents);
  const packages = [...byPackage.values()];
  const poisonings = poisoningsByPackage(contents);
  const verdicts = await stores.insights.read(askable(packages.map(({ packageVersion }) => packageVersion)));
  const settled = isSettled(scan);
  const times = { startedAtMs: scan.startedAtMs, settled, ...(scan.closedAtMs === undefined ? {} : { closedAtMs: scan.closedAtMs }) };
  const assessed = packages.map(({ packageVersion, paths }) =>
    assessPackage(
      ref,
      packageVersion,
      paths,
      verdicts.get(packageKey(packageVersion)),
      times,
      policy,
      poisonings.get(packageKey(packageVersion)),
    ),
  );
  const open = (await stores.findings.readAll(ref)).filter(({ state }) => state === 'open').map(({ finding }) => finding);
  const withFinding = new Set(open.map(({ packageVersion }) => packageKey(packageVersion)));
  const outcome = scan.outcome ?? concludeScan(snapshot.problems, contents, assessed);
  return {
    repository: snapshot.repositoryName,
    ref: ref.ref,
    commit: snapshot.commit,
    status: outcome.status === 'complete' && scan.outcome !== undefined ? 'complete' : 'incomplete',
    reasons: scan.outcome ? [...outcome.reasons] : ['the scan has not ended', ...outcome.reasons],
    gaps: countScan(contents, assessed).gaps,
    lockFiles: contents.map(({ lockFile, content }) => ({
      path: lockFile.path,
      format: lockFile.format,
      status: lockFile.status,
      ...(lockFile.reason === undefined ? {} : { reason: lockFile.reason }),
      packages: lockFile.packageCount,
      ...(content.gaps.length > 0
        ? { gaps: content.gaps.map(({ name, requirement, state, reason }) => ({ name, requirement, state, reason })) }
        : {}),
      ...(lockFile.warnings.length > 0 ? { warnings: [...lockFile.warnings] } : {}),
    })),
    packages: assessed.map(({ packageVersion, lockFiles, checks }) => ({
      purl: toPurl(packageVersion),
      outcome: deriveOutcome(checks, withFinding.has(packageKey(packageVersion))),
      checks,
      lockFiles: [...lockFiles],
    })),
    findings: open.sort(worstFirst).map((finding) => ({
      id: finding.id,
      kind: finding.kind,
      severity: finding.severity,
      purl: toPurl(finding.packageVersion),
      title: finding.title,
      decision: finding.decision,
      ...lockFilesOf(finding, byPackage.get(packageKey(finding.packageVersion))?.paths),
    })),
  };
}

/** All of a finding's lock files: where it does not list them itself, from the snapshot, if that still has its package. */
function lockFilesOf({ lockFiles, lockFileCount }: Finding, present: readonly string[] | undefined) {
  if (lockFileCount === undefined) return { lockFiles: [...lockFiles] };
  return present ? { lockFiles: [...present].sort() } : { lockFiles: [...lockFiles], lockFileCount };
}
