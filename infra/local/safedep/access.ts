import type { DescService } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { ApiKeyService } from '#safedep-api/safedep/services/controltower/v1/api_key_pb.js';
import { OnboardingService } from '#safedep-api/safedep/services/controltower/v1/onboarding_pb.js';
import { PingService } from '#safedep-api/safedep/services/controltower/v1/ping_pb.js';
import { QueryService as QueryServiceV1 } from '#safedep-api/safedep/services/controltower/v1/query_pb.js';
import { TenantService } from '#safedep-api/safedep/services/controltower/v1/tenant_pb.js';
import { ToolService } from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { UserService } from '#safedep-api/safedep/services/controltower/v1/user_pb.js';
import { QueryService as QueryServiceV2 } from '#safedep-api/safedep/services/controltower/v2/query_pb.js';
import { InsightService } from '#safedep-api/safedep/services/insights/v2/insights_pb.js';
import { MalwareAnalysisService } from '#safedep-api/safedep/services/malysis/v1/malysis_pb.js';
import { ThreatIntelService } from '#safedep-api/safedep/services/threatintel/v1/threatintel_pb.js';
import type { ApiKeys } from './api-keys.ts';
import type { Directory, Tenant } from './directory.ts';
import { noTenant, noUser } from './refusals.ts';
import type { Tokens, TokenUser } from './tokens.ts';

/** Which of SafeDep's hosts a port stands for; `all` is one port for the three, told apart by method and credential. */
export type Plane = 'all' | 'data' | 'control' | 'community';

export type Host = Exclude<Plane, 'all'>;

/** The services of each host. Ping stands on both planes, and so do the SQL queries of version 1. */
const SERVICES: Readonly<Record<Host, readonly DescService[]>> = {
  data: [InsightService, MalwareAnalysisService, ThreatIntelService, ToolService, PingService, QueryServiceV1],
  control: [UserService, OnboardingService, TenantService, ApiKeyService, QueryServiceV1, QueryServiceV2, PingService],
  community: [InsightService, MalwareAnalysisService],
};

/** Take a sign-in and never an API key, wherever they stand. */
const FOR_A_SIGN_IN = new Set<DescService>([QueryServiceV1]);

/** Are about who somebody is: asked without a tenant. */
const WITHOUT_A_TENANT = new Set<DescService>([UserService, OnboardingService]);

/** Whoever made an admitted call. */
export interface Caller {
  readonly host: Host;
  /** Bucket of the limit: one for each credential. */
  readonly bucket: string;
  /** Absent for keyless calls and for those that take none. */
  readonly tenant?: Tenant;
  /** Absent for API keys and keyless calls. */
  readonly user?: TokenUser;
}

/** Keys, sign-ins and tenants: who may call what. */
export class Access {
  readonly #keys: ApiKeys;
  readonly #tokens: Tokens;
  readonly #directory: Directory;

  constructor({ keys, tokens, directory }: { readonly keys: ApiKeys; readonly tokens: Tokens; readonly directory: Directory }) {
    this.#keys = keys;
    this.#tokens = tokens;
    this.#directory = directory;
  }

  /**
   * Who calls, and on which plane.
   *
   * @throws ConnectError with SafeDep's own codes and texts where they are known.
   */
  async admit(plane: Plane, service: DescService, header: Pick<Headers, 'get'>): Promise<Caller> {
    const authorization = header.get('authorization') ?? '';
    const host = plane === 'all' ? hostOf(service, authorization) : plane;
    if (!SERVICES[host].includes(service)) throw new ConnectError(`${service.typeName} is not served on this host`, Code.Unimplemented);
    if (host === 'community') return { host, bucket: 'keyless' };
    const domain = header.get('x-tenant-id');
    const keysTenant = this.#keys.tenantOf(authorization, Date.now());
    return keysTenant === undefined
      ? this.#admitSignIn(host, service, authorization, domain)
      : this.#admitKey(host, service, authorization, domain, keysTenant);
  }

  #admitKey(host: Host, service: DescService, key: string, domain: string | null, keysTenant: string): Caller {
    if (host === 'control' || FOR_A_SIGN_IN.has(service))
      throw new ConnectError('Token auth failed: an API key is not accepted here', Code.Unauthenticated);
    const tenant = this.#directory.tenant(domain);
    if (tenant === undefined) throw noTenant();
    if (tenant.domain !== keysTenant) throw noUser();
    return { host, bucket: `${host} ${key}`, tenant };
  }

  async #admitSignIn(host: Host, service: DescService, authorization: string, domain: string | null): Promise<Caller> {
    const user = await this.#tokens.userOf(authorization, Date.now());
    if (user === undefined) throw noUser();
    const bucket = `${host} ${user.id}`;
    if (service === OnboardingService) return { host, bucket, user };
    const registered = this.#directory.user(user.email);
    if (registered === undefined) throw noUser();
    if (WITHOUT_A_TENANT.has(service)) return { host, bucket, user };
    const tenant = this.#directory.tenant(domain);
    if (tenant === undefined) throw noTenant();
    if (!registered.access.has(tenant.domain)) throw new ConnectError('the user has no access to the tenant', Code.PermissionDenied);
    return { host, bucket, user, tenant };
  }
}

/** On one port for all hosts: a look-up without a credential is for the community host, all else goes by the service. */
function hostOf(service: DescService, authorization: string): Host {
  if (authorization === '' && SERVICES.community.includes(service)) return 'community';
  return SERVICES.control.includes(service) && service !== PingService ? 'control' : 'data';
}
