import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type { Ecosystem } from '../../../shared/model/ecosystem.ts';
import { newUlid } from './ulid.ts';

interface ReportedPackage {
  readonly ecosystem: Ecosystem;
  readonly name: string;
  /** Empty: all versions. */
  readonly versions: readonly string[];
}

export interface ThreatReport {
  readonly reportId: string;
  readonly package: ReportedPackage;
  readonly verdict: 'MALICIOUS' | 'SUSPICIOUS';
  readonly confidence: 'AUTOMATED' | 'HUMAN_VERIFIED';
  readonly updatedAtMs: number;
  readonly withdrawn: boolean;
}

/** What became known of malicious packages. A report that changes is delivered again, at its new time. */
export class ThreatFeed {
  readonly #reports = new Map<string, ThreatReport>();
  #lastMs = 0;

  /** Adds a report, or changes the one of that id. Returns its id. */
  put(report: Omit<ThreatReport, 'reportId' | 'updatedAtMs'> & { readonly reportId?: string }, nowMs: number): string {
    // No two at the same time: who asks for what came after the last one must not miss one.
    this.#lastMs = Math.max(nowMs, this.#lastMs + 1);
    const reportId = report.reportId ?? newUlid(nowMs);
    this.#reports.set(reportId, { ...report, reportId, updatedAtMs: this.#lastMs });
    return reportId;
  }

  /** Reports that were updated later than `since`, strictly; all of them without it. Oldest update first. */
  since(since: Timestamp | undefined): readonly ThreatReport[] {
    const sinceNs = since === undefined ? -1n : since.seconds * 1_000_000_000n + BigInt(since.nanos);
    return [...this.#reports.values()]
      .filter(({ updatedAtMs }) => BigInt(updatedAtMs) * 1_000_000n > sinceNs)
      .sort((a, b) => a.updatedAtMs - b.updatedAtMs);
  }
}
