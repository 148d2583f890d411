import type { PermitSession } from '../../shared/rate-limit/permits.ts';
import type { Settlement } from '../../shared/report/settled-messages.ts';
import type { CallResult } from '../../shared/safedep/calls.ts';

/**
 * Messages under way at once, from the call until its acknowledgement is durable: what a crash repeats, at most. At 0.1 s a call and 20 ms
 * until it is durable some 260 messages/s go out.
 */
export const MESSAGES_AT_ONCE = 32;
/**
 * Acknowledgements that are made durable with one write: 0.13 writes of 1 KB a message, some 30 a second. Each alone would cost eight
 * times as much; many more of them would keep the calls waiting for the write.
 */
const SETTLED_A_WRITE = 8;
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

/**
 * Why publishing stopped before the end. `session-gone`: SafeDep does not know the session any more; `session-refused`: it takes hardly a
 * message. Another one must be begun after either.
 */
export interface Stop {
  readonly kind: 'out-of-time' | 'failing' | 'session-gone' | 'session-refused';
  /** One sentence for the reader. */
  readonly reason: string;
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
  /** Makes durable what became of these messages; one call at a time. Where it throws, publishing ends and throws that. */
  settle(settled: ReadonlyMap<number, Settlement>): Promise<void>;
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

/**
 * Publishes messages in order, several at a time; resolves to why it stopped, or to `undefined` when all are settled. What is under way
 * when it stops is waited for. No message is begun while `MESSAGES_AT_ONCE` others are not durably settled.
 */
export async function publishMessages(ports: PublishPorts): Promise<Stop | undefined> {
  let next = 0;
  let refusedCount = 0;
  let stop: Stop | undefined;
  const settling = makeSettling(ports);

  /** What became of a message; `undefined` where it must be sent again later. */
  async function publishOne(index: number): Promise<Settlement | undefined> {
    const result = await callPaced(() => ports.publish(index), ports);
    if ('kind' in result) {
      stop ??= result;
      return undefined;
    }
    if (!('refused' in result)) return 'acknowledged';
    refusedCount += 1;
    ports.onRefused(index, result.refused);
    if (refusedCount === REFUSALS_MAX) {
      stop ??= { kind: 'session-refused', reason: `SafeDep refuses message after message: ${result.refused}` };
    }
    return 'refused';
  }

  async function work(): Promise<void> {
    while (stop === undefined && next < ports.messageCount) {
      const index = next;
      next += 1;
      settling.begin();
      let settlement: Settlement | undefined;
      try {
        settlement = await publishOne(index);
      } catch (error) {
        stop ??= { kind: 'failing', reason: error instanceof Error ? error.message : String(error) };
      }
      await settling.end(index, settlement).catch((error: unknown) => {
        stop ??= { kind: 'failing', reason: 'what SafeDep acknowledged could not be written down' };
        throw error;
      });
    }
  }

  const workers = await Promise.allSettled(Array.from({ length: MESSAGES_AT_ONCE }, work));
  for (const worker of workers) if (worker.status === 'rejected') throw worker.reason;
  return stop;
}

/** Gathers what was settled and has it written in groups, one write at a time: when a group is full, or when no call is left to wait for. */
function makeSettling({ settle }: Pick<PublishPorts, 'settle'>) {
  let group = new Map<number, Settlement>();
  let written = Promise.withResolvers<void>();
  let calls = 0;
  let isWriting = false;

  async function writeGroups(): Promise<void> {
    isWriting = true;
    while (group.size >= SETTLED_A_WRITE || (calls === 0 && group.size > 0)) {
      const [messages, done] = [group, written];
      group = new Map();
      written = Promise.withResolvers<void>();
      await settle(messages).then(done.resolve, done.reject);
    }
    isWriting = false;
  }

  return {
    begin(): void {
      calls += 1;
    },

    /** A call has ended; resolves once what came of it is durable. */
    async end(index: number, settlement: Settlement | undefined): Promise<void> {
      calls -= 1;
      const done = settlement === undefined ? undefined : written.promise;
      if (settlement !== undefined) group.set(index, settlement);
      if (!isWriting) void writeGroups();
      await done;
    },
  };
}
