import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { PaginationRequest_SortOrder as SortOrder } from '#safedep-api/safedep/messages/controltower/v1/pagination_pb.js';
import { ThreatIntelService } from '#safedep-api/safedep/services/threatintel/v1/threatintel_pb.js';
import { toSafeDepEcosystem } from '../../../../shared/safedep/ecosystem.ts';
import { invalid } from '../refusals.ts';
import type { ThreatReport } from '../threat-feed.ts';
import { pageRequest, type ServedService, served, tenantOf, type World } from './served-service.ts';

const VERDICTS: readonly string[] = ['', 'THREAT_VERDICT_MALICIOUS', 'THREAT_VERDICT_SUSPICIOUS'];

/** The threat feed, an add-on of the plan. Newest first unless it is asked for in ascending order: who follows it has to. */
export function threatIntelService({ feed, pages }: World): ServedService {
  return served(
    ThreatIntelService,
    {
      listPackageReports: ({ filters, pagination }, caller) => {
        const tenant = tenantOf(caller);
        tenant.require('THREAT_FEED');
        const { since, verdict = '' } = filters ?? {};
        if (!VERDICTS.includes(verdict)) throw invalid('filters.verdict', 'is no verdict');
        const ascending = pagination?.sortOrder === SortOrder.ASCENDING;
        const question = JSON.stringify(['feed', tenant.domain, String(since?.seconds), since?.nanos, verdict, ascending]);
        const list = () => {
          const found = feed.since(since).filter((report) => verdict === '' || verdict === `THREAT_VERDICT_${report.verdict}`);
          return ascending ? found : found.toReversed();
        };
        const { entries, nextPageToken } = pages.page(question, list, pageRequest(pagination));
        return { packageReports: entries.map(toWire), pagination: { nextPageToken } };
      },
    },
    { jsonOnly: true },
  );
}

function toWire({ reportId, package: reported, verdict, confidence, updatedAtMs, withdrawn }: ThreatReport) {
  const at = timestampFromMs(updatedAtMs);
  return {
    reportId,
    package: { ecosystem: toSafeDepEcosystem(reported.ecosystem), name: reported.name, versions: [...reported.versions] },
    verdict: `THREAT_VERDICT_${verdict}`,
    confidence: `THREAT_CONFIDENCE_${confidence}`,
    ...(confidence === 'HUMAN_VERIFIED' && { verifiedAt: at }),
    updatedAt: at,
    withdrawn,
  };
}
