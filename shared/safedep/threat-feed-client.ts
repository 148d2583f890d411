import { createClient } from '@connectrpc/connect';
import { PaginationRequest_SortOrder as SortOrder } from '#safedep-api/safedep/messages/controltower/v1/pagination_pb.js';
import { Ecosystem as SafeDepEcosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import type { PackageReport } from '#safedep-api/safedep/messages/threatintel/v1/package_report_pb.js';
import { ThreatIntelService } from '#safedep-api/safedep/services/threatintel/v1/threatintel_pb.js';
import { type Ecosystem, isEcosystem } from '../model/ecosystem.ts';
import { type CallFailure, type CallResult, type CredentialSource, createCaller } from './calls.ts';
import { callerFor } from './method-calls.ts';
import { PAGE_MAX_ENTRIES, REPEATED_PAGE } from './pages.ts';
import { fromTimeText, toTimeText } from './timestamps.ts';
import { createSafeDepTransport, type TransportKind } from './transport.ts';

/** What SafeDep became aware of about a package. It may come again: updated, or withdrawn. */
interface ThreatReport {
  /** The same for the report's whole life. */
  readonly reportId: string;
  /** Absent for an ecosystem that this build does not know. */
  readonly ecosystem?: Ecosystem;
  readonly name: string;
  /** Empty: all versions. */
  readonly versions: readonly string[];
  /** `unknown` for one newer than this build: no reason to take it for harmless. */
  readonly verdict: 'malicious' | 'suspicious' | 'unknown';
  readonly isVerifiedByPeople: boolean;
  /** When it became what it is now, RFC 3339 in UTC with nine digits behind the second: texts compare as times do. */
  readonly updatedAt: string;
  /** Taken back; the verdict is the one that it had. */
  readonly withdrawn: boolean;
}

interface ThreatReportPage {
  /** Oldest update first. */
  readonly reports: readonly ThreatReport[];
  /** Reports without an id, a package or a time: there, and of no use. Why, a sentence each. */
  readonly unreadable: readonly string[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/**
 * The threat feed of the data plane: an API key or a JWT, and an add-on of the plan (`credentials` without it). Its field numbers are not
 * known, so that it travels as Connect JSON always.
 *
 * How to follow it: ask with the cursor as `since` and no token; go through the pages with the same `since` and each page's token;
 * only when all pages are through, the greatest `updatedAt` of all is the next cursor. A drain that breaks off begins again with the old
 * cursor, and whoever reads must take a report twice.
 */
export interface ThreatFeedClient {
  listPackageReports(
    request: {
      /** Reports updated later than this, strictly: RFC 3339 in UTC, as `updatedAt`. Never absent, because that means the whole history. */
      readonly since: string;
      /** From the page before; empty or absent for the first. */
      readonly pageToken?: string;
      /** 1 to 100, as the default. */
      readonly pageSize?: number;
    },
    signal?: AbortSignal,
  ): Promise<CallResult<ThreatReportPage>>;
  close(): void;
}

export interface ThreatFeedOptions {
  /** The data plane's host. */
  readonly baseUrl: string;
  readonly transport: TransportKind;
  readonly credential: CredentialSource;
  readonly onFallback: (sentence: string) => void;
  readonly deadlineMs?: number;
}

/** @throws Error for the reader when `baseUrl` is not usable. */
export function createThreatFeedClient({
  baseUrl,
  transport: kind,
  credential,
  onFallback,
  deadlineMs,
}: ThreatFeedOptions): ThreatFeedClient {
  const transport = createSafeDepTransport({ baseUrl, kind, onFallback });
  const threats = createClient(ThreatIntelService, transport);
  const call = callerFor('data-plane', createCaller({ credential, deadlineMs }));
  return {
    listPackageReports: async ({ since, pageToken = '', pageSize = PAGE_MAX_ENTRIES }, signal) => {
      const sinceTime = fromTimeText(since);
      if (sinceTime === undefined) return refused(`the threat feed's cursor is no time: ${JSON.stringify(since.slice(0, 40))}`);
      if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > PAGE_MAX_ENTRIES) {
        return refused(`the page size must be a whole number from 1 to ${PAGE_MAX_ENTRIES}, not ${pageSize}`);
      }
      const request = { filters: { since: sinceTime }, pagination: { pageSize, pageToken, sortOrder: SortOrder.ASCENDING } };
      const result = await call((options) => threats.listPackageReports(request, options), signal);
      if (result.kind !== 'answered') return result;
      const { packageReports, pagination } = result.response;
      const nextPageToken = pagination?.nextPageToken ?? '';
      if (nextPageToken !== '' && nextPageToken === pageToken) return REPEATED_PAGE;
      const reports: ThreatReport[] = [];
      const unreadable: string[] = [];
      for (const report of packageReports) {
        const read = toThreatReport(report);
        if (typeof read === 'string') unreadable.push(read);
        else reports.push(read);
      }
      return { kind: 'answered', response: { reports, unreadable, nextPageToken } };
    },
    close: () => transport.close(),
  };
}

function toThreatReport(report: PackageReport): ThreatReport | string {
  const { reportId, verdict, confidence, updatedAt, withdrawn } = report;
  const { name = '', versions = [], ecosystem = SafeDepEcosystem.UNSPECIFIED } = report.package ?? {};
  const missing = reportId === '' ? 'an id' : name === '' ? 'a package' : updatedAt === undefined ? 'a time' : undefined;
  if (missing !== undefined || updatedAt === undefined)
    return `a threat report ${JSON.stringify(reportId.slice(0, 128))} without ${missing}`;
  const ecosystemName = SafeDepEcosystem[ecosystem] ?? '';
  return {
    reportId,
    ...(isEcosystem(ecosystemName) && { ecosystem: ecosystemName }),
    name,
    versions,
    verdict: toVerdict(verdict),
    isVerifiedByPeople: confidence.endsWith('HUMAN_VERIFIED'),
    updatedAt: toTimeText(updatedAt),
    withdrawn,
  };
}

function toVerdict(verdict: string): ThreatReport['verdict'] {
  if (verdict.endsWith('_MALICIOUS')) return 'malicious';
  return verdict.endsWith('_SUSPICIOUS') ? 'suspicious' : 'unknown';
}

function refused(reason: string): CallFailure {
  return { kind: 'refused', code: 'InvalidArgument', reason };
}
