import type { Log } from '../../shared/aws/log.ts';
import type { RecordResult } from '../../shared/aws/sqs-batch.ts';
import type { StoredFinding } from '../../shared/findings/transition.ts';
import type { Verdict } from '../../shared/insights/verdict.ts';
import type { RefItem, SnapshotFacts } from '../../shared/inventory/ref-item.ts';
import type { ManifestPages, SnapshotLockFile } from '../../shared/inventory/snapshot.ts';
import type { AnswerSource } from '../../shared/messages/bus-events.ts';
import type { ReportRequest } from '../../shared/messages/queue-messages.ts';
import { type PackageVersion, packageKey } from '../../shared/model/package-version.ts';
import type { RefId } from '../../shared/model/repository.ts';
import type { PermitRequest, PermitSession } from '../../shared/rate-limit/permits.ts';
import type { ReportCursorStore } from '../../shared/report/dynamodb.ts';
import { formatSessionCursor, parseSessionCursor, type SessionCursor } from '../../shared/report/session-cursor.ts';
import { toInsightMessage, toViolationMessage } from '../../shared/report/session-messages.ts';
import { planSession, type SessionPlan } from '../../shared/report/session-plan.ts';
import type { CallResult } from '../../shared/safedep/calls.ts';
import type { ReportSessionClient } from '../../shared/safedep/report-session-client.ts';
import type { Scan } from '../../shared/scans/scan.ts';
import {
  callPaced,
  MESSAGES_AT_ONCE,
  NOTHING_SENT,
  type PermitPorts,
  type Progress,
  publishMessages,
  type Stop,
} from './publish-messages.ts';

export interface ReportPorts {
  readonly answers: AnswerSource;
  readonly toolVersion: string;
  readonly scans: { read(scan: { ref: RefId; generation: number }): Promise<Scan | undefined> };
  readonly cursors: ReportCursorStore;
  readonly inventory: {
    readRef(ref: RefId): Promise<RefItem | undefined>;
    readLockFiles(ref: RefId, snapshot: SnapshotFacts): Promise<SnapshotLockFile[]>;
    readManifest(ref: RefId, lockFile: SnapshotLockFile): Promise<ManifestPages>;
  };
  readonly insights: { read(packages: readonly PackageVersion[]): Promise<Map<string, Verdict>> };
  readonly findings: { readAll(ref: RefId): Promise<StoredFinding[]> };
  /** Each call costs one permit; none throws for what the service does. */
  readonly client: Omit<ReportSessionClient, 'close'>;
  openPermits(request: Pick<PermitRequest, 'need' | 'lane' | 'callsAtOnce'>): Promise<PermitSession>;
  /** No call begins after this, milliseconds since the epoch. */
  readonly sendUntilMs: number;
  /** When this invocation is over, milliseconds since the epoch. */
  readonly deadlineAtMs: number;
  /** How often the request was received, 1 the first time. */
  readonly receiveCount: number;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  readonly log: Log;
}

/** Answers are read for so many messages at a time: one read of DynamoDB. */
const MESSAGES_A_READ = 100;
/** A session that ran out of time goes on at once; one that fails, after 15 s, 30 s ... a quarter of an hour. */
const CONTINUE_AFTER_SECONDS = 1;
const FAILURE_FIRST_SECONDS = 15;
const FAILURE_LONGEST_SECONDS = 15 * 60;

function againAfter(stop: Stop, receiveCount: number): RecordResult {
  if (stop.kind === 'out-of-time') return { againAfterSeconds: CONTINUE_AFTER_SECONDS };
  return { againAfterSeconds: Math.min(FAILURE_LONGEST_SECONDS, FAILURE_FIRST_SECONDS * 2 ** Math.min(receiveCount - 1, 10)) };
}

async function makePlan(request: ReportRequest, scan: Scan, snapshot: SnapshotFacts, ports: ReportPorts): Promise<SessionPlan> {
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
    toolVersion: ports.toolVersion,
    lockFiles,
    rejected: stored.filter(({ state, finding }) => state === 'open' && finding.decision === 'reject').map(({ finding }) => finding),
  });
}

/** Sends message `index` of a plan; the answers about its package are read with those of its neighbours, once. */
function makePublisher(plan: SessionPlan, sessionId: string, ports: ReportPorts): (index: number) => Promise<CallResult<unknown>> {
  const reads = new Map<number, Promise<Map<string, Verdict>>>();

  function answersAround(index: number): Promise<Map<string, Verdict>> {
    const page = Math.floor(index / MESSAGES_A_READ);
    const known = reads.get(page);
    if (known !== undefined) return known;
    const insights = plan.messages.slice(page * MESSAGES_A_READ, (page + 1) * MESSAGES_A_READ).filter(({ finding }) => !finding);
    const packages = new Map(insights.map(({ at }) => [packageKey(at.packageVersion), at.packageVersion]));
    const read = ports.insights.read([...packages.values()]);
    reads.set(page, read);
    // The messages are sent in order: what lies two pages back is not needed any more.
    reads.delete(page - 2);
    read.catch(() => reads.delete(page));
    return read;
  }

  return async (index) => {
    const message = plan.messages[index];
    if (!message) throw new Error(`the report has no message ${index}`);
    const { at, finding } = message;
    if (finding) return ports.client.publishPolicyViolation(sessionId, toViolationMessage(at, finding));
    const verdict = (await answersAround(index)).get(packageKey(at.packageVersion));
    return ports.client.publishPackageInsight(sessionId, toInsightMessage(at, verdict?.facts ?? {}));
  };
}

/** Somebody else moved the report on: this invocation has no say in it any more. */
class ReportTakenError extends Error {
  override readonly name = 'ReportTakenError';
}

/** One scan's report in one invocation, from the claim on. */
function makeSender(request: ReportRequest, readCursor: string | undefined, ports: ReportPorts) {
  const { ref, generation } = request;
  const { client, log } = ports;
  const fields = { repository: request.repositoryName, ref: ref.ref, generation };
  let cursorText = readCursor;

  async function move(cursor: SessionCursor): Promise<void> {
    const after = formatSessionCursor(cursor);
    if ((await ports.cursors.move({ ref, generation }, cursorText, after)) === 'refused') {
      throw new ReportTakenError('another invocation sends this report');
    }
    cursorText = after;
  }

  async function paced<R>(need: number, run: (ports: PermitPorts) => Promise<R>): Promise<R> {
    const permits = await ports.openPermits({ need, lane: 'background', callsAtOnce: MESSAGES_AT_ONCE });
    const { nowMs, sleep, sendUntilMs } = ports;
    return run({ permits, nowMs, sleep, sendUntilMs }).finally(() => permits.close());
  }

  /** A session that nobody goes on with. Where this fails it stays open at SafeDep, which is said. */
  async function giveUp(sessionId: string): Promise<void> {
    const result = await paced(1, (permits) => callPaced(() => client.completeToolSession(sessionId, 'error'), permits));
    if (!('response' in result)) log.warn('an abandoned report session could not be completed', { ...fields, sessionId });
  }

  /** `isRepeat`: an earlier attempt may have completed the session, and its answer was lost; then SafeDep refuses this one. */
  async function complete(sessionId: string, isRepeat: boolean): Promise<RecordResult> {
    const result = await paced(1, (permits) =>
      callPaced(async () => {
        const answer = await client.completeToolSession(sessionId, 'success');
        const isDone = isRepeat && (answer.kind === 'refused' || answer.kind === 'not-analysed');
        return isDone ? { kind: 'answered' as const, response: undefined } : answer;
      }, permits),
    );
    if ('response' in result) {
      await move({ state: 'sent' });
      log.info('report sent', { ...fields, sessionId });
      return 'done';
    }
    const stop: Stop = 'refused' in result ? { kind: 'failing', reason: result.refused } : result;
    log.warn('the report session is not completed yet', { ...fields, sessionId, reason: stop.reason });
    if (stop.kind === 'session-gone') await move({ state: 'running', untilMs: 0 });
    return againAfter(stop, ports.receiveCount);
  }

  async function publish(plan: SessionPlan, sessionId: string, from: Progress): Promise<RecordResult> {
    const { progress, stop } = await paced(plan.messages.length - from.next + from.open.length, (permits) =>
      publishMessages(from, {
        ...permits,
        messageCount: plan.messages.length,
        publish: makePublisher(plan, sessionId, ports),
        onRefused: (index, reason) => log.warn('SafeDep refuses a message of the report', { ...fields, sessionId, index, reason }),
      }),
    );
    if (stop) {
      log.info('the report goes on later', { ...fields, sessionId, sent: progress.next, of: plan.messages.length, reason: stop.reason });
      if (stop.kind === 'session-gone') await move({ state: 'running', untilMs: 0 });
      else await move({ state: 'paused', sessionId, plan: plan.digest, ...progress, open: [...progress.open] });
      return againAfter(stop, ports.receiveCount);
    }
    const leftOutCount = plan.leftOutCount + progress.refusedCount;
    if (leftOutCount > 0) log.warn('the report lacks messages that SafeDep does not take', { ...fields, sessionId, leftOutCount });
    await move({ state: 'completing', sessionId });
    return complete(sessionId, false);
  }

  return {
    giveUp,
    complete,

    async send(cursor: SessionCursor | undefined, plan: SessionPlan): Promise<RecordResult> {
      const known = cursor?.state === 'paused' || cursor?.state === 'running' ? cursor.sessionId : undefined;
      const begun = known === undefined ? {} : { sessionId: known };
      await move({ state: 'running', untilMs: ports.deadlineAtMs, ...begun });
      if (cursor?.state === 'paused' && cursor.plan === plan.digest) return publish(plan, cursor.sessionId, cursor);
      if (known !== undefined) await giveUp(known);
      const created = await paced(1, (permits) => callPaced(() => client.createToolSession(plan.create), permits));
      if (!('response' in created)) {
        const stop: Stop = 'refused' in created ? { kind: 'failing', reason: created.refused } : created;
        log.warn('no report session could be opened', { ...fields, reason: stop.reason });
        await move({ state: 'running', untilMs: 0 });
        return againAfter(stop, ports.receiveCount);
      }
      const sessionId = created.response.toolSessionId;
      await move({ state: 'running', untilMs: ports.deadlineAtMs, sessionId });
      return publish(plan, sessionId, NOTHING_SENT);
    },
  };
}

/**
 * Sends one scan to SafeDep as one report session. A session that ran out of time goes on with the next delivery of the request; one
 * whose invocation died is completed as an error, and another one begun. What was sent whole is never sent again, and neither
 * is a scan that a newer snapshot has replaced, nor anything made up.
 */
export async function sendReport(request: ReportRequest, ports: ReportPorts): Promise<RecordResult> {
  const { ref, generation } = request;
  const fields = { repository: request.repositoryName, ref: ref.ref, generation };
  if (ports.answers === 'stand-in') {
    ports.log.warn('made-up answers are never reported', fields);
    return 'done';
  }
  const scan = await ports.scans.read({ ref, generation });
  const cursor = parseSessionCursor(scan?.reportCursor);
  const sender = makeSender(request, scan?.reportCursor, ports);
  if (cursor?.state === 'sent') return 'done';
  if (cursor?.state === 'completing') return sender.complete(cursor.sessionId, true);
  if (cursor?.state === 'running' && cursor.untilMs > ports.nowMs()) {
    return { againAfterSeconds: Math.ceil((cursor.untilMs - ports.nowMs()) / 1000) };
  }
  const snapshot = (await ports.inventory.readRef(ref))?.snapshot;
  if (!scan || scan.outcome?.status === 'superseded' || snapshot?.generation !== generation || snapshot.deleted) {
    if (cursor?.sessionId !== undefined) await sender.giveUp(cursor.sessionId);
    ports.log.info('not reported: another snapshot has replaced this one', fields);
    return 'done';
  }
  return sender.send(cursor, await makePlan(request, scan, snapshot, ports));
}
