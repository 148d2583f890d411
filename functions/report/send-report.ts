import type { Log } from '../../shared/aws/log.ts';
import type { RecordResult } from '../../shared/aws/sqs-batch.ts';
import type { StoredFinding } from '../../shared/findings/transition.ts';
import type { RefItem, SnapshotFacts } from '../../shared/inventory/ref-item.ts';
import type { ManifestPages, SnapshotLockFile } from '../../shared/inventory/snapshot.ts';
import type { AnswerSource } from '../../shared/messages/bus-events.ts';
import type { ReportRequest } from '../../shared/messages/queue-messages.ts';
import type { PackageVersion } from '../../shared/model/package-version.ts';
import type { RefId } from '../../shared/model/repository.ts';
import type { ReportSettings } from '../../shared/model/settings/settings.ts';
import type { ReportStore } from '../../shared/report/dynamodb.ts';
import { planSession, type SessionPlan } from '../../shared/report/session-plan.ts';
import type { Scan } from '../../shared/scans/scan.ts';
import { leaseHoldsMs, takeLease } from './report-lease.ts';
import { makeSender, type SessionPorts } from './report-session.ts';

export interface ReportPorts extends SessionPorts {
  readonly answers: AnswerSource;
  readonly toolVersion: string;
  readonly settings: ReportSettings;
  readonly scans: { read(scan: { ref: RefId; generation: number }): Promise<Scan | undefined> };
  readonly reports: ReportStore;
  readonly inventory: {
    readRef(ref: RefId): Promise<RefItem | undefined>;
    readLockFiles(ref: RefId, snapshot: SnapshotFacts): Promise<SnapshotLockFile[]>;
    readManifest(ref: RefId, lockFile: SnapshotLockFile): Promise<ManifestPages>;
  };
  readonly findings: { readAll(ref: RefId): Promise<StoredFinding[]> };
  readonly log: Log;
}

/** The scan and the snapshot of a request, where they are still what the ref is. */
interface Subject {
  readonly scan: Scan;
  readonly snapshot: SnapshotFacts;
}

async function readSubject({ ref, generation }: ReportRequest, ports: ReportPorts): Promise<Subject | undefined> {
  const scan = await ports.scans.read({ ref, generation });
  const snapshot = (await ports.inventory.readRef(ref))?.snapshot;
  if (!scan || scan.outcome?.status === 'superseded' || snapshot?.generation !== generation || snapshot.deleted) return undefined;
  return { scan, snapshot };
}

async function makePlan(request: ReportRequest, { scan, snapshot }: Subject, ports: ReportPorts): Promise<SessionPlan> {
  const { ref } = request;
  const readable = (await ports.inventory.readLockFiles(ref, snapshot)).filter(({ status }) => status === 'read');
  const lockFiles: { path: string; packages: readonly PackageVersion[] }[] = [];
  for (const lockFile of readable) {
    lockFiles.push({ path: lockFile.path, packages: (await ports.inventory.readManifest(ref, lockFile)).packages });
  }
  const stored = await ports.findings.readAll(ref);
  return planSession({
    ref,
    repositoryName: snapshot.repositoryName,
    repositoryUrl: snapshot.repositoryUrl,
    commit: snapshot.commit,
    lane: scan.lane,
    isAsked: request.wholeAskedAtMs !== undefined,
    toolVersion: ports.toolVersion,
    lockFiles,
    rejected: stored.filter(({ state, finding }) => state === 'open' && finding.decision === 'reject').map(({ finding }) => finding),
  });
}

/**
 * Reports one scan to SafeDep: what changed since the last session of its ref that completed, as one session. A session that ran out of time
 * or whose invocation died goes on with the next delivery of the request, behind what is durably acknowledged. A scan that a newer
 * snapshot has replaced is not reported, and its open session is completed as an error; nothing made up is ever reported.
 */
export async function sendReport(request: ReportRequest, ports: ReportPorts): Promise<RecordResult> {
  const { ref, generation } = request;
  const fields = { repository: request.repositoryName, ref: ref.ref, generation };
  if (ports.answers === 'stand-in') {
    ports.log.warn('made-up answers are never reported', fields);
    return 'done';
  }
  const read = await ports.reports.readState(ref);
  const heldMs = leaseHoldsMs(read, ports.holder, ports.nowMs());
  if (heldMs > 0) return { againAfterSeconds: Math.ceil(heldMs / 1000) };
  const subject = await readSubject(request, ports);
  const open = read.state?.session;
  if (!subject && open?.generation !== generation) {
    ports.log.info('not reported: another snapshot has replaced this one', fields);
    return 'done';
  }

  const lease = await takeLease(ref, subject?.snapshot.repositoryName ?? request.repositoryName, read, ports);
  const sender = makeSender(request, lease, ports);
  if (open?.completing) {
    const ended = await sender.complete(open, open.completing, true);
    if (ended !== 'done') return ended;
    if (open.generation === generation && request.wholeAskedAtMs === undefined) return sender.release('done');
  } else if (open && (!subject || open.generation !== generation || (request.wholeAskedAtMs !== undefined && open.scope === 'changed'))) {
    await sender.giveUp(open);
  }
  if (!subject) {
    ports.log.info('not reported: another snapshot has replaced this one', fields);
    return sender.release('done');
  }
  return sender.send(await makePlan(request, subject, ports));
}
