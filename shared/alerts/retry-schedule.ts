/**
 * When a refused alert is tried again. The wait doubles from 5 s and stays at 6 h: thirty attempts span three and a half to seven days, so
 * a consumer that is down for 72 h misses nothing, and the queue's 14 days are never reached.
 */

const FIRST_WAIT_SECONDS = 5;
const LONGEST_WAIT_SECONDS = 6 * 3600;
/** Waits are spread over this share of themselves to either side, so that what failed together does not return together. */
const JITTER_SHARE = 0.2;

/** The queue's `maxReceiveCount`: after so many attempts a delivery goes to the dead-letter queue, to be looked at and redriven. */
export const ALERT_MAX_RECEIVE_COUNT = 30;

/**
 * Seconds until the next attempt, after attempt number `receiveCount` (1 is the first) failed. `random` is from [0, 1). A wait that the consumer
 * asked for is kept where it is longer, up to the longest wait (SQS hides a message for 12 h at most).
 */
export function waitSeconds(receiveCount: number, random: number, askedForSeconds = 0): number {
  const doublings = Math.min(Math.max(receiveCount - 1, 0), 30);
  const plain = Math.min(FIRST_WAIT_SECONDS * 2 ** doublings, LONGEST_WAIT_SECONDS);
  const jittered = plain * (1 + JITTER_SHARE * (2 * random - 1));
  return Math.ceil(Math.max(jittered, Math.min(askedForSeconds, LONGEST_WAIT_SECONDS)));
}
