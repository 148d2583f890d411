import type { Log } from '../../shared/aws/log.ts';
import type { RecordResult } from '../../shared/aws/sqs-batch.ts';
import type { ReportRequest } from '../../shared/messages/queue-messages.ts';
import type { ReportSettings } from '../../shared/model/settings/settings.ts';
import type { PermitRequest, PermitSession } from '../../shared/rate-limit/permits.ts';
import type { ReportStore } from '../../shared/report/dynamodb.ts';
import type { OpenSession, SessionScope } from '../../shared/report/report-state.ts';
import type { SessionPlan } from '../../shared/report/session-plan.ts';
import type { SettledMessages, Settlement } from '../../shared/report/settled-messages.ts';
import type { ReportSessionClient } from '../../shared/safedep/report-session-client.ts';
import { callPaced, MESSAGES_AT_ONCE, type PermitPorts, publishMessages, type Stop } from './publish-messages.ts';
import { type LeasePorts, type ReportLease, ReportTakenError, without } from './report-lease.ts';
import { type AnswerReader, type DigestedMessage, digestMessages, makePublisher } from './session-publisher.ts';

export interface SessionPorts extends Omit<LeasePorts, 'reports'> {
  readonly settings: ReportSettings;
  readonly reports: ReportStore;
  readonly insights: AnswerReader;
  /** Each call costs one permit; none throws for what the service does. */
  readonly client: Pick<
    ReportSessionClient,
    'createToolSession' | 'publishPackageInsight' | 'publishPolicyViolation' | 'completeToolSession'
  >;
  openPermits(request: Pick<PermitRequest, 'need' | 'lane' | 'callsAtOnce'>): Promise<PermitSession>;
  /** No call begins after this, milliseconds since the epoch. */
  readonly sendUntilMs: number;
  /** How often the request was received, 1 the first time. */
  readonly receiveCount: number;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  readonly log: Log;
}

const DAY_MS = 24 * 3_600_000;
/** A record serves until the next whole session is due; a day more, because requests wait. */
const RECORD_SPARE_MS = DAY_MS;
/** A session that ran out of time goes on at once; one that fails, after 15 s, 30 s ... a quarter of an hour. */
const CONTINUE_AFTER_SECONDS = 1;
const FAILURE_FIRST_SECONDS = 15;
const FAILURE_LONGEST_SECONDS = 15 * 60;

const NOTHING_SETTLED: SettledMessages = new Map();

function againAfter(stop: Stop, receiveCount: number): RecordResult {
  if (stop.kind === 'out-of-time') return { againAfterSeconds: CONTINUE_AFTER_SECONDS };
  return { againAfterSeconds: Math.min(FAILURE_LONGEST_SECONDS, FAILURE_FIRST_SECONDS * 2 ** Math.min(receiveCount - 1, 10)) };
}

/** Sends for one ref in one invocation, which holds its lease. Every method that resolves to a result has given the lease back but `complete`. */
export function makeSender(request: ReportRequest, lease: ReportLease, ports: SessionPorts) {
  const { ref, generation } = request;
  const { client, log, reports } = ports;
  const fields = { repository: request.repositoryName, ref: ref.ref, generation };

  async function paced<R>(need: number, run: (ports: PermitPorts) => Promise<R>): Promise<R> {
    const permits = await ports.openPermits({ need, lane: 'background', callsAtOnce: Math.min(need, MESSAGES_AT_ONCE) });
    const { nowMs, sleep, sendUntilMs } = ports;
    return run({ permits, nowMs, sleep, sendUntilMs }).finally(() => permits.close());
  }

  /** Gives the lease back; why nothing goes on is kept for whoever asks, since when too. */
  async function release(result: RecordResult, reason?: string): Promise<RecordResult> {
    await lease.move((state) => ({
      ...without(state, 'lease', 'waiting'),
      ...(reason === undefined ? {} : { waiting: { sinceMs: state.waiting?.sinceMs ?? ports.nowMs(), reason } }),
    }));
    return result;
  }

  function pause(stop: Stop): Promise<RecordResult> {
    return release(againAfter(stop, ports.receiveCount), stop.reason);
  }

  /** A session that nobody goes on with. Where SafeDep cannot be told it stays open there, which is said. */
  async function giveUp(session: OpenSession): Promise<void> {
    const result = await paced(1, (permits) => callPaced(() => client.completeToolSession(session.id, 'error'), permits));
    if (!('response' in result)) log.warn('an abandoned report session could not be completed', { ...fields, sessionId: session.id });
    await lease.move((state) => without(state, 'session'));
  }

  /** `isRepeat`: an earlier attempt may have completed the session, and its answer was lost; then SafeDep refuses this one. */
  async function complete(
    session: OpenSession,
    completing: NonNullable<OpenSession['completing']>,
    isRepeat: boolean,
  ): Promise<RecordResult> {
    const result = await paced(1, (permits) =>
      callPaced(async () => {
        const answer = await client.completeToolSession(session.id, 'success');
        const isDone = isRepeat && (answer.kind === 'refused' || answer.kind === 'not-analysed');
        return isDone ? { kind: 'answered' as const, response: undefined } : answer;
      }, permits),
    );
    const { id, commit, scope, startedAtMs } = session;
    if (!('response' in result)) {
      const stop: Stop = 'refused' in result ? { kind: 'failing', reason: result.refused } : result;
      log.warn('the report session is not completed yet', { ...fields, sessionId: id, reason: stop.reason });
      if (stop.kind === 'session-gone') await lease.move((state) => without(state, 'session'));
      return pause(stop);
    }
    await lease.move((state) => ({
      ...without(state, 'session', 'waiting'),
      last: { id, generation: session.generation, commit, scope, completedAtMs: ports.nowMs(), ...completing },
      ...(scope === 'whole' ? { lastWholeAtMs: startedAtMs } : {}),
      settledGeneration: session.generation,
    }));
    log.info('report sent', { ...fields, sessionId: id, scope, ...completing });
    return 'done';
  }

  /** What SafeDep was told when the last session completed; `undefined` where there was none or its record is gone. */
  async function readRecord(): Promise<SettledMessages | undefined> {
    const { last } = lease.state();
    return last && reports.readRecord(ref, last.id, last.recordPageCount);
  }

  function scopeOf(hasRecord: boolean): SessionScope {
    const { lastWholeAtMs = 0 } = lease.state();
    const { publish, wholeEveryDays } = ports.settings;
    const isAsked = (request.wholeAskedAtMs ?? 0) > lastWholeAtMs;
    return !hasRecord || publish === 'all' || isAsked || lastWholeAtMs + wholeEveryDays * DAY_MS <= ports.nowMs() ? 'whole' : 'changed';
  }

  /** Opens a session, or resolves to why none is open. */
  async function begin(plan: SessionPlan, scope: SessionScope, plannedCount: number): Promise<OpenSession | Stop> {
    const created = await paced(1, (permits) => callPaced(() => client.createToolSession(plan.create), permits));
    if (!('response' in created)) {
      const stop: Stop = 'refused' in created ? { kind: 'failing', reason: created.refused } : created;
      log.warn('no report session could be opened', { ...fields, reason: stop.reason });
      return stop;
    }
    const id = created.response.toolSessionId;
    const commit = plan.create.gitSha ?? '';
    const session: OpenSession = { id, generation, commit, scope, startedAtMs: ports.nowMs(), plannedCount };
    await lease.move((state) => ({ ...state, session }));
    return session;
  }

  /** Publishes what a session lacks; resolves to all that is settled in it, or to why it stopped. */
  async function publish(
    session: OpenSession,
    messages: readonly DigestedMessage[],
    known: SettledMessages,
  ): Promise<SettledMessages | Stop> {
    const { messages: earlier, pageCount } = await reports.readAcknowledged(ref, session.id);
    const settled = new Map(earlier);
    let page = pageCount;
    const open = messages.filter(({ digest }) => !known.has(digest) && !settled.has(digest));
    if (open.length === 0) return settled;
    const stop = await paced(open.length, (permits) =>
      publishMessages({
        ...permits,
        messageCount: open.length,
        publish: makePublisher(open, session.id, ports.insights, client),
        onRefused: (index, reason) =>
          log.warn('SafeDep refuses a message of the report', {
            ...fields,
            sessionId: session.id,
            package: open[index]?.at.packageVersion.name,
            reason,
          }),
        settle: async (group) => {
          const digests = new Map<string, Settlement>([...group].map(([index, settlement]) => [open[index]?.digest ?? '', settlement]));
          const written = await reports.appendAcknowledged(ref, session.id, page, digests, ports.nowMs());
          if (written === 'refused') throw new ReportTakenError('another invocation sends this session');
          page += 1;
          for (const [digest, settlement] of digests) settled.set(digest, settlement);
        },
      }),
    );
    if (stop === undefined) return settled;
    const sent = messages.filter(({ digest }) => settled.has(digest)).length;
    log.info('the report goes on later', { ...fields, sessionId: session.id, sent, of: session.plannedCount, reason: stop.reason });
    return stop;
  }

  /** Everything is settled: writes what SafeDep has been told then, and completes the session. */
  async function end(
    session: OpenSession,
    plan: SessionPlan,
    messages: readonly DigestedMessage[],
    known: SettledMessages,
    settled: SettledMessages,
  ): Promise<RecordResult> {
    const record = new Map<string, Settlement>();
    for (const { digest } of messages) record.set(digest, settled.get(digest) ?? known.get(digest) ?? 'refused');
    const lastWholeAtMs = session.scope === 'whole' ? session.startedAtMs : (lease.state().lastWholeAtMs ?? session.startedAtMs);
    const expiresAtMs = lastWholeAtMs + ports.settings.wholeEveryDays * DAY_MS + RECORD_SPARE_MS;
    const refusedOf = (of: SettledMessages): number => [...of.values()].filter((settlement) => settlement === 'refused').length;
    const refusedCount = refusedOf(settled);
    const completing = {
      recordPageCount: await reports.writeRecord(ref, session.id, record, expiresAtMs),
      publishedCount: settled.size - refusedCount,
      refusedCount,
      lackingCount: plan.leftOutCount + refusedOf(record),
    };
    if (completing.lackingCount > 0) log.warn('the report lacks messages that SafeDep does not take', { ...fields, ...completing });
    const ready: OpenSession = { ...session, completing };
    await lease.move((state) => ({ ...state, session: ready }));
    const ended = await complete(ready, completing, false);
    return ended === 'done' ? release('done') : ended;
  }

  return {
    giveUp,
    complete,
    release,

    async send(plan: SessionPlan): Promise<RecordResult> {
      const messages = await digestMessages(plan, ports.insights);
      const record = await readRecord();
      const scope = lease.state().session?.scope ?? scopeOf(record !== undefined);
      const known = scope === 'whole' ? NOTHING_SETTLED : (record ?? NOTHING_SETTLED);
      const isAsked = (request.wholeAskedAtMs ?? 0) > (lease.state().lastWholeAtMs ?? 0);
      const { session: open, last } = lease.state();
      if (!open && !isAsked && last?.commit === plan.create.gitSha && messages.every(({ digest }) => record?.has(digest))) {
        log.info('not reported: nothing changed since the last session of this commit', fields);
        await lease.move((state) => ({ ...state, settledGeneration: Math.max(generation, state.settledGeneration ?? 0) }));
        return release('done');
      }
      const session = open ?? (await begin(plan, scope, messages.filter(({ digest }) => !known.has(digest)).length));
      if ('kind' in session) return pause(session);
      const settled = await publish(session, messages, known);
      if (!('kind' in settled)) return end(session, plan, messages, known, settled);
      if (settled.kind === 'session-refused') await giveUp(session);
      if (settled.kind === 'session-gone') await lease.move((state) => without(state, 'session'));
      return pause(settled);
    },
  };
}
