import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { afterEach, describe, expect, it } from 'vitest';
import { ErrorInfoSchema, RetryInfoSchema } from '#safedep-api/google/rpc/error_details_pb.js';
import { PaginationRequest_SortOrder as SortOrder } from '#safedep-api/safedep/messages/controltower/v1/pagination_pb.js';
import { Ecosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import { ApiKeyService } from '#safedep-api/safedep/services/controltower/v1/api_key_pb.js';
import { OnboardingService } from '#safedep-api/safedep/services/controltower/v1/onboarding_pb.js';
import { PingService } from '#safedep-api/safedep/services/controltower/v1/ping_pb.js';
import { TenantService } from '#safedep-api/safedep/services/controltower/v1/tenant_pb.js';
import { CompleteToolSessionRequest_Status as Status, ToolService } from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { UserService } from '#safedep-api/safedep/services/controltower/v1/user_pb.js';
import { MalwareAnalysisService } from '#safedep-api/safedep/services/malysis/v1/malysis_pb.js';
import { ThreatIntelService } from '#safedep-api/safedep/services/threatintel/v1/threatintel_pb.js';
import { NEWCOMER, ROBOT } from '../../../../infra/local/safedep/identity-provider/users.ts';
import { type SafeDepStandIn, type StandInOptions, startSafeDepStandIn } from '../../../../infra/local/safedep/stand-in.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(options: StandInOptions = {}): Promise<SafeDepStandIn> {
  const standIn = await startSafeDepStandIn({ controlLimitPerSecond: 'none', ...options });
  ends.push(() => standIn.close());
  return standIn;
}

const grpc = (baseUrl: string) => createGrpcTransport({ baseUrl });
const json = (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false });
const withKey = ({ apiKey, tenantId }: SafeDepStandIn) => ({ headers: { authorization: apiKey, 'x-tenant-id': tenantId } });
const withToken = ({ accessToken, tenantId }: SafeDepStandIn) => ({ headers: { authorization: accessToken, 'x-tenant-id': tenantId } });

/** What a step of a scenario may hold, by the remote control. */
async function change({ url }: SafeDepStandIn, what: object): Promise<void> {
  const response = await fetch(`${url}/stand-in/change`, { method: 'PUT', body: JSON.stringify(what) });
  if (!response.ok) throw new Error(await response.text());
}

async function refusal(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(
    () => new Error('the call was answered'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConnectError)) throw error;
  return error;
}

/** Signs in at the identity provider, as a device does. */
async function signIn({ identityProvider: provider }: SafeDepStandIn, user = ROBOT): Promise<string> {
  if (provider === undefined) throw new Error('no identity provider runs');
  const post = async (path: string, form: Record<string, string>) => {
    const response = await fetch(provider.issuer + path, { method: 'POST', body: new URLSearchParams(form) });
    return (await response.json()) as Record<string, string>;
  };
  const { clientId: client_id, audience } = provider;
  const { user_code = '', device_code = '' } = await post('/oauth/device/code', {
    client_id,
    audience,
    scope: 'offline_access openid email',
  });
  await provider.approve(user_code, user);
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
  return (await post('/oauth/token', { client_id, grant_type, device_code }))['access_token'] ?? '';
}

describe('sign-ins of the identity provider', () => {
  it('are taken on both planes while they last, and not those of another provider', async () => {
    const standIn = await start({ identityProvider: { accessTokenSeconds: 2 } });
    const authorization = await signIn(standIn);
    const users = createClient(UserService, grpc(standIn.url));
    const { user, access } = await users.getUserInfo({}, { headers: { authorization } });
    expect(user?.email).toBe(ROBOT.email);
    expect(access.map(({ tenant }) => tenant?.domain)).toEqual([standIn.tenantId]);
    const tool = createClient(ToolService, grpc(standIn.url));
    const headers = { authorization, 'x-tenant-id': standIn.tenantId };
    expect((await tool.getEntitlementsForTool({}, { headers })).entitlements.length).toBeGreaterThan(0);
    const other = await start({ identityProvider: {} });
    expect((await refusal(createClient(UserService, grpc(other.url)).getUserInfo({}, { headers }))).code).toBe(Code.Unauthenticated);
    await expect
      .poll(
        () =>
          users.getUserInfo({}, { headers }).then(
            () => 'taken',
            (error: ConnectError) => error.rawMessage,
          ),
        { timeout: 5_000 },
      )
      .toBe('Token auth failed: No user: record not found');
  });

  it('of somebody who is not registered know no user, until onboarded into a tenant of their own', async () => {
    const standIn = await start({ identityProvider: {} });
    const headers = { authorization: await signIn(standIn, NEWCOMER) };
    const users = createClient(UserService, grpc(standIn.url));
    const onboarding = createClient(OnboardingService, grpc(standIn.url));
    const unknown = await refusal(users.getUserInfo({}, { headers }));
    expect([unknown.code, unknown.rawMessage]).toEqual([Code.Unauthenticated, 'Token auth failed: No user: record not found']);
    const request = { email: NEWCOMER.email, name: 'New', organizationName: 'New', organizationDomain: 'new.example' };
    expect((await refusal(onboarding.onboardUser({ ...request, organizationDomain: 'no host!' }, { headers }))).code).toBe(
      Code.InvalidArgument,
    );
    const { tenant } = await onboarding.onboardUser(request, { headers });
    expect(tenant?.domain).toBe('default-team.new.example');
    expect((await refusal(onboarding.onboardUser(request, { headers }))).code).toBe(Code.AlreadyExists);
    expect((await users.getUserInfo({}, { headers })).user?.email).toBe(NEWCOMER.email);
    const ping = createClient(PingService, grpc(standIn.url));
    const at = (domain = '') => ping.ping({ id: '01H000000' }, { headers: { ...headers, 'x-tenant-id': domain } });
    expect((await at(tenant?.domain)).id).toBe('01H000000');
    expect((await refusal(at(standIn.tenantId))).code).toBe(Code.PermissionDenied);
  });
});

describe('tenants', () => {
  it('list who may enter them, and keep their keys and sessions apart', async () => {
    const standIn = await start();
    const tenants = createClient(TenantService, grpc(standIn.url));
    const { accesses } = await tenants.listUsersAccess({ pagination: { pageSize: 1 } }, withToken(standIn));
    expect(accesses).toHaveLength(1);
    const onboarding = createClient(OnboardingService, grpc(standIn.url));
    const { accessToken } = standIn;
    const { tenant } = await onboarding.onboardUser(
      { name: 'x', organizationName: 'x', organizationDomain: 'second.example' },
      withToken(standIn),
    );
    const second = { headers: { authorization: accessToken, 'x-tenant-id': tenant?.domain ?? '' } };
    const keys = createClient(ApiKeyService, grpc(standIn.url));
    expect((await keys.listApiKeys({}, second)).keys).toEqual([]);
    const ping = createClient(PingService, grpc(standIn.url));
    const foreign = { headers: { authorization: standIn.apiKey, 'x-tenant-id': tenant?.domain ?? '' } };
    expect((await refusal(ping.ping({ id: '01H000000' }, foreign))).code).toBe(Code.Unauthenticated);
    const tool = createClient(ToolService, grpc(standIn.url));
    const { toolSession } = await tool.createToolSession({ toolName: 't', toolVersion: '1', projectName: 'p' }, second);
    const theirs = tool.completeToolSession({ toolSession: toolSession ?? {} }, withKey(standIn));
    expect((await refusal(theirs)).code).toBe(Code.NotFound);
  });

  it.each([
    ['gRPC', grpc],
    ['Connect JSON', json],
  ])('without an entitlement are told so in typed details over %s', async (_, transport) => {
    const standIn = await start();
    await change(standIn, { tenant: { features: ['SQL_QUERY'] } });
    const tool = createClient(ToolService, transport(standIn.url));
    const error = await refusal(tool.createToolSession({ toolName: 't', toolVersion: '1', projectName: 'p' }, withKey(standIn)));
    expect([error.code, error.rawMessage]).toEqual([Code.PermissionDenied, 'service execution failed']);
    expect(error.findDetails(ErrorInfoSchema)[0]).toMatchObject({
      reason: 'entitlement_not_available',
      metadata: { reason: 'feature_not_available' },
    });
    const { entitlements } = await tool.getEntitlementsForTool({}, withKey(standIn));
    expect(entitlements).toHaveLength(1);
  });

  it('have SafeDep’s own detail of an error beside it in JSON, where it needs no field numbers', async () => {
    const standIn = await start();
    await change(standIn, { tenant: { features: [] } });
    const response = await fetch(`${standIn.url}/safedep.services.threatintel.v1.ThreatIntelService/ListPackageReports`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...withKey(standIn).headers },
      body: '{}',
    });
    expect(await response.json()).toMatchObject({
      code: 'permission_denied',
      details: [
        { type: 'google.rpc.ErrorInfo' },
        { type: 'safedep.messages.error.v1.ErrorDetail', debug: { reason: 'ERROR_REASON_ENTITLEMENT_NOT_AVAILABLE' } },
      ],
    });
  });

  it('are refused further calls when an allowance is used up, and told when to come again', async () => {
    const standIn = await start();
    await change(standIn, { tenant: { quotas: { QueryPackageAnalysis: 1 } } });
    const malysis = createClient(MalwareAnalysisService, grpc(standIn.url));
    const target = { packageVersion: { package: { ecosystem: Ecosystem.NPM, name: 'any' }, version: '1.0.0' } };
    await malysis.queryPackageAnalysis({ target }, withKey(standIn));
    const error = await refusal(malysis.queryPackageAnalysis({ target }, withKey(standIn)));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.findDetails(ErrorInfoSchema)[0]).toMatchObject({ reason: 'quota_exceeded', metadata: { reason: 'limit_reached' } });
    expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds).toBeGreaterThan(0n);
    await change(standIn, { tenant: { quotas: { QueryPackageAnalysis: 'none' } } });
    expect((await malysis.queryPackageAnalysis({ target }, withKey(standIn))).analysisId).not.toBe('');
  });
});

describe('API keys', () => {
  it('are listed by name, page by page, without the key itself, and the expired ones only where asked for', async () => {
    const standIn = await start();
    const keys = createClient(ApiKeyService, grpc(standIn.url));
    for (const name of ['robot one', 'robot two', 'robot three']) await keys.createApiKey({ name, expiryDays: 1 }, withToken(standIn));
    const names: string[] = [];
    let pageToken = '';
    const tokens = new Set<string>();
    do {
      const page = await keys.listApiKeys({ filter: { name: 'robot' }, pagination: { pageSize: 2, pageToken } }, withToken(standIn));
      for (const key of page.keys) expect(Object.values(key).join()).not.toContain('sfd_');
      names.push(...page.keys.map(({ name }) => name));
      pageToken = page.pagination?.nextPageToken ?? '';
      expect(tokens.has(pageToken)).toBe(false);
      tokens.add(pageToken);
    } while (pageToken !== '');
    expect(names).toEqual(['robot one', 'robot two', 'robot three']);
    await change(standIn, { expireKeys: 'robot two' });
    const listed = async (includeExpired: boolean) =>
      (await keys.listApiKeys({ filter: { includeExpired } }, withToken(standIn))).keys.map(({ name }) => name);
    expect(await listed(false)).toEqual(['first', 'robot one', 'robot three']);
    expect(await listed(true)).toHaveLength(4);
    const wrong = keys.listApiKeys({ pagination: { pageToken: 'made-up-token' } }, withToken(standIn));
    expect((await refusal(wrong)).code).toBe(Code.InvalidArgument);
  });

  it('open nothing once they expired', async () => {
    const standIn = await start();
    const ping = createClient(PingService, grpc(standIn.url));
    expect((await ping.ping({ id: '01H000000' }, withKey(standIn))).id).toBe('01H000000');
    await change(standIn, { expireKeys: 'all' });
    expect((await refusal(ping.ping({ id: '01H000000' }, withKey(standIn)))).rawMessage).toBe(
      'Token auth failed: No user: record not found',
    );
  });
});

describe('the threat feed', () => {
  const ascending = { pageSize: 2, sortOrder: SortOrder.ASCENDING };
  const report = (id: string, more: object = {}) => ({ report: { id, ecosystem: 'NPM', name: id, ...more } });

  it('begins strictly behind the cursor, in ascending order, page by page, unchanged while it is read', async () => {
    const standIn = await start();
    const feed = createClient(ThreatIntelService, json(standIn.url));
    for (const id of ['a', 'b', 'c', 'd', 'e']) await change(standIn, report(id));
    const all = (await feed.listPackageReports({ pagination: { sortOrder: SortOrder.ASCENDING } }, withKey(standIn))).packageReports;
    expect(all.map(({ reportId }) => reportId)).toEqual(['a', 'b', 'c', 'd', 'e']);
    const since = all[0]?.updatedAt;
    if (since === undefined) throw new Error('a report without a time');
    const seen: string[] = [];
    let pageToken = '';
    do {
      const page = await feed.listPackageReports({ filters: { since }, pagination: { ...ascending, pageToken } }, withKey(standIn));
      // Delivered again while the pages are read: it comes with the next cursor, and pushes nothing out of this one.
      await change(standIn, report('b', { verdict: 'suspicious' }));
      seen.push(...page.packageReports.map(({ reportId }) => reportId));
      pageToken = page.pagination?.nextPageToken ?? '';
    } while (pageToken !== '');
    expect(seen).toEqual(['b', 'c', 'd', 'e']);
    const newest = await feed.listPackageReports({ pagination: { pageSize: 1 } }, withKey(standIn));
    expect(newest.packageReports.map(({ reportId }) => reportId)).toEqual(['b']);
  });

  it('delivers a report again when it is withdrawn, with its verdict', async () => {
    const standIn = await start();
    const feed = createClient(ThreatIntelService, json(standIn.url));
    await change(standIn, report('a', { versions: ['1.0.0'], verified: true }));
    const list = async (since = timestampFromMs(0)) =>
      (await feed.listPackageReports({ filters: { since }, pagination: ascending }, withKey(standIn))).packageReports;
    const [first] = await list();
    expect(first).toMatchObject({
      package: { ecosystem: Ecosystem.NPM, versions: ['1.0.0'] },
      confidence: 'THREAT_CONFIDENCE_HUMAN_VERIFIED',
      withdrawn: false,
    });
    expect(await list(first?.updatedAt)).toEqual([]);
    await change(standIn, report('a', { withdrawn: true }));
    expect(await list(first?.updatedAt)).toMatchObject([{ reportId: 'a', verdict: 'THREAT_VERDICT_MALICIOUS', withdrawn: true }]);
  });

  it('is served as JSON only, because its field numbers are not known', async () => {
    const standIn = await start();
    const binary = createClient(ThreatIntelService, grpc(standIn.url)).listPackageReports({}, withKey(standIn));
    expect((await refusal(binary)).code).toBe(Code.Unimplemented);
  });
});

describe('a report session', () => {
  it('takes a package twice as one, and nothing once it is completed', async () => {
    const standIn = await start();
    const tool = createClient(ToolService, grpc(standIn.url));
    const { toolSession = {} } = await tool.createToolSession({ toolName: 't', toolVersion: '1', projectName: 'p' }, withKey(standIn));
    const subject = {
      toolSession,
      manifest: { name: 'package-lock.json' },
      packageVersion: { package: { ecosystem: Ecosystem.NPM, name: 'lodash' }, version: '4.17.21' },
    };
    const violation = { ...subject, violation: { rule: { name: 'r', value: 'v' } } };
    for (let i = 0; i < 2; i++) {
      await tool.publishPackageInsight({ ...subject, packageVersionInsight: {} }, withKey(standIn));
      await tool.publishPolicyViolation(violation, withKey(standIn));
    }
    const [kept] = standIn.sessions();
    expect([kept?.components.size, kept?.violated.size, kept?.insights.length]).toEqual([1, 1, 2]);
    await tool.completeToolSession({ toolSession, status: Status.ERROR }, withKey(standIn));
    expect(standIn.sessions()[0]?.status).toBe(Status.ERROR);
    expect((await refusal(tool.publishPolicyViolation(violation, withKey(standIn)))).code).toBe(Code.FailedPrecondition);
    const unknown = { ...violation, toolSession: { toolSessionId: '01H00000000000000000000000' } };
    expect((await refusal(tool.publishPolicyViolation(unknown, withKey(standIn)))).code).toBe(Code.NotFound);
  });
});
