import type { PackageFacts } from '../../shared/model/facts.ts';
import { type PackageVersion, packageKey } from '../../shared/model/package-version.ts';
import { insightMessageDigest, packageInsightDigest, violationMessageDigest } from '../../shared/report/message-digest.ts';
import { toInsightMessage, toViolationMessage } from '../../shared/report/session-messages.ts';
import type { PlannedMessage, SessionPlan } from '../../shared/report/session-plan.ts';
import type { CallResult } from '../../shared/safedep/calls.ts';
import type { ReportSessionClient } from '../../shared/safedep/report-session-client.ts';

/** A message with the digest of what it says. */
export interface DigestedMessage extends PlannedMessage {
  readonly digest: string;
}

export interface AnswerReader {
  read(packages: readonly PackageVersion[]): Promise<Map<string, { readonly facts: PackageFacts }>>;
}

/** Package versions whose answers are held at once: some 2 MB. */
const PACKAGES_A_READ = 1_000;
/** Answers are read again for so many messages at a time when they are sent: one read of DynamoDB. */
const MESSAGES_A_READ = 100;

/** The messages of a plan by what they say now, each once, in order. */
export async function digestMessages(plan: SessionPlan, answers: AnswerReader): Promise<DigestedMessage[]> {
  const packages = new Map<string, PackageVersion>();
  for (const { at, finding } of plan.messages) if (!finding) packages.set(packageKey(at.packageVersion), at.packageVersion);
  const digests = new Map<string, string>();
  const wanted = [...packages];
  for (let start = 0; start < wanted.length; start += PACKAGES_A_READ) {
    const slice = wanted.slice(start, start + PACKAGES_A_READ);
    const verdicts = await answers.read(slice.map(([, packageVersion]) => packageVersion));
    for (const [key, packageVersion] of slice) digests.set(key, packageInsightDigest({ packageVersion }, verdicts.get(key)?.facts ?? {}));
  }
  const byDigest = new Map<string, DigestedMessage>();
  for (const message of plan.messages) {
    const { at, finding } = message;
    const digest = finding
      ? violationMessageDigest(at, finding)
      : insightMessageDigest(at, digests.get(packageKey(at.packageVersion)) ?? '');
    if (!byDigest.has(digest)) byDigest.set(digest, { ...message, digest });
  }
  return [...byDigest.values()];
}

/**
 * Sends message `index` of these; the answers about its package are read with those of its neighbours, once. An answer that changed
 * since the digest was made is told as it is now, and once more with the next session.
 */
export function makePublisher(
  messages: readonly DigestedMessage[],
  sessionId: string,
  answers: AnswerReader,
  client: Pick<ReportSessionClient, 'publishPackageInsight' | 'publishPolicyViolation'>,
): (index: number) => Promise<CallResult<unknown>> {
  const reads = new Map<number, ReturnType<AnswerReader['read']>>();

  function answersAround(index: number): ReturnType<AnswerReader['read']> {
    const page = Math.floor(index / MESSAGES_A_READ);
    const known = reads.get(page);
    if (known !== undefined) return known;
    const insights = messages.slice(page * MESSAGES_A_READ, (page + 1) * MESSAGES_A_READ).filter(({ finding }) => !finding);
    const packages = new Map(insights.map(({ at }) => [packageKey(at.packageVersion), at.packageVersion]));
    const read = answers.read([...packages.values()]);
    reads.set(page, read);
    // The messages are sent in order: what lies two pages back is not needed any more.
    reads.delete(page - 2);
    read.catch(() => reads.delete(page));
    return read;
  }

  return async (index) => {
    const message = messages[index];
    if (!message) throw new Error(`the report has no message ${index}`);
    const { at, finding } = message;
    if (finding) return client.publishPolicyViolation(sessionId, toViolationMessage(at, finding));
    const verdict = (await answersAround(index)).get(packageKey(at.packageVersion));
    return client.publishPackageInsight(sessionId, toInsightMessage(at, verdict?.facts ?? {}));
  };
}
