import type { PermitSession } from '../../shared/rate-limit/permits.ts';
import type { CallResult } from '../../shared/safedep/calls.ts';

/** Messages under way at once: at 0.1 s a call and the background's share of 490 calls/s, some 30 keep the permits used. */
export const MESSAGES_AT_ONCE = 32;
/** A message that fails is tried so often before the session pauses; waits in between double from a quarter of a second. */
const ATTEMPTS_MAX = 5;
const RETRY_MIN_MS = 250;
/**
 * Messages are made within the service's limits, so that hardly one is refused: where so many are in one invocation, it is the
 * session that is wrong.
 */
const REFUSALS_MAX = 20;
/** A turn for a permit is waited for in steps of at most this. */
const TURN_WAIT_MAX_MS = 500;

/** What is sent of a session: all below `next` is acknowledged, or refused for good, but for `open`. */
export interface Progress {
  readonly next: number;
  readonly open: readonly number[];
  readonly refusedCount: number;
}

export const NOTHING_SENT: Progress = { next: 0, open: [], refusedCount: 0 };

/** Why publishing stopped before the end. `session-gone`: the session takes nothing any more, another one must be begun. */
export interface Stop {
  readonly kind: 'out-of-time' | 'failing' | 'session-gone';
  /** One sentence for the reader. */
  readonly reason: string;
}

export interface PublishResult {
  readonly progress: Progress;
  /** Absent when everything is sent. */
  readonly stop?: Stop;
}

export interface PermitPorts {
  readonly permits: PermitSession;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  /** No call begins after this, milliseconds since the epoch. */
  readonly sendUntilMs: number;
}

export interface PublishPorts extends PermitPorts {
  readonly messageCount: number;
  /** Sends message number `index`. May throw where it cannot be made. */
  publish(index: number): Promise<CallResult<unknown>>;
  /** Told of a message that the service refuses for good: it is left out. */
  onRefused(index: number, reason: string): void;
}

const OUT_OF_TIME: Stop = { kind: 'out-of-time', reason: 'the time of this invocation is up' };

/** Waits for a permit; false when there is no time left for one. */
async function takePermit({ permits, nowMs, sleep, sendUntilMs }: PermitPorts): Promise<boolean> {
  for (;;) {
    if (nowMs() >= sendUntilMs) return false;
    const answer = await permits.next();
    if (answer.granted) return true;
    if (answer.reason === 'deadline' || nowMs() + answer.retryAfterMs >= sendUntilMs) return false;
    await sleep(Math.max(1, Math.min(TURN_WAIT_MAX_MS, answer.retryAfterMs)));
  }
}

/**
 * One call under permits, tried again while trying helps and time is left. Resolves to its answer, to `refused` where this message alone is
 * wrong, or to why nothing more can be sent.
 */
export async function callPaced<R>(
  call: () => Promise<CallResult<R>>,
  ports: PermitPorts,
): Promise<{ readonly response: R } | { readonly refused: string } | Stop> {
  let failures = 0;
  for (;;) {
    if (!(await takePermit(ports))) return OUT_OF_TIME;
    const result = await call();
    ports.permits.serveDue();
    switch (result.kind) {
      case 'answered':
        return { response: result.response };
      case 'refused':
        // A wrong state (FailedPrecondition) is the session's or the account's, and hits every message alike.
        return result.code === 'FailedPrecondition' ? { kind: 'failing', reason: result.reason } : { refused: result.reason };
      case 'not-analysed':
        return { kind: 'session-gone', reason: 'SafeDep does not know the report session any more' };
      case 'credentials':
      case 'incompatible':
        return { kind: 'failing', reason: result.reason };
      case 'throttled':
        ports.permits.refused(result.retryAfterMs);
        break;
      case 'retry':
        failures += 1;
        if (failures === ATTEMPTS_MAX) return { kind: 'failing', reason: result.reason };
        break;
    }
    const waitMs = Math.max(result.retryAfterMs ?? 0, RETRY_MIN_MS * 2 ** failures);
    if (ports.nowMs() + waitMs >= ports.sendUntilMs) return OUT_OF_TIME;
    await ports.sleep(waitMs);
  }
}

/** Publishes what a session still lacks, several messages at a time. What is under way when it stops is waited for. */
export async function publishMessages(from: Progress, ports: PublishPorts): Promise<PublishResult> {
  const open = new Set(from.open);
  const waiting = [...from.open];
  let { next, refusedCount } = from;
  let stop: Stop | undefined;

  async function publishOne(index: number): Promise<void> {
    try {
      const result = await callPaced(() => ports.publish(index), ports);
      if ('kind' in result) {
        stop ??= result;
        return;
      }
      if ('refused' in result) {
        refusedCount += 1;
        ports.onRefused(index, result.refused);
        if (refusedCount - from.refusedCount === REFUSALS_MAX) {
          stop ??= { kind: 'session-gone', reason: `SafeDep refuses message after message: ${result.refused}` };
        }
      }
      open.delete(index);
    } catch (error) {
      stop ??= { kind: 'failing', reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async function work(): Promise<void> {
    while (stop === undefined) {
      let index = waiting.shift();
      if (index === undefined) {
        if (next >= ports.messageCount) return;
        index = next;
        next += 1;
        open.add(index);
      }
      await publishOne(index);
    }
  }

  await Promise.all(Array.from({ length: MESSAGES_AT_ONCE }, work));
  const progress = { next, open: [...open].sort((a, b) => a - b), refusedCount };
  return stop === undefined ? { progress } : { progress, stop };
}
