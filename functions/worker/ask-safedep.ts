import type { Asked } from '../../shared/insights/record-asks.ts';
import type { Question } from '../../shared/insights/verdict.ts';
import type { PackageVersion } from '../../shared/model/package-version.ts';
import type { PermitSession } from '../../shared/rate-limit/permits.ts';
import { toAnswer } from '../../shared/safedep/answer.ts';
import type { DataPlaneClient, InsightResult, MalwareResult } from '../../shared/safedep/data-plane-client.ts';
import type { AskResult } from './answer-batch.ts';

/** A session that has no turn yet is asked again after this, at most: the horizon moves by a lease in an eighth of a second. */
const TURN_WAIT_MAX_MS = 500;

/** A store or clock that is away is asked so often within one invocation: after that the batch waits outside, where waiting is free. */
const TROUBLE_PATIENCE = 2;

export interface SafeDepPorts {
  readonly client: Pick<DataPlaneClient, 'getInsight' | 'queryMalware'>;
  readonly session: Pick<PermitSession, 'next' | 'refused' | 'serveDue'>;
  /** No permit is waited for after this: the batch comes back instead. */
  readonly askUntilMs: number;
  /** Called at the instant of each send. */
  onSend(question: Question): void;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

const NOT_ASKED = { kind: 'retry', code: 'Canceled', reason: 'not asked' } as const;

/** Asks SafeDep the given questions, each under a permit of its own, and sorts what came of it. */
export async function askSafeDep(packageVersion: PackageVersion, questions: readonly Question[], ports: SafeDepPorts): Promise<AskResult> {
  const [insight, malware] = await Promise.all([
    questions.includes('vulnerabilities') ? withPermit('vulnerabilities', () => ports.client.getInsight(packageVersion), ports) : undefined,
    questions.includes('malware') ? withPermit('malware', () => ports.client.queryMalware(packageVersion), ports) : undefined,
  ]);
  const answer = toAnswer(resultOf<InsightResult>(insight), resultOf<MalwareResult>(malware));
  const settled: Partial<Record<Question, Asked['checks'][Question]>> = {};
  const failing: Partial<Record<Question, Asked['checks'][Question]>> = {};
  let waitMs: number | undefined;
  for (const [question, asked] of [
    ['vulnerabilities', insight],
    ['malware', malware],
  ] as const) {
    if (asked === undefined) continue;
    if ('waitMs' in asked) waitMs = Math.max(waitMs ?? 0, asked.waitMs);
    else if (mayPass(asked.result)) failing[question] = answer.checks[question];
    else settled[question] = answer.checks[question];
  }
  return {
    settled: { checks: settled as Asked['checks'], facts: answer.facts },
    failing: failing as Asked['checks'],
    ...(waitMs === undefined ? {} : { waitMs }),
  };
}

type Permitted<R> = { readonly result: R } | { readonly waitMs: number };

async function withPermit<R extends InsightResult | MalwareResult>(
  question: Question,
  call: () => Promise<R>,
  ports: SafeDepPorts,
): Promise<Permitted<R>> {
  let troubles = 0;
  for (;;) {
    const permit = await ports.session.next();
    if (permit.granted) break;
    if (permit.reason === 'store-unavailable' || permit.reason === 'clock') troubles += 1;
    const isPatient = permit.reason !== 'deadline' && troubles <= TROUBLE_PATIENCE;
    if (!isPatient || ports.nowMs() + permit.retryAfterMs >= ports.askUntilMs) return { waitMs: permit.retryAfterMs };
    await ports.sleep(Math.max(1, Math.min(TURN_WAIT_MAX_MS, permit.retryAfterMs)));
  }
  ports.onSend(question);
  const result = await call();
  ports.session.serveDue();
  if (result.kind === 'throttled') ports.session.refused(result.retryAfterMs);
  return { result };
}

function resultOf<R>(asked: Permitted<R> | undefined): R | typeof NOT_ASKED {
  return asked !== undefined && 'result' in asked ? asked.result : NOT_ASKED;
}

function mayPass(result: InsightResult | MalwareResult): boolean {
  return result.kind === 'retry' || result.kind === 'throttled';
}
