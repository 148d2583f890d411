import type { AcknowledgedMessages, ReportedRef } from '../../shared/report/dynamodb.ts';
import { isReportSettled } from '../../shared/report/report-state.ts';

/** What `report show --json` prints of a ref: additive. Times are RFC 3339. */
export interface ReportDescription {
  readonly repository: string;
  readonly forge: string;
  readonly host: string;
  readonly ref: string;
  /** `reported`: the newest scan is. `waiting`: a session or a try is open. `sending`: now. `not-reported`: nothing was tried for that scan. */
  readonly status: 'reported' | 'waiting' | 'sending' | 'not-reported';
  /** The newest scan. */
  readonly commit?: string;
  readonly last?: {
    readonly sessionId: string;
    readonly commit: string;
    readonly scope: 'changed' | 'whole';
    readonly completedAt: string;
    readonly published: number;
    readonly refused: number;
    readonly lacking: number;
  };
  readonly lastWholeAt?: string;
  readonly open?: {
    readonly sessionId: string;
    readonly commit: string;
    readonly scope: 'changed' | 'whole';
    readonly startedAt: string;
    readonly settled: number;
    readonly planned: number;
  };
  readonly waiting?: { readonly since: string; readonly reason: string };
}

const time = (ms: number): string => new Date(ms).toISOString();

function statusOf({ scan, state }: ReportedRef, nowMs: number): ReportDescription['status'] {
  if (state?.lease && state.lease.untilMs > nowMs) return 'sending';
  if (state?.session || state?.waiting || state?.lease) return 'waiting';
  return isReportSettled(state, scan?.generation ?? 0) ? 'reported' : 'not-reported';
}

/** `acknowledged`: what the open session has told so far. */
export function describeReport(entry: ReportedRef, acknowledged: AcknowledgedMessages | undefined, nowMs: number): ReportDescription {
  const { ref, repositoryName, scan, state } = entry;
  const { last, session, waiting, lastWholeAtMs } = state ?? {};
  return {
    repository: repositoryName,
    forge: ref.forge,
    host: ref.host,
    ref: ref.ref,
    status: statusOf(entry, nowMs),
    ...(scan ? { commit: scan.commit } : {}),
    ...(last
      ? {
          last: {
            sessionId: last.id,
            commit: last.commit,
            scope: last.scope,
            completedAt: time(last.completedAtMs),
            published: last.publishedCount,
            refused: last.refusedCount,
            lacking: last.lackingCount,
          },
        }
      : {}),
    ...(lastWholeAtMs === undefined ? {} : { lastWholeAt: time(lastWholeAtMs) }),
    ...(session
      ? {
          open: {
            sessionId: session.id,
            commit: session.commit,
            scope: session.scope,
            startedAt: time(session.startedAtMs),
            settled: acknowledged?.messages.size ?? 0,
            planned: session.plannedCount,
          },
        }
      : {}),
    ...(waiting ? { waiting: { since: time(waiting.sinceMs), reason: waiting.reason } } : {}),
  };
}

const SHOWN_COMMIT_CHARACTERS = 12;
const short = (commit: string): string => commit.slice(0, SHOWN_COMMIT_CHARACTERS) || 'of no commit';

/** For a terminal: a heading and an indented line for each thing that there is to say. */
export function reportLines(report: ReportDescription): string[] {
  const { repository, ref, status, commit, last, open, waiting, lastWholeAt } = report;
  const lines = [`${repository}  ${ref}  ${status}${status === 'not-reported' && commit ? ` (newest scan: ${short(commit)})` : ''}`];
  if (last) {
    lines.push(`  last      ${last.completedAt}, commit ${short(last.commit)}: ${last.published} published (${last.scope})`);
    if (last.refused > 0) lines.push(`            ${last.refused} refused by SafeDep for good`);
    if (last.lacking > 0) lines.push(`            SafeDep lacks ${last.lacking} of this commit: refused, not served or outside its limits`);
  }
  if (lastWholeAt !== undefined) lines.push(`  whole     ${lastWholeAt}`);
  if (open) {
    lines.push(
      `  open      since ${open.startedAt}, commit ${short(open.commit)}: ${open.settled} of ${open.planned} sent (${open.scope})`,
    );
  }
  if (waiting) lines.push(`  waits     since ${waiting.since}: ${waiting.reason}`);
  return lines;
}
