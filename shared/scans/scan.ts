import type { Lane } from '../messages/queue-messages.ts';
import { cutText } from '../model/cut-text.ts';
import type { RefId } from '../model/repository.ts';

/** How a scan ended. `superseded`: a newer snapshot took its place before it ended. */
type ScanStatus = 'complete' | 'incomplete' | 'superseded';

export interface ScanOutcome {
  readonly status: ScanStatus;
  /** Why it is incomplete, one sentence each. */
  readonly reasons: readonly string[];
}

/** One scan of one snapshot: which batches are still open, and how it ended. */
export interface Scan {
  readonly ref: RefId;
  readonly generation: number;
  readonly commit: string;
  readonly repositoryName: string;
  readonly lane: Lane;
  readonly startedAtMs: number;
  readonly batchCount: number;
  /** Numbers of the batches that nobody has finished. */
  readonly openBatches: ReadonlySet<number>;
  /** All batches and the first `evaluate` are on their queues. */
  readonly sent: boolean;
  /** Asks of a batch that failed, by batch number; waits are not counted. */
  readonly failures: Readonly<Record<number, number>>;
  /** When a batch number left last. */
  readonly lastLeftAtMs: number;
  /** Set by `sweep` when no answer will come: what has none then reads as failed. */
  readonly closedAtMs?: number;
  readonly outcome?: ScanOutcome;
  /** Counts the outcomes of this scan: part of the event id of each. */
  readonly outcomeNumber: number;
  /** Number of the evaluation that wrote the last one; 0 before the first. */
  readonly outcomeEvaluation: number;
  /** Events and report requests that nobody has taken yet, as JSON, by name. */
  readonly intents: Readonly<Record<string, string>>;
  /** When `sweep` looks again, and how long it waits after that. */
  readonly lookAtMs?: number;
  readonly lookGapMs: number;
}

/** No number has left for five minutes: the batches are sent again, each time after twice the gap, up to an hour. */
export const LOOK_GAP_MS = 5 * 60_000;
export const LOOK_GAP_MAX_MS = 60 * 60_000;

/** A scan that somebody waits for is given up 15 minutes after its last sign of life; a background one after a day. */
export const GIVE_UP_AFTER_MS: Readonly<Record<Lane, number>> = { live: 15 * 60_000, background: 24 * 3_600_000 };

/** Asks of one batch that may fail before its packages count as failed. Waits for permits or for another asker are none. */
export const BATCH_MAX_FAILURES = 12;

/** Reasons of one kind that are listed, at most: the rest is counted. */
const REASONS_MAX_PER_KIND = 5;

/** A reason is cut here, in UTF-16 code units. Ours: it may begin with a path, and git bounds no path; its row takes 400 KB. */
const REASON_MAX_CHARACTERS = 500;

/** The first reasons of one kind, and how many more there are: an outcome and its event stay readable, and small. */
export function cutReasons(reasons: readonly string[], what: string): string[] {
  const listed = reasons.slice(0, REASONS_MAX_PER_KIND).map((reason) => cutText(reason, REASON_MAX_CHARACTERS));
  const rest = reasons.length - listed.length;
  return rest > 0 ? [...listed, `and ${rest} more ${what}`] : listed;
}

export function isSettled(scan: Scan): boolean {
  return scan.openBatches.size === 0 || scan.closedAtMs !== undefined;
}
