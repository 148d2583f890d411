import type { DescService } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import { AccessLevel } from '#safedep-api/safedep/messages/controltower/v1/access_pb.js';
import { Feature } from '#safedep-api/safedep/messages/controltower/v1/entitlement_pb.js';
import type { PackageVersion as WirePackageVersion } from '#safedep-api/safedep/messages/package/v1/package_version_pb.js';
import { ApiKeyService } from '#safedep-api/safedep/services/controltower/v1/api_key_pb.js';
import { PingService } from '#safedep-api/safedep/services/controltower/v1/ping_pb.js';
import { QueryService } from '#safedep-api/safedep/services/controltower/v1/query_pb.js';
import {
  CreateToolSessionResponseSchema,
  CompleteToolSessionRequest_Status as Status,
  ToolService,
} from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { UserService } from '#safedep-api/safedep/services/controltower/v1/user_pb.js';
import { InsightService } from '#safedep-api/safedep/services/insights/v2/insights_pb.js';
import { MalwareAnalysisService } from '#safedep-api/safedep/services/malysis/v1/malysis_pb.js';
import { type PackageVersion, packageKey } from '../../../shared/model/package-version.ts';
import type { Access } from './access.ts';
import { fromWire, toInsightResponse, toMalwareResponse, toVulnerability } from './answers.ts';
import { ApiKeys } from './api-keys.ts';
import type { CallRecord } from './call-record.ts';
import { type CompleteFacts, type FactBook, foldedName } from './facts.ts';
import type { Faults } from './faults.ts';
import { queryBySql, SQL_SCHEMAS } from './sql.ts';
import type { ToolSessions } from './tool-sessions.ts';
import type { CallHeader } from './unary-endpoint.ts';

export interface ServiceParts {
  readonly access: Access;
  readonly facts: FactBook;
  readonly faults: Faults;
  readonly calls: CallRecord;
  readonly sessions: ToolSessions;
}

/** A service with those of its methods that are served. A method sees the request and its headers. */
export interface ServedService {
  readonly service: DescService;
  readonly methods: Readonly<Record<string, (request: never, context: { readonly requestHeader: CallHeader }) => unknown>>;
}

function served<S extends DescService>(
  service: S,
  methods: {
    [M in keyof ServiceImpl<S>]: (
      request: Parameters<ServiceImpl<S>[M]>[0],
      context: { readonly requestHeader: CallHeader },
    ) => ReturnType<ServiceImpl<S>[M]>;
  },
): ServedService {
  return { service, methods };
}

/** Every method that the pipeline and SafeDep's own scanner call, over made-up facts. */
export function servicesOf({ access, facts, faults, calls, sessions }: ServiceParts): readonly ServedService[] {
  const apiKeys = new ApiKeys(access);

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
      queryPackageAnalysis: ({ target }, context) => {
        const { packageVersion, found } = lookUp(target?.packageVersion);
        if (found.malware === 'not-analysed') throw new ConnectError('analysis not found', Code.NotFound);
        return toMalwareResponse(subject(packageVersion, 'QueryPackageAnalysis'), found, {
          keyless: !context.requestHeader.get('authorization'),
          huge: faults.now('QueryPackageAnalysis') === 'huge-report',
        });
      },
    }),
    served(ToolService, {
      getEntitlementsForTool: () => ({
        entitlements: [Feature.TOOL_SYNC, Feature.SQL_QUERY].map((feature) => ({ entitlement: { feature, limit: 1000n } })),
      }),
      createToolSession: (request) =>
        create(CreateToolSessionResponseSchema, { toolSession: { toolSessionId: sessions.create(request).id } }),
      publishPackageInsight: (request) => {
        sessions.open(request.toolSession).insights.push(request);
        return {};
      },
      publishPolicyViolation: (request) => {
        sessions.open(request.toolSession).violations.push(request);
        return {};
      },
      completeToolSession: ({ toolSession, status }) => {
        sessions.open(toolSession).status = status === Status.UNSPECIFIED ? Status.SUCCESS : status;
        return {};
      },
    }),
    served(PingService, { ping: ({ id }) => ({ id }) }),
    served(UserService, {
      getUserInfo: () => ({
        user: { name: 'Made Up', email: 'made-up@stand-in.example', createdAt: timestampFromMs(0), updatedAt: timestampFromMs(0) },
        access: [{ level: AccessLevel.OWNER, role: BigInt(AccessLevel.OWNER), tenant: { domain: access.tenantId } }],
      }),
    }),
    served(ApiKeyService, {
      createApiKey: (request) => apiKeys.create(request),
      listApiKeys: () => ({ keys: apiKeys.list() }),
      deleteApiKey: ({ keyId }) => apiKeys.delete(keyId),
    }),
    served(QueryService, {
      getSqlSchema: () => ({ schemas: SQL_SCHEMAS }),
      queryBySql: () => queryBySql(sessions, Date.now()),
    }),
  ];
}
