import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FAULT_KINDS } from '../../../infra/local/safedep/faults.ts';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../../infra/local/safedep/stand-in.ts';
import type { PackageVersion } from '../../../shared/model/package-version.ts';
import { toAnswer } from '../../../shared/safedep/answer.ts';
import { type Credential, type CredentialSource, holdCredential } from '../../../shared/safedep/calls.ts';
import { createDataPlaneClient, type DataPlaneClient, type DataPlaneOptions } from '../../../shared/safedep/data-plane-client.ts';
import { TRANSPORT_KINDS } from '../../../shared/safedep/transport.ts';

const LODASH: PackageVersion = { ecosystem: 'NPM', name: 'lodash', version: '4.17.21' };

let standIn: SafeDepStandIn;
const clients: DataPlaneClient[] = [];

beforeAll(async () => {
  standIn = await startSafeDepStandIn({ limitPerSecond: 'none' });
});
afterEach(() => {
  standIn.setFault(undefined);
  for (const client of clients.splice(0)) client.close();
});
afterAll(() => standIn.close());

function own(): Credential {
  return { authorization: standIn.apiKey, tenantId: standIn.tenantId };
}

function clientWith(options: Partial<DataPlaneOptions>): DataPlaneClient {
  const client = createDataPlaneClient({
    baseUrl: standIn.url,
    transport: 'grpc',
    credential: async () => own(),
    onFallback: (sentence) => {
      throw new Error(`an unexpected fallback: ${sentence}`);
    },
    ...options,
  });
  clients.push(client);
  return client;
}

describe.each(TRANSPORT_KINDS)('over %s', (transport) => {
  it('answers both questions', async () => {
    const client = clientWith({ transport });
    await client.prepare();
    standIn.resetCalls();
    const malicious: PackageVersion = { ecosystem: 'NPM', name: 'safedep-test-pkg', version: '0.1.3' };
    const { checks, facts } = toAnswer(await client.getInsight(malicious), await client.queryMalware(malicious));
    expect(checks).toEqual({ vulnerabilities: { state: 'known' }, malware: { state: 'known' } });
    expect(facts.malware).toMatchObject({ verdict: 'malicious', title: expect.stringMatching(/^made up: /) });
    expect(standIn.calls()).toMatchObject({ total: 2, distinctPackageVersions: 1, maxCallsPerPackageVersion: 2 });
    expect(client.transportKind()).toBe(transport);
  });

  it('carries names that need care through', async () => {
    const client = clientWith({ transport });
    const names: PackageVersion[] = [
      { ecosystem: 'NPM', name: '@scope/ünïcode-名', version: '1.0.0-β+build' },
      { ecosystem: 'PYPI', name: 'Zope__Interface.X', version: '5' },
      { ecosystem: 'MAVEN', name: 'org.example:artifact', version: '1' },
    ];
    for (const name of names) expect(await client.getInsight(name)).toMatchObject({ kind: 'answered' });
  });

  it('calls NotFound not analysed', async () => {
    const unknown: PackageVersion = { ecosystem: 'NPM', name: 'stub-not-analysed', version: '1.0.0' };
    const client = clientWith({ transport });
    expect(await client.getInsight(unknown)).toMatchObject({ kind: 'not-analysed', code: 'NotFound' });
    expect(await client.queryMalware(unknown)).toMatchObject({ kind: 'not-analysed', code: 'NotFound' });
  });

  it.each([
    ['http-503', 'retry', /HTTP 503/],
    ['http-429', 'throttled', /HTTP 429/],
    ['garbage', 'retry', /cannot be read/],
    ['html', 'retry', /text\/html/],
    ['empty', 'retry', /./],
    ['reset', 'retry', /./],
    ['unavailable', 'retry', /not available/],
    ['resource-exhausted', 'throttled', /rate limit exceeded/],
    ['internal', 'retry', /internal error/],
    ['invalid-argument', 'refused', /refused/],
    ['other-package', 'retry', /another package: asked NPM\/lodash@4.17.21, got NPM\/made-up-other-package@4.17.21/],
    ['silence', 'retry', /in time|given up/],
  ] as const)('makes a result of the fault %s', async (kind, expected, reason) => {
    const client = clientWith({ transport, deadlineMs: 300 });
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    standIn.setFault({ kind });
    for (const result of await Promise.all([client.getInsight(LODASH), client.queryMalware(LODASH)])) {
      // An empty malware answer is one that a service may give; none of the other faults leave anything to read.
      if (result.kind === 'answered') expect(toAnswer(result as never, result as never).checks.malware.state).toBe('not-analysed');
      else expect(result).toMatchObject({ kind: expected, reason: expect.stringMatching(reason) });
    }
    standIn.setFault(undefined);
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
  });

  it('reads a report of 700 KB and keeps none of its files', async () => {
    const client = clientWith({ transport });
    standIn.setFault({ kind: 'huge-report' });
    const result = await client.queryMalware(LODASH);
    expect(result.kind === 'answered' && result.response.report?.inference?.isMalware).toBe(false);
    expect(result.kind === 'answered' && result.response.report?.fileSystem).toBeUndefined();
  });

  it('stops when the caller gives up', async () => {
    const client = clientWith({ transport });
    standIn.setFault({ kind: 'silence' });
    const caller = new AbortController();
    const result = client.getInsight(LODASH, caller.signal);
    setTimeout(() => caller.abort(), 50);
    expect(await result).toMatchObject({ kind: 'retry', code: 'Canceled' });
    expect(await client.getInsight(LODASH, AbortSignal.abort())).toMatchObject({ kind: 'retry', code: 'Canceled' });
  });

  it('reports a refused credential with the service’s words', async () => {
    const wrongKey = clientWith({ transport, credential: async () => ({ ...own(), authorization: 'sfd_wrong' }) });
    expect(await wrongKey.getInsight(LODASH)).toMatchObject({
      kind: 'credentials',
      code: 'Unauthenticated',
      reason: expect.stringContaining('Token auth failed: No user: record not found'),
    });
    const wrongTenant = clientWith({ transport, credential: async () => ({ ...own(), tenantId: 'other.example' }) });
    expect(await wrongTenant.getInsight(LODASH)).toMatchObject({
      kind: 'credentials',
      code: 'Unknown',
      reason: expect.stringContaining('failed to resolve tenant: record not found'),
    });
  });

  it('reports a host that does not answer at all', async () => {
    const gone = await startSafeDepStandIn();
    await gone.close();
    const client = clientWith({ transport, baseUrl: gone.url });
    await client.prepare();
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'retry', reason: expect.stringContaining('ECONNREFUSED') });
  });

  it('finds a server again that was started anew', async () => {
    const first = await startSafeDepStandIn();
    const client = clientWith({ transport, baseUrl: first.url, credential: async () => ({ authorization: '', tenantId: '' }) });
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    await first.close();
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'retry' });
    const second = await startSafeDepStandIn({ port: Number(new URL(first.url).port) });
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    await second.close();
  });
});

describe('the faults', () => {
  it('are all tried above', () => {
    expect(FAULT_KINDS).toHaveLength(13);
  });
});

describe('what is not asked', () => {
  it.each([
    [{ ecosystem: 'NPM', name: 'x'.repeat(256), version: '1' }, /256 characters/],
    [{ ecosystem: 'NPM', name: 'x', version: '' }, /0 characters/],
    [{ ecosystem: 'HEX', name: 'x', version: '1' }, /SafeDep does not serve Hex packages/],
    [{ ecosystem: 'OPAM' as 'NPM', name: 'x', version: '1' }, /SafeDep does not serve OPAM packages/],
    [{ ecosystem: 'NPM', name: '\ud800', version: '1' }, /Unicode/],
  ] as const)('is %j', async (packageVersion, reason) => {
    standIn.resetCalls();
    const client = clientWith({});
    expect(await client.getInsight(packageVersion)).toEqual({ kind: 'unsupported', reason: expect.stringMatching(reason) });
    expect(await client.queryMalware(packageVersion)).toMatchObject({ kind: 'unsupported' });
    expect(standIn.calls().total).toBe(0);
  });
});

describe('the credential', () => {
  it('is read again once for all calls that were refused, and each next call uses the new one', async () => {
    const asked: boolean[] = [];
    let current = 'sfd_old';
    const credential: CredentialSource = async ({ refresh }) => {
      asked.push(refresh);
      if (refresh) current = standIn.apiKey;
      return { ...own(), authorization: current };
    };
    const client = clientWith({ credential });
    const refused = await Promise.all(Array.from({ length: 5 }, () => client.getInsight(LODASH)));
    expect(refused.map(({ kind }) => kind)).toEqual(Array(5).fill('retry'));
    expect(asked.filter((refresh) => refresh)).toHaveLength(1);
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
  });

  it('stays the same for who holds it, however the secret changes, until it is held anew', async () => {
    const asked: boolean[] = [];
    let current = 'sfd_old';
    const held = holdCredential(async ({ refresh }) => {
      asked.push(refresh);
      return { ...own(), authorization: current };
    });
    const client = clientWith({ credential: held.source });
    expect(await held.hold()).toMatchObject({ authorization: 'sfd_old' });
    current = standIn.apiKey;
    // Refused, read again, and another by now: this one's permits are the old key's, so it is for later.
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'retry', reason: expect.stringMatching(/replaced meanwhile/) });
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'retry' });
    expect(asked).toEqual([false, true]);
    await held.hold();
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
  });

  it('is not read again and again while it stays wrong', async () => {
    let reads = 0;
    const client = clientWith({
      credential: async ({ refresh }) => {
        if (refresh) reads++;
        return { ...own(), authorization: 'sfd_wrong' };
      },
    });
    for (let i = 0; i < 4; i++) expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'credentials' });
    expect(reads).toBe(1);
  });

  it('that cannot be read is a result too', async () => {
    const client = clientWith({
      credential: () => Promise.reject(new Error('the secret is gone')),
    });
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'credentials', reason: expect.stringContaining('the secret is gone') });
  });

  it('with a line break in it is refused without being shown', async () => {
    const client = clientWith({ credential: async () => ({ authorization: 'sfd_first\nsfd_second', tenantId: 't' }) });
    const result = await client.getInsight(LODASH);
    expect(result.kind).toBe('credentials');
    expect(JSON.stringify(result)).not.toContain('sfd_');
  });

  it('is not needed for the community host', async () => {
    const { credential: _, ...options } = { baseUrl: standIn.communityUrl, transport: 'grpc' as const, credential: undefined };
    const client = createDataPlaneClient({ ...options, onFallback: () => {} });
    clients.push(client);
    expect(await client.queryMalware(LODASH)).toMatchObject({ kind: 'answered' });
  });
});
