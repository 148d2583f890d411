import { createHash } from 'node:crypto';
import type { AnswerSource } from '../messages/bus-events.ts';
import type { Check } from '../model/check.ts';
import type { PackageFacts } from '../model/facts.ts';

export const QUESTIONS = ['vulnerabilities', 'malware'] as const;
export type Question = (typeof QUESTIONS)[number];

/** The last answer to one question: `known`, or a gap. A failure is no answer. */
export interface Answer {
  readonly check: Check;
  /** When the asking began: what is marked due after that has not been asked. */
  readonly askedAtMs: number;
  /** Since when the answer has this state. */
  readonly sinceMs: number;
  /** When to ask again. */
  readonly refreshAtMs: number;
}

/** An ask that came to nothing. It stands beside an answer and never replaces one. */
export interface FailedAsk {
  readonly check: Check;
  readonly failedAtMs: number;
}

/** All that is kept of one package version under one source of answers. */
export interface Verdict {
  readonly answers: Readonly<Partial<Record<Question, Answer>>>;
  readonly facts: PackageFacts;
  /** Failures since the last answer to the same question. */
  readonly failures: Readonly<Partial<Record<Question, FailedAsk>>>;
  /** Digest of what the answers say, times left out; empty before the first answer. */
  readonly digest: string;
  /** Someone wants both questions asked again, whatever their age: set at this time. */
  readonly dueMarkedAtMs?: number;
  readonly claim?: { readonly owner: string; readonly untilMs: number };
  /** Digest that is not fanned out yet. */
  readonly fanOut?: string;
}

/** Where answers come from, as a part of their key: another tenant's cloud may answer otherwise, made-up answers always do. */
export function sourceKey(answers: AnswerSource, tenant: string): string {
  return answers === 'cloud' ? `cloud:${encodeURIComponent(tenant)}` : answers;
}

/**
 * Digest of what is known, so that the same answer asked again changes nothing, in whatever order it lists its parts. Times and
 * failures are no part of it.
 */
export function answerDigest(answers: Verdict['answers'], facts: PackageFacts): string {
  return createHash('sha256')
    .update(JSON.stringify(QUESTIONS.map((question) => statementOf(question, answers, facts))))
    .digest('hex')
    .slice(0, 24);
}

/** What the answer to one question says, as text that is equal where the answer is. */
export function statementOf(question: Question, answers: Verdict['answers'], facts: PackageFacts): string {
  const state = answers[question]?.check.state ?? null;
  if (question === 'malware') {
    const { verdict, analysisId, title, exclusion } = facts.malware ?? {};
    // An analysis that finds nothing says the same as the one before it.
    return JSON.stringify(verdict === 'benign' ? [state, verdict, exclusion] : [state, verdict, analysisId, title, exclusion]);
  }
  const vulnerabilities = facts.vulnerabilities?.map(({ id, aliases, severity, title }) =>
    JSON.stringify([id, [...aliases].sort(), severity, title]),
  );
  return JSON.stringify([state, vulnerabilities?.sort(), facts.licences && [...facts.licences].sort()]);
}

/**
 * An answer is asked again this much before its time: what a scan calls outdated by the clock of one function must not be fresh by
 * the clock of another. Far more than clocks of Lambda differ by, far less than any refresh interval.
 */
const ASKED_AHEAD_MS = 60_000;

/** The questions that must be asked: never answered, at or past their refresh, or marked due since they were asked. */
export function openQuestions(verdict: Verdict | undefined, nowMs: number): Question[] {
  return QUESTIONS.filter((question) => {
    const answer = verdict?.answers[question];
    if (!answer) return true;
    return answer.refreshAtMs - ASKED_AHEAD_MS <= nowMs || (verdict?.dueMarkedAtMs ?? 0) > answer.askedAtMs;
  });
}

/**
 * What a scan that began at `scanStartedAtMs` may say of one question: the answer, if it was fresh then or was given since.
 * Where the scan needs a new one, what failed since it began is the answer, and `pending`, worded by the caller, where nothing
 * has come. A failure while the answer was fresh is no matter of this scan.
 */
export function checkForScan(verdict: Verdict | undefined, question: Question, scanStartedAtMs: number): Check | 'pending' {
  const failedAsk = verdict?.failures[question];
  const failure = failedAsk && failedAsk.failedAtMs >= scanStartedAtMs ? failedAsk.check : undefined;
  const answer = verdict?.answers[question];
  if (!answer || answer.refreshAtMs <= scanStartedAtMs) return failure ?? 'pending';
  const dueMarkedAtMs = verdict.dueMarkedAtMs ?? 0;
  const wasMarkedDue = dueMarkedAtMs > answer.askedAtMs && dueMarkedAtMs <= scanStartedAtMs;
  return (wasMarkedDue ? failure : undefined) ?? answer.check;
}
