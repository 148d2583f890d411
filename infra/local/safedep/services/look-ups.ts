import { Code, ConnectError } from '@connectrpc/connect';
import type { PackageVersion as WirePackageVersion } from '#safedep-api/safedep/messages/package/v1/package_version_pb.js';
import { InsightService } from '#safedep-api/safedep/services/insights/v2/insights_pb.js';
import { MalwareAnalysisService } from '#safedep-api/safedep/services/malysis/v1/malysis_pb.js';
import { type PackageVersion, packageKey } from '../../../../shared/model/package-version.ts';
import { fromWire, toInsightResponse, toMalwareResponse, toVulnerability } from '../answers.ts';
import { type CompleteFacts, foldedName } from '../facts.ts';
import { type ServedService, served, type World } from './served-service.ts';

/** What is asked of package versions, on the data plane and, without a credential, on the community host. */
export function lookUpServices({ facts, faults, calls }: World): readonly ServedService[] {
  function lookUp(requested: WirePackageVersion | undefined): { packageVersion: PackageVersion; found: CompleteFacts } {
    if (!requested?.package?.name || requested.version === '') {
      throw new ConnectError('package_version: value is required', Code.InvalidArgument);
    }
    const packageVersion = fromWire(requested);
    // Neither an ecosystem that is unknown here nor a distribution's package has facts.
    if (packageVersion === undefined) throw new ConnectError('package version not found', Code.NotFound);
    calls.asked(packageKey({ ...packageVersion, name: foldedName(packageVersion) }));
    return { packageVersion, found: facts.get(packageVersion) };
  }

  function subject(packageVersion: PackageVersion, method: string): PackageVersion {
    return faults.now(method) === 'other-package' ? { ...packageVersion, name: 'made-up-other-package' } : packageVersion;
  }

  return [
    served(InsightService, {
      getPackageVersionInsight: ({ packageVersion: requested }) => {
        const { packageVersion, found } = lookUp(requested);
        if (found.insight === 'not-analysed') throw new ConnectError('package version not found', Code.NotFound);
        return toInsightResponse(subject(packageVersion, 'GetPackageVersionInsight'), found);
      },
      getPackageVersionVulnerabilities: ({ packageVersion: requested }) => {
        const { found } = lookUp(requested);
        if (found.insight === 'not-analysed') throw new ConnectError('package version not found', Code.NotFound);
        return { vulnerabilities: (found.vulnerabilities ?? []).map(toVulnerability) };
      },
    }),
    served(MalwareAnalysisService, {
      queryPackageAnalysis: ({ target }, { tenant }) => {
        const { packageVersion, found } = lookUp(target?.packageVersion);
        if (found.malware === 'not-analysed') throw new ConnectError('analysis not found', Code.NotFound);
        return toMalwareResponse(subject(packageVersion, 'QueryPackageAnalysis'), found, {
          keyless: tenant === undefined,
          huge: faults.now('QueryPackageAnalysis') === 'huge-report',
        });
      },
    }),
  ];
}
