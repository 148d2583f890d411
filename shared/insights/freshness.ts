import type { Check } from '../model/check.ts';
import type { PackageFacts } from '../model/facts.ts';
import { QUESTIONS, type Question, type Verdict } from './verdict.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Malware is mostly found within days of its publication (design, section 5): such a version is asked within the hour. */
const YOUNG_MS = 7 * DAY_MS;
const SETTLED_MS = 365 * DAY_MS;

/** What failed without ever having been answered is asked again after an hour: an outage ends, and a scan waits to be completed. */
const AFTER_FAILURE_MS = HOUR_MS;

/** The share by which a refresh is moved, so that what was asked together is not all due together. */
const JITTER_SHARE = 0.1;

/**
 * When to ask a question again. `NotFound` soon at first, then ever more rarely; a young version hourly; vulnerabilities of
 * any age daily; malware of a version of more than a year weekly.
 *
 * `draw` in [0, 1) spreads refreshes; `firstAskedAtMs` is when this state was first seen.
 */
export function refreshAtMs(
  question: Question,
  check: Check,
  facts: PackageFacts,
  firstAskedAtMs: number,
  nowMs: number,
  draw: number,
): number {
  return Math.round(nowMs + interval(question, check, facts, firstAskedAtMs, nowMs) * (1 - JITTER_SHARE * draw));
}

/** When the first of the two questions is due; `undefined` where neither was answered or failed. */
export function dueAtMs({ answers, failures }: Verdict): number | undefined {
  const times = QUESTIONS.flatMap((question) => {
    const failedAtMs = failures[question]?.failedAtMs;
    return answers[question]?.refreshAtMs ?? (failedAtMs === undefined ? [] : failedAtMs + AFTER_FAILURE_MS);
  });
  return times.length > 0 ? Math.min(...times) : undefined;
}

function interval(question: Question, check: Check, facts: PackageFacts, firstAskedAtMs: number, nowMs: number): number {
  if (check.state === 'unsupported') return 7 * DAY_MS;
  if (check.state === 'not-analysed') return Math.min(7 * DAY_MS, Math.max(HOUR_MS, (nowMs - firstAskedAtMs) / 2));
  const ageMs = facts.publishedAtMs === undefined ? undefined : nowMs - facts.publishedAtMs;
  if (ageMs !== undefined && ageMs < YOUNG_MS) return HOUR_MS;
  if (question === 'vulnerabilities') return DAY_MS;
  // Of an unknown age: as if it were not settled.
  return ageMs !== undefined && ageMs > SETTLED_MS ? 7 * DAY_MS : DAY_MS;
}
