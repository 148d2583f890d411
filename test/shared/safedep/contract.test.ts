import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ecosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../../infra/local/safedep/stand-in.ts';
import type { PackageVersion } from '../../../shared/model/package-version.ts';
import type { CallResult, Credential } from '../../../shared/safedep/calls.ts';
import { type ControlPlaneClient, createControlPlaneClient } from '../../../shared/safedep/control-plane-client.ts';
import { createDataPlaneClient, type DataPlaneClient } from '../../../shared/safedep/data-plane-client.ts';
import { ping } from '../../../shared/safedep/ping-client.ts';
import { createReportSessionClient, type ReportSessionClient } from '../../../shared/safedep/report-session-client.ts';
import { createThreatFeedClient, type ThreatFeedClient } from '../../../shared/safedep/threat-feed-client.ts';
import { TRANSPORT_KINDS } from '../../../shared/safedep/transport.ts';

const LODASH: PackageVersion = { ecosystem: 'NPM', name: 'lodash', version: '4.17.21' };
const UNKNOWN: PackageVersion = { ecosystem: 'NPM', name: 'stub-not-analysed', version: '1.0.0' };
const SUBJECT = {
  manifest: { ecosystem: Ecosystem.NPM, name: 'package-lock.json', namespace: '.' },
  packageVersion: { package: { ecosystem: Ecosystem.NPM, name: 'lodash' }, version: '4.17.21' },
};
const SESSION = { toolName: 'safedep-watch', toolVersion: '1', projectName: 'contract/repo', gitSha: 'a'.repeat(40) };
const RULE = { name: 'vulnerability', value: 'critical' };
const LONG_AGO = '2000-01-01T00:00:00Z';

function answerOf<R>(result: CallResult<R>): R {
  if (result.kind !== 'answered') throw new Error(`${result.kind}: ${result.reason}`);
  return result.response;
}

/** The whole contract, once for each way to travel: same methods, same answers, same errors. */
describe.each(TRANSPORT_KINDS)('both planes over %s', (transport) => {
  let standIn: SafeDepStandIn;
  let key: Credential;
  let token: Credential;
  const ends: (() => void)[] = [];
  beforeAll(async () => {
    standIn = await startSafeDepStandIn({ strictPlanes: true, strictValidation: true, controlLimitPerSecond: 'none' });
    key = { authorization: standIn.apiKey, tenantId: standIn.tenantId };
    token = { authorization: standIn.accessToken, tenantId: standIn.tenantId };
  });
  afterAll(async () => {
    for (const end of ends) end();
    await standIn.close();
  });

  const common = (credential: Credential) => ({
    transport,
    credential: async () => credential,
    onFallback: (sentence: string) => {
      throw new Error(`an unexpected fallback: ${sentence}`);
    },
  });
  function closing<C extends { close(): void }>(client: C): C {
    ends.push(() => client.close());
    return client;
  }
  const dataPlane = (credential = key, baseUrl = standIn.url): DataPlaneClient =>
    closing(createDataPlaneClient({ ...common(credential), baseUrl }));
  const controlPlane = (credential = token): ControlPlaneClient =>
    closing(createControlPlaneClient({ ...common(credential), baseUrl: standIn.controlPlaneUrl, takePermit: async () => {} }));
  const reports = (credential = token): ReportSessionClient =>
    closing(createReportSessionClient({ ...common(credential), baseUrl: standIn.url }));
  const feed = (credential = key): ThreatFeedClient => closing(createThreatFeedClient({ ...common(credential), baseUrl: standIn.url }));
  const pingOf = (baseUrl: string, credential: Credential) =>
    ping({ baseUrl, transport, credential: async () => credential, deadlineMs: 3_000 });

  it('answers look-ups to a key, to a token and to nobody on the community host', async () => {
    for (const client of [dataPlane(key), dataPlane(token), dataPlane({ authorization: '', tenantId: '' }, standIn.communityUrl)]) {
      expect(answerOf((await client.getInsight(LODASH)) as CallResult<unknown>)).toHaveProperty('insight');
      expect(answerOf((await client.queryMalware(LODASH)) as CallResult<unknown>)).toHaveProperty('analysisId');
      expect(await client.getInsight(UNKNOWN)).toMatchObject({ kind: 'not-analysed', errorClass: 'not-analysed', code: 'NotFound' });
    }
  });

  it('answers pings on both planes and refuses an API key on the control plane', async () => {
    expect(await pingOf(standIn.url, key)).toBeUndefined();
    expect(await pingOf(standIn.url, token)).toBeUndefined();
    expect(await controlPlane().ping()).toEqual({ kind: 'answered', response: undefined });
    expect(await controlPlane(key).ping()).toMatchObject({
      kind: 'credentials',
      errorClass: 'sign-in',
      reason: expect.stringMatching(/takes a sign-in, not an API key.*auth login/),
    });
  });

  it('says who the user is, what the tenant may do and who may enter it', async () => {
    const { email, access } = answerOf(await controlPlane().getUserInfo());
    expect(access).toContainEqual({ tenantId: standIn.tenantId, level: expect.stringMatching(/^(OWNER|ADMIN)$/) });
    expect(answerOf(await controlPlane().listUsersAccess()).map((user) => user.email)).toContain(email);
    expect(answerOf(await reports().getEntitlementsForTool()).map(({ feature }) => feature)).toEqual(
      expect.arrayContaining(['TOOL_SYNC', 'SQL_QUERY']),
    );
  });

  it('onboards a tenant once', async () => {
    const onboarding = { email: 'a@b.example', name: 'A', organizationName: 'B', organizationDomain: `${transport}.contract.example` };
    expect(answerOf(await controlPlane().onboardUser(onboarding)).tenantId).toContain('contract.example');
    expect(await controlPlane().onboardUser(onboarding)).toMatchObject({ kind: 'refused', code: 'AlreadyExists' });
  });

  it('makes a key that opens the data plane until it is deleted', async () => {
    const client = controlPlane();
    const { keyId, key: made, expiresAtMs = 0 } = answerOf(await client.createApiKey({ name: 'contract', expiryDays: 1 }));
    expect(expiresAtMs).toBeGreaterThan(Date.now());
    const opened = dataPlane({ authorization: made, tenantId: standIn.tenantId });
    expect(await opened.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    expect(answerOf(await client.listApiKeys()).find((each) => each.keyId === keyId)).toMatchObject({ name: 'contract', expiresAtMs });
    expect(await client.deleteApiKey(keyId)).toMatchObject({ kind: 'answered' });
    expect(await opened.getInsight(LODASH)).toMatchObject({ kind: 'credentials', errorClass: 'sign-in', code: 'Unauthenticated' });
    expect(await client.deleteApiKey(keyId)).toMatchObject({ kind: 'refused', errorClass: 'not-found', code: 'NotFound' });
  });

  it('takes a report, shows it by SQL and refuses more of it once it is complete', async () => {
    const client = reports();
    const { toolSessionId } = answerOf(await client.createToolSession({ ...SESSION, projectName: `contract/${transport}` }));
    answerOf(await client.publishPackageInsight(toolSessionId, { ...SUBJECT, packageVersionInsight: {} }));
    answerOf(await client.publishPolicyViolation(toolSessionId, { ...SUBJECT, violation: { rule: RULE } }));
    answerOf(await client.completeToolSession(toolSessionId, 'success'));
    expect(await client.publishPackageInsight(toolSessionId, { ...SUBJECT, packageVersionInsight: {} })).toMatchObject({
      kind: 'refused',
      code: 'FailedPrecondition',
    });
    expect(await client.completeToolSession('unknown', 'success')).toMatchObject({ kind: 'not-analysed', errorClass: 'not-found' });

    const sql = controlPlane();
    const schema = answerOf(await sql.getSqlSchema());
    expect(schema.version).toBe(2);
    expect(schema.tables.map(({ name }) => name)).toContain('projects');
    const page = answerOf(
      await sql.queryBySql({ query: `SELECT projects.name FROM projects WHERE projects.name = 'contract/${transport}'` }),
    );
    expect(page).toMatchObject({ version: 2, columns: [{ type: 'STRING' }], nextPageToken: '' });
    expect(page.rows.flatMap((row) => Object.values(row))).toEqual([`contract/${transport}`]);
    expect(await sql.queryBySql({ query: 'SELEKT' })).toMatchObject({
      kind: 'refused',
      errorClass: 'fix-request',
      code: 'InvalidArgument',
    });
  });

  it('answers the threat feed', async () => {
    expect(answerOf(await feed().listPackageReports({ since: LONG_AGO }))).toMatchObject({ unreadable: [], nextPageToken: '' });
  });

  it('refuses what breaks a declared limit, naming the field', async () => {
    expect(await reports().createToolSession({ ...SESSION, projectVersion: '' })).toMatchObject({
      kind: 'refused',
      errorClass: 'fix-request',
      reason: expect.stringContaining('project_version'),
    });
  });

  it('tells a wrong credential from a wrong tenant on every client', async () => {
    const wrong = { authorization: 'sfd_wrong', tenantId: standIn.tenantId };
    const elsewhere = { authorization: standIn.accessToken, tenantId: 'other.example' };
    for (const [credential, code, reason] of [
      [wrong, 'Unauthenticated', /npm run cli -- /],
      [elsewhere, 'Unknown', /does not know the tenant.*auth whoami/],
    ] as const) {
      const expected = { kind: 'credentials', errorClass: 'sign-in', code, reason: expect.stringMatching(reason) };
      expect(await dataPlane(credential).getInsight(LODASH)).toMatchObject(expected);
      expect(await reports(credential).createToolSession(SESSION)).toMatchObject(expected);
      expect(await feed(credential).listPackageReports({ since: LONG_AGO })).toMatchObject(expected);
      expect(await controlPlane(credential).listApiKeys()).toMatchObject(expected);
      expect(await controlPlane(credential).queryBySql({ query: 'SELECT projects.name FROM projects' })).toMatchObject(expected);
      expect(await pingOf(standIn.url, credential)).toMatchObject(expected);
    }
  });

  it('makes results of what goes wrong, on every client', async () => {
    try {
      for (const [kind, expected] of [
        ['http-503', 'retry'],
        ['http-429', 'throttled'],
        ['unavailable', 'retry'],
        ['resource-exhausted', 'throttled'],
        ['internal', 'retry'],
        ['invalid-argument', 'refused'],
        ['reset', 'retry'],
      ] as const) {
        const calls = [
          async (client = dataPlane()) => [await client.getInsight(LODASH), await client.queryMalware(LODASH)],
          async (client = reports()) => [await client.createToolSession(SESSION), await client.getEntitlementsForTool()],
          async (client = feed()) => [await client.listPackageReports({ since: LONG_AGO })],
          async (client = controlPlane()) => [await client.getUserInfo(), await client.listApiKeys(), await client.ping()],
        ];
        standIn.setFault({ kind });
        for (const call of calls) for (const result of await call()) expect([kind, result.kind]).toEqual([kind, expected]);
      }
    } finally {
      standIn.setFault(undefined);
    }
  });
});
