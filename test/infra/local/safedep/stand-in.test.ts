import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { compressionGzip, createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { afterEach, describe, expect, it } from 'vitest';
import { Ecosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import { ApiKeyService } from '#safedep-api/safedep/services/controltower/v1/api_key_pb.js';
import { PingService } from '#safedep-api/safedep/services/controltower/v1/ping_pb.js';
import { QueryService } from '#safedep-api/safedep/services/controltower/v1/query_pb.js';
import { ToolService } from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { UserService } from '#safedep-api/safedep/services/controltower/v1/user_pb.js';
import { InsightService } from '#safedep-api/safedep/services/insights/v2/insights_pb.js';
import { AnalysisStatus, MalwareAnalysisService } from '#safedep-api/safedep/services/malysis/v1/malysis_pb.js';
import { type SafeDepStandIn, type StandInOptions, startSafeDepStandIn } from '../../../../infra/local/safedep/stand-in.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(options: StandInOptions = {}): Promise<SafeDepStandIn> {
  const standIn = await startSafeDepStandIn(options);
  ends.push(() => standIn.close());
  return standIn;
}

const version = (name: string, versionText = '1.0.0', ecosystem = Ecosystem.NPM) => ({
  packageVersion: { package: { ecosystem, name }, version: versionText },
});
const LODASH = version('lodash', '4.17.21');

const withKey = ({ apiKey, tenantId }: SafeDepStandIn) => ({ headers: { authorization: apiKey, 'x-tenant-id': tenantId } });
const withToken = ({ accessToken, tenantId }: SafeDepStandIn) => ({ headers: { authorization: accessToken, 'x-tenant-id': tenantId } });

const grpc = (baseUrl: string) => createGrpcTransport({ baseUrl });

async function refusal(call: Promise<unknown>): Promise<[Code, string]> {
  const error = await call.then(
    () => new Error('the call was answered'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConnectError)) throw error;
  return [error.code, error.rawMessage];
}

const NO_USER = [Code.Unauthenticated, 'Token auth failed: No user: record not found'];
const NO_TENANT = [Code.Unknown, 'failed to resolve tenant: record not found'];

describe('one port', () => {
  it.each([
    ['gRPC over HTTP/2', (baseUrl: string) => createGrpcTransport({ baseUrl })],
    ['Connect binary over HTTP/2', (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: '2' })],
    ['Connect JSON over HTTP/2', (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: false })],
    ['Connect binary over HTTP/1.1', (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: '1.1' })],
    ['Connect JSON over HTTP/1.1', (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false })],
    ['gRPC-web over HTTP/1.1', (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })],
    [
      'compressed gRPC over HTTP/2',
      (baseUrl: string) => createGrpcTransport({ baseUrl, sendCompression: compressionGzip, compressMinBytes: 0 }),
    ],
    [
      'compressed Connect over HTTP/1.1',
      (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: '1.1', sendCompression: compressionGzip, compressMinBytes: 0 }),
    ],
  ])('serves %s', async (_, transportOf) => {
    const standIn = await start();
    const insights = createClient(InsightService, transportOf(standIn.url));
    const response = await insights.getPackageVersionInsight(version('minimist', '1.2.0'), withKey(standIn));
    expect(response.packageVersion).toMatchObject(version('minimist', '1.2.0').packageVersion);
    expect(response.insight?.vulnerabilities.map(({ id }) => id?.value)).toEqual(['GHSA-made-up01-0001', 'GHSA-made-up01-0002']);
    expect(await refusal(insights.getPackageVersionInsight(LODASH, { headers: { authorization: 'sfd_wrong' } }))).toEqual(NO_USER);
    expect(await refusal(insights.getPackageVersionInsight({}, withKey(standIn)))).toEqual([
      Code.InvalidArgument,
      'package_version: value is required',
    ]);
  });

  it('sends the status of a refused gRPC call as trailers, where every client looks for it', async () => {
    const standIn = await start();
    const session = http2.connect(standIn.url);
    ends.push(() => session.destroy());
    const stream = session.request({
      ':path': '/safedep.services.controltower.v1.PingService/Ping',
      ':method': 'POST',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.end(Buffer.from([0, 0, 0, 0, 0]));
    const [headers, trailers] = await Promise.all([once(stream, 'response'), once(stream, 'trailers')]);
    expect(headers[0]).toMatchObject({ ':status': 200, 'content-type': 'application/grpc' });
    expect(trailers[0]).toMatchObject({ 'grpc-status': '16', 'grpc-message': encodeURIComponent(String(NO_USER[1])) });
  });

  it('takes JSON in snake case without any Connect header, and answers in camel case', async () => {
    const standIn = await start();
    const response = await fetch(`${standIn.url}/safedep.services.insights.v2.InsightService/GetPackageVersionInsight`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        package_version: { package: { ecosystem: 'ECOSYSTEM_NPM', name: 'ms' }, version: '2.1.3' },
        newer_field: true,
      }),
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      packageVersion: { package: { ecosystem: 'ECOSYSTEM_NPM', name: 'ms' }, version: '2.1.3' },
      insight: { vulnerabilities: [{ id: { type: 'VULNERABILITY_IDENTIFIER_TYPE_OSV' } }] },
    });
  });

  it('answers errors in Connect’s form, with its HTTP status', async () => {
    const standIn = await start();
    const response = await fetch(`${standIn.url}/safedep.services.malysis.v1.MalwareAnalysisService/QueryPackageAnalysis`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'sfd_wrong' },
      body: '{}',
    });
    expect(response.status).toBe(401);
    expect(await response.json()).toEqual({ code: 'unauthenticated', message: NO_USER[1] });
  });

  it('tells HTTP/2 from HTTP/1.1 when the first bytes come one by one', async () => {
    const standIn = await start();
    const port = Number(new URL(standIn.url).port);
    const slowly = net.connect(port, '127.0.0.1');
    ends.push(() => slowly.destroy());
    const session = http2.connect(standIn.url, {
      createConnection: () => {
        const write = slowly.write.bind(slowly);
        let queue = Promise.resolve();
        slowly.write = (chunk: Uint8Array) => {
          for (const byte of chunk.subarray(0, 30))
            queue = queue.then(() => new Promise((resolve) => write(Buffer.of(byte), () => setImmediate(resolve))));
          const rest = chunk.subarray(30);
          if (rest.length > 0) queue = queue.then(() => void write(rest));
          return true;
        };
        return slowly;
      },
    });
    ends.push(() => session.destroy());
    const stream = session.request({ ':path': '/nothing', ':method': 'POST' });
    const status = await new Promise((resolve, reject) => {
      stream.on('response', (headers) => resolve(headers[':status']));
      session.on('error', reject);
    });
    expect(status).toBe(404);

    const plain = net.connect(port, '127.0.0.1');
    ends.push(() => plain.destroy());
    for (const part of ['P', 'OST /nothing HTTP/1.1\r\nhost: x\r\ncontent-', 'length: 0\r\n\r\n']) {
      plain.write(part);
      await new Promise(setImmediate);
    }
    const answer = await new Promise<string>((resolve) => plain.once('data', (data) => resolve(data.toString())));
    expect(answer).toMatch(/^HTTP\/1.1 404/);
  });

  it('refuses a port that is taken, in a sentence', async () => {
    const standIn = await start();
    await expect(startSafeDepStandIn({ port: Number(new URL(standIn.url).port) })).rejects.toThrow(/is in use/);
  });
});

describe('credentials', () => {
  it('take an API key or a JWT with the tenant on the data plane', async () => {
    const standIn = await start();
    const ping = createClient(PingService, grpc(standIn.url));
    for (const options of [withKey(standIn), withToken(standIn)])
      expect((await ping.ping({ id: '01H000000' }, options)).id).toBe('01H000000');
    expect(await refusal(ping.ping({ id: '01H000000' }))).toEqual(NO_USER);
    expect(await refusal(ping.ping({ id: '01H000000' }, { headers: { authorization: standIn.apiKey } }))).toEqual(NO_TENANT);
    const bearer = { headers: { authorization: `Bearer ${standIn.apiKey}`, 'x-tenant-id': standIn.tenantId } };
    expect(await refusal(ping.ping({ id: '01H000000' }, bearer))).toEqual(NO_USER);
  });

  it('refuse a JWT that is expired, for another audience, or signed by somebody else', async () => {
    const standIn = await start();
    const other = await start();
    const ping = createClient(PingService, grpc(standIn.url));
    const nowSeconds = Date.now() / 1000;
    const call = (authorization: string) => ping.ping({ id: '01H000000' }, { headers: { authorization, 'x-tenant-id': standIn.tenantId } });
    expect((await call(standIn.issueToken(nowSeconds + 60))).id).toBe('01H000000');
    for (const token of [
      standIn.issueToken(nowSeconds - 60),
      standIn.issueToken(nowSeconds + 60, 'https://other.example'),
      other.accessToken,
      'a.b.c',
    ]) {
      expect(await refusal(call(token))).toEqual(NO_USER);
    }
  });

  it('of the control plane are JWTs only; who one is needs no tenant', async () => {
    const standIn = await start();
    const user = createClient(UserService, grpc(standIn.url));
    const info = await user.getUserInfo({}, { headers: { authorization: standIn.accessToken } });
    expect(info.access.map(({ tenant }) => tenant?.domain)).toEqual([standIn.tenantId]);
    expect((await refusal(user.getUserInfo({}, withKey(standIn))))[0]).toBe(Code.Unauthenticated);
    const query = createClient(QueryService, grpc(standIn.url));
    expect((await refusal(query.getSqlSchema({}, withKey(standIn))))[0]).toBe(Code.Unauthenticated);
  });

  it('are not needed for look-ups, which then know no exclusions', async () => {
    const standIn = await start();
    const malysis = createClient(MalwareAnalysisService, grpc(standIn.url));
    const target = version('stub-excluded');
    const withoutKey = await malysis.queryPackageAnalysis({ target }, { headers: { 'x-tenant-id': standIn.tenantId } });
    expect(withoutKey.report?.inference?.isMalware).toBe(true);
    expect(withoutKey.maliciousPackageExclusion).toBeUndefined();
    expect((await malysis.queryPackageAnalysis({ target }, withKey(standIn))).maliciousPackageExclusion?.reason).toMatch(/^made up: /);
  });

  it('can be made, listed and deleted', async () => {
    const standIn = await start();
    const keys = createClient(ApiKeyService, grpc(standIn.url));
    const ping = createClient(PingService, grpc(standIn.url));
    const made = await keys.createApiKey({ name: 'made in a test', expiryDays: 30 }, withToken(standIn));
    const withMade = { headers: { authorization: made.key, 'x-tenant-id': standIn.tenantId } };
    expect((await ping.ping({ id: '01H000000' }, withMade)).id).toBe('01H000000');
    expect((await keys.listApiKeys({}, withToken(standIn))).keys).toMatchObject([
      { name: 'first' },
      { keyId: made.keyId, name: 'made in a test', expiresAt: made.expiresAt },
    ]);
    await keys.deleteApiKey({ keyId: made.keyId }, withToken(standIn));
    expect(await refusal(ping.ping({ id: '01H000000' }, withMade))).toEqual(NO_USER);
    expect((await refusal(keys.deleteApiKey({ keyId: made.keyId }, withToken(standIn))))[0]).toBe(Code.NotFound);
  });
});

describe('strict planes', () => {
  it('serve on each port what that host serves, to whom it serves it', async () => {
    const standIn = await start({ strictPlanes: true });
    expect(new Set([standIn.url, standIn.controlPlaneUrl, standIn.communityUrl]).size).toBe(3);
    const insightsAt = (url: string) => createClient(InsightService, grpc(url));
    const usersAt = (url: string) => createClient(UserService, grpc(url));

    expect((await insightsAt(standIn.url).getPackageVersionInsight(LODASH, withKey(standIn))).insight).toBeDefined();
    expect((await insightsAt(standIn.url).getPackageVersionInsight(LODASH, withToken(standIn))).insight).toBeDefined();
    expect(await refusal(insightsAt(standIn.url).getPackageVersionInsight(LODASH))).toEqual(NO_USER);
    expect((await insightsAt(standIn.communityUrl).getPackageVersionInsight(LODASH)).insight).toBeDefined();
    expect((await usersAt(standIn.controlPlaneUrl).getUserInfo({}, withToken(standIn))).user).toBeDefined();

    const ping = createClient(PingService, grpc(standIn.controlPlaneUrl));
    expect((await refusal(ping.ping({ id: '01H000000' }, withKey(standIn))))[0]).toBe(Code.Unauthenticated);
    for (const elsewhere of [
      insightsAt(standIn.controlPlaneUrl).getPackageVersionInsight(LODASH, withToken(standIn)),
      usersAt(standIn.url).getUserInfo({}, withToken(standIn)),
      createClient(ToolService, grpc(standIn.communityUrl)).getEntitlementsForTool({}),
    ]) {
      expect((await refusal(elsewhere))[0]).toBe(Code.Unimplemented);
    }
  });
});

describe('the limit', () => {
  it('refuses the calls of a credential above it, and counts what came', async () => {
    const standIn = await start({ limitPerSecond: 20, communityLimitPerSecond: 5 });
    const insights = createClient(InsightService, grpc(standIn.url));
    const codesOf = async (count: number, options?: ReturnType<typeof withKey>) => {
      const calls = Array.from({ length: count }, () => insights.getPackageVersionInsight(LODASH, options));
      const results = await Promise.allSettled(calls);
      return results.filter((result) => result.status === 'rejected').map(({ reason }) => [reason.code, reason.rawMessage]);
    };
    const refused = await codesOf(30, withKey(standIn));
    expect(refused).toEqual(Array(10).fill([Code.ResourceExhausted, 'rate limit exceeded']));
    expect(await codesOf(7)).toHaveLength(2);
    expect(await codesOf(1, withToken(standIn))).toEqual([]);
    expect(standIn.calls()).toMatchObject({
      total: 38,
      maxInAnySecond: 30,
      byMethod: { 'InsightService/GetPackageVersionInsight': 38 },
      maxCallsPerPackageVersion: 26,
    });
    standIn.resetCalls();
    expect(standIn.calls()).toMatchObject({ total: 0, maxInAnySecond: 0, byMethod: {}, distinctPackageVersions: 0 });
  });
});

describe('the facts', () => {
  it('show every kind of malware answer', async () => {
    const standIn = await start();
    const malysis = createClient(MalwareAnalysisService, grpc(standIn.url));
    const answerTo = (name: string) => malysis.queryPackageAnalysis({ target: version(name, '0.1.3') }, withKey(standIn));
    expect((await answerTo('safedep-test-pkg')).verificationRecord).toMatchObject({
      isMalware: true,
      purl: 'pkg:npm/safedep-test-pkg@0.1.3',
    });
    expect((await answerTo('stub-verified-safe')).verificationRecord?.isSafe).toBe(true);
    const suspicious = await answerTo('stub-suspicious');
    expect([suspicious.report?.inference?.isMalware, suspicious.verificationRecord]).toEqual([true, undefined]);
    const pending = await answerTo('stub-pending');
    expect([pending.status, pending.report]).toEqual([AnalysisStatus.IN_PROGRESS, undefined]);
    expect((await refusal(answerTo('stub-not-analysed')))[0]).toBe(Code.NotFound);
    const benign = await answerTo('any-other');
    expect([benign.status, benign.report?.inference?.isMalware]).toEqual([AnalysisStatus.COMPLETED, false]);
  });

  it('are the same at every start, found under folded PyPI names, and not for other ecosystems', async () => {
    const [first, second] = [await start(), await start()];
    const insightAt = (standIn: SafeDepStandIn, request: ReturnType<typeof version>) =>
      createClient(InsightService, grpc(standIn.url)).getPackageVersionInsight(request, withKey(standIn));
    const some = version('some-package', '3.2.1');
    expect(await insightAt(first, some)).toEqual(await insightAt(second, some));
    const folded = await insightAt(first, version('Jinja2', '3.0.0', Ecosystem.PYPI));
    expect(folded.packageVersion?.package?.name).toBe('jinja2');
    expect(folded.insight?.vulnerabilities).toHaveLength(1);
    const insights = createClient(InsightService, grpc(first.url));
    const other = insights.getPackageVersionInsight(version('x', '1', Ecosystem.TERRAFORM), withKey(first));
    expect((await refusal(other))[0]).toBe(Code.NotFound);
  });

  it('can be changed while it runs, and always say that they are made up', async () => {
    const standIn = await start();
    const insights = createClient(InsightService, grpc(standIn.url));
    const summaries = async () => {
      const { insight } = await insights.getPackageVersionInsight(LODASH, withKey(standIn));
      return insight?.vulnerabilities.map(({ summary }) => summary);
    };
    expect(await summaries()).toEqual([]);
    const lodash = { ecosystem: 'NPM', name: 'lodash', version: '4.17.21' } as const;
    standIn.setAnswer(lodash, { vulnerabilities: [{ id: 'X-1', severity: 'high', summary: 'bad' }] });
    expect(await summaries()).toEqual(['made up: bad']);
    expect(() => standIn.setAnswer(lodash, { malware: 'perhaps' as 'benign' })).toThrow(/lodash/);
  });

  it('of a scenario win over those that come with the stand-in', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'safedep-facts-'));
    ends.push(() => rm(folder, { recursive: true }));
    const file = join(folder, 'facts.json');
    await writeFile(
      file,
      JSON.stringify({ packages: { 'NPM/minimist@*': { malware: 'suspicious' }, 'NPM/minimist@1.2.0': { malware: 'verified' } } }),
    );
    const standIn = await start({ scenarioFile: file });
    const malysis = createClient(MalwareAnalysisService, grpc(standIn.url));
    const verified = async (versionText: string) =>
      (await malysis.queryPackageAnalysis({ target: version('minimist', versionText) }, withKey(standIn))).verificationRecord?.isMalware;
    expect([await verified('1.2.0'), await verified('1.2.8')]).toEqual([true, undefined]);
  });
});

describe('vet’s ways', () => {
  it('pass by default and are refused where validation is strict', async () => {
    const session = { toolName: 'vet', toolVersion: 'v1.12.0', projectName: 'demo/repo', projectVersion: '' };
    const lenient = await start();
    const tool = createClient(ToolService, grpc(lenient.url));
    const { toolSession } = await tool.createToolSession(session, withKey(lenient));
    expect(toolSession?.toolSessionId).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
    const subject = {
      toolSession: toolSession ?? {},
      manifest: { ecosystem: Ecosystem.NPM, name: 'package-lock.json', namespace: '.' },
      ...LODASH,
    };
    await tool.publishPolicyViolation({ ...subject, violation: { rule: { name: 'malware', value: '' } } }, withKey(lenient));
    expect(lenient.sessions()[0]?.violations).toHaveLength(1);

    const strict = await start({ strictValidation: true });
    const strictTool = createClient(ToolService, grpc(strict.url));
    const [code, message] = await refusal(strictTool.createToolSession(session, withKey(strict)));
    expect([code, message]).toEqual([Code.InvalidArgument, expect.stringContaining('project_version')]);
    const ping = createClient(PingService, grpc(strict.url));
    expect((await refusal(ping.ping({ id: 'short' }, withKey(strict))))[0]).toBe(Code.InvalidArgument);
  });
});

describe('a fault', () => {
  it('ends by itself and may be for one method only', async () => {
    const standIn = await start();
    const insights = createClient(InsightService, grpc(standIn.url));
    const malysis = createClient(MalwareAnalysisService, grpc(standIn.url));
    standIn.setFault({ kind: 'unavailable', method: 'QueryPackageAnalysis' });
    expect((await insights.getPackageVersionInsight(LODASH, withKey(standIn))).insight).toBeDefined();
    expect((await refusal(malysis.queryPackageAnalysis({ target: LODASH }, withKey(standIn))))[0]).toBe(Code.Unavailable);
    standIn.setFault({ kind: 'http-503', forMs: 0 });
    expect((await malysis.queryPackageAnalysis({ target: LODASH }, withKey(standIn))).status).toBe(AnalysisStatus.COMPLETED);
  });
});
