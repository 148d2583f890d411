import type { RefId } from '../../shared/model/repository.ts';
import type { StoredReportState } from '../../shared/report/dynamodb.ts';
import type { ReportState } from '../../shared/report/report-state.ts';

/** Somebody else moved the report on: this invocation has no say in it any more. */
export class ReportTakenError extends Error {
  override readonly name = 'ReportTakenError';
}

export interface LeasePorts {
  readonly reports: {
    moveState(ref: RefId, before: StoredReportState, after: ReportState): Promise<StoredReportState | 'refused'>;
  };
  /** Names the queue's message: a redelivery of the same one finds that the invocation before it is over. */
  readonly holder: string;
  /** When this invocation is over, milliseconds since the epoch. */
  readonly deadlineAtMs: number;
}

/** The right to send for one ref, and its state as this invocation wrote it last. */
export interface ReportLease {
  state(): ReportState;
  /** Writes the state on; throws `ReportTakenError` where somebody else has. */
  move(change: (state: ReportState) => ReportState): Promise<void>;
}

/** How long another one's lease holds from now, in milliseconds; 0 where the ref may be taken. */
export function leaseHoldsMs({ state }: StoredReportState, holder: string, nowMs: number): number {
  return state?.lease === undefined || state.lease.holder === holder ? 0 : Math.max(0, state.lease.untilMs - nowMs);
}

/** Takes the ref. Throws `ReportTakenError` where somebody else was faster. */
export async function takeLease(ref: RefId, repositoryName: string, read: StoredReportState, ports: LeasePorts): Promise<ReportLease> {
  let current = read;

  async function write(after: ReportState): Promise<void> {
    const moved = await ports.reports.moveState(ref, current, after);
    if (moved === 'refused') throw new ReportTakenError('another invocation sends the report of this ref');
    current = moved;
  }

  const empty: ReportState = { version: 1, repositoryName };
  const state = (): ReportState => current.state ?? empty;
  await write({ ...state(), repositoryName, lease: { holder: ports.holder, untilMs: ports.deadlineAtMs } });
  return { state, move: (change) => write(change(state())) };
}

/** The state without this part: `undefined` is no value of one. */
export function without<K extends keyof ReportState>(state: ReportState, ...names: readonly K[]): Omit<ReportState, K> {
  return Object.fromEntries(Object.entries(state).filter(([name]) => !names.some((each) => each === name))) as Omit<ReportState, K>;
}
