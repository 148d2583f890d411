import { type Check, isFailure } from '../model/check.ts';
import type { PackageFacts } from '../model/facts.ts';
import { refreshAtMs } from './freshness.ts';
import { type Answer, answerDigest, type FailedAsk, QUESTIONS, type Question, statementOf, type Verdict } from './verdict.ts';

/** What came of asking: a check for each question that was asked, and the facts that the answered ones brought. */
export interface Asked {
  readonly checks: Readonly<Partial<Record<Question, Check>>>;
  readonly facts: PackageFacts;
}

const FACTS_OF: Readonly<Record<Question, readonly (keyof PackageFacts)[]>> = {
  vulnerabilities: ['vulnerabilities', 'licences', 'publishedAtMs'],
  malware: ['malware'],
};

/**
 * The verdict after an ask. What is `known` replaces the facts of its own question only; a gap leaves them, because not to know any
 * more whether something is wrong takes nothing back that was found; a failure stands beside the answer. Where users must hear of
 * it - an answer differs from the earlier one to the same question, or comes after a failure - `fanOut` is the new digest. A
 * first answer needs no fan-out: the scans of its users wait for it.
 *
 * `askedAtMs` is when the asking began, `nowMs` when its answer came.
 */
export function recordAsks(before: Verdict | undefined, asked: Asked, askedAtMs: number, nowMs: number, draw: number): Verdict {
  const answers: Partial<Record<Question, Answer>> = { ...before?.answers };
  const failures: Partial<Record<Question, FailedAsk>> = { ...before?.failures };
  let facts: PackageFacts = before?.facts ?? {};
  let recovered = false;

  for (const question of QUESTIONS) {
    const check = asked.checks[question];
    if (!check) continue;
    if (isFailure(check)) {
      failures[question] = { check, failedAtMs: nowMs };
      continue;
    }
    recovered ||= failures[question] !== undefined;
    delete failures[question];
    if (check.state === 'known') {
      const isOwn = ([name]: [string, unknown]) => FACTS_OF[question].includes(name as keyof PackageFacts);
      const kept = Object.entries(facts).filter((fact) => !isOwn(fact));
      facts = Object.fromEntries([...kept, ...Object.entries(asked.facts).filter(isOwn)]);
    }
    const previous = before?.answers[question];
    const sinceMs = previous?.check.state === check.state ? previous.sinceMs : nowMs;
    answers[question] = { check, askedAtMs, sinceMs, refreshAtMs: refreshAtMs(question, check, facts, sinceMs, nowMs, draw) };
  }

  const digest = Object.keys(answers).length > 0 ? answerDigest(answers, facts) : '';
  const changed = QUESTIONS.some(
    (question) =>
      before?.answers[question] && statementOf(question, before.answers, before.facts) !== statementOf(question, answers, facts),
  );
  const fanOut = changed || recovered ? digest : before?.fanOut;
  return {
    answers,
    facts,
    failures,
    digest,
    ...(fanOut === undefined ? {} : { fanOut }),
    ...(before?.dueMarkedAtMs === undefined ? {} : { dueMarkedAtMs: before.dueMarkedAtMs }),
  };
}
