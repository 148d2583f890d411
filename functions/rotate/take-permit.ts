import type { PermitSource } from '../../shared/rate-limit/permits.ts';

/** A turn that is further off than this is waited for in steps, in milliseconds. */
const TURN_WAIT_MAX_MS = 500;

/** No call may begin any more in this run. */
export class NoPermitError extends Error {
  override readonly name = 'NoPermitError';
}

export interface PermitTimes {
  /** No call begins after this, epoch milliseconds. */
  readonly callUntilMs: number;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

/** Waits for the permit of one call. Rejects with `NoPermitError` where none comes in time. */
export async function takePermit(source: PermitSource, { callUntilMs, nowMs, sleep }: PermitTimes): Promise<void> {
  const session = source.open({ need: 1, lane: 'background', deadlineAtMs: callUntilMs });
  try {
    for (;;) {
      const answer = await session.next();
      if (answer.granted) return;
      if (answer.reason === 'deadline' || nowMs() + answer.retryAfterMs >= callUntilMs) {
        throw new NoPermitError(`the rate limit let no call to SafeDep through in time (${answer.reason})`);
      }
      await sleep(Math.max(1, Math.min(TURN_WAIT_MAX_MS, answer.retryAfterMs)));
    }
  } finally {
    await session.close();
  }
}
