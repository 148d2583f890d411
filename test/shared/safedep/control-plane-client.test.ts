import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, describe, expect, it } from 'vitest';
import { AccessLevel } from '#safedep-api/safedep/messages/controltower/v1/access_pb.js';
import { ApiKeyService } from '#safedep-api/safedep/services/controltower/v1/api_key_pb.js';
import { OnboardingService } from '#safedep-api/safedep/services/controltower/v1/onboarding_pb.js';
import { PingService } from '#safedep-api/safedep/services/controltower/v1/ping_pb.js';
import { QueryService as QueryServiceV1 } from '#safedep-api/safedep/services/controltower/v1/query_pb.js';
import { TenantService } from '#safedep-api/safedep/services/controltower/v1/tenant_pb.js';
import { UserService } from '#safedep-api/safedep/services/controltower/v1/user_pb.js';
import { QueryService as QueryServiceV2 } from '#safedep-api/safedep/services/controltower/v2/query_pb.js';
import { type ControlPlaneClient, createControlPlaneClient } from '../../../shared/safedep/control-plane-client.ts';
import { TRANSPORT_KINDS, type TransportKind } from '../../../shared/safedep/transport.ts';
import { type ScriptedService, startScriptedService } from './scripted-service.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(
  script: Parameters<typeof startScriptedService>[0],
  transport: TransportKind = 'grpc',
): Promise<{ service: ScriptedService; client: ControlPlaneClient; permits: () => number }> {
  const service = await startScriptedService(script);
  ends.push(() => service.close());
  let permits = 0;
  const client = createControlPlaneClient({
    baseUrl: service.url,
    transport,
    credential: async () => ({ authorization: 'jwt', tenantId: 'team.example' }),
    onFallback: (sentence) => {
      throw new Error(`an unexpected fallback: ${sentence}`);
    },
    takePermit: async () => void permits++,
  });
  ends.push(() => client.close());
  return { service, client, permits: () => permits };
}

describe.each(TRANSPORT_KINDS)('over %s', (transport) => {
  it('asks who the user is and onboards one without a tenant, all else with it', async () => {
    const { client, service } = await start((serve) => {
      serve(UserService, {
        getUserInfo: () => ({
          user: { name: 'Robot', email: 'robot@example.org' },
          access: [{ level: AccessLevel.OWNER, tenant: { domain: 'team.example' } }, { level: 42 as AccessLevel }],
        }),
      });
      serve(OnboardingService, { onboardUser: ({ organizationDomain }) => ({ tenant: { domain: `default-team.${organizationDomain}` } }) });
      serve(TenantService, {
        listUsersAccess: () => ({ accesses: [{ accessId: 'a', name: 'n', email: 'e', accessRole: AccessLevel.ADMIN }] }),
      });
      serve(PingService, { ping: ({ id }) => ({ id }) });
    }, transport);
    expect(await client.getUserInfo()).toEqual({
      kind: 'answered',
      response: {
        name: 'Robot',
        email: 'robot@example.org',
        access: [
          { tenantId: 'team.example', level: 'OWNER' },
          { tenantId: '', level: 'UNSPECIFIED' },
        ],
      },
    });
    const onboarding = { email: 'a@b.example', name: 'A', organizationName: 'B', organizationDomain: 'b.example' };
    expect(await client.onboardUser(onboarding)).toEqual({ kind: 'answered', response: { tenantId: 'default-team.b.example' } });
    expect(await client.listUsersAccess()).toEqual({
      kind: 'answered',
      response: [{ accessId: 'a', name: 'n', email: 'e', level: 'ADMIN' }],
    });
    expect(await client.ping()).toEqual({ kind: 'answered', response: undefined });
    expect(service.seen.map(({ method, authorization, tenantId }) => [method, authorization, tenantId])).toEqual([
      ['GetUserInfo', 'jwt', undefined],
      ['OnboardUser', 'jwt', undefined],
      ['ListUsersAccess', 'jwt', 'team.example'],
      ['Ping', 'jwt', 'team.example'],
    ]);
  });

  it('makes, lists and deletes API keys', async () => {
    const { client } = await start((serve) => {
      serve(ApiKeyService, {
        createApiKey: ({ name, expiryDays, description }) => ({
          keyId: `id of ${name} ${description ?? 'undescribed'}`,
          key: 'sfd_new',
          expiresAt: timestampFromMs(expiryDays * 86_400_000),
        }),
        listApiKeys: ({ pagination }) => {
          const page = Number(pagination?.pageToken || '1');
          const nextPageToken = page === 3 ? '' : String(page + 1);
          return { keys: [{ keyId: `k${page}`, name: 'n', description: 'd' }], pagination: { nextPageToken } };
        },
        deleteApiKey: ({ keyId }) => {
          if (keyId !== 'k1') throw new ConnectError('api key: record not found', Code.NotFound);
          return {};
        },
      });
    }, transport);
    expect(await client.createApiKey({ name: 'ours', expiryDays: 90 })).toEqual({
      kind: 'answered',
      response: { keyId: 'id of ours undescribed', key: 'sfd_new', expiresAtMs: 90 * 86_400_000 },
    });
    expect(await client.listApiKeys()).toEqual({
      kind: 'answered',
      response: ['k1', 'k2', 'k3'].map((keyId) => ({ keyId, name: 'n', description: 'd' })),
    });
    expect(await client.deleteApiKey('k1')).toEqual({ kind: 'answered', response: undefined });
    expect(await client.deleteApiKey('gone')).toMatchObject({
      kind: 'refused',
      code: 'NotFound',
      reason: expect.stringContaining('api key: record not found'),
    });
  });

  it('asks SQL of version 2 in JSON over HTTP/1.1, whatever else is configured', async () => {
    const { client, service } = await start((serve) => {
      serve(QueryServiceV2, {
        queryBySql: ({ query, pageSize, pageToken }) => ({
          columns: [{ name: 'projects.name', type: 'COLUMN_TYPE_STRING' }],
          rows: [{ 'projects.name': `${query} ${pageSize} ${pageToken}`, n: 1, none: null }],
          nextPageToken: 'next',
          generatedAt: timestampFromMs(1_000),
          stats: { estimatedCost: 1.5, estimatedRows: 2, elapsedMs: 3 },
        }),
        getSchema: () => ({
          tables: [
            {
              name: 'projects',
              description: 'all of them',
              timeColumn: 'created_at',
              timeWindowMaxDays: 30,
              columns: [{ name: 'kind', type: 'COLUMN_TYPE_ENUM', indexed: true, enumValues: [{ name: 'A', number: 1 }] }],
            },
          ],
          edges: [{ from: 'projects', to: 'boms', cardinality: '1:n' }],
          usage: { rules: ['one statement'], exampleQueries: ['SELECT 1'] },
        }),
      });
    }, transport);
    expect(await client.queryBySql({ query: 'SELECT', pageToken: 'token' })).toEqual({
      kind: 'answered',
      response: {
        version: 2,
        columns: [{ name: 'projects.name', type: 'STRING' }],
        rows: [{ 'projects.name': 'SELECT 100 token', n: 1, none: null }],
        nextPageToken: 'next',
        generatedAtMs: 1_000,
        stats: { estimatedCost: 1.5, estimatedRows: 2, elapsedMs: 3 },
      },
    });
    expect(await client.getSqlSchema()).toMatchObject({
      kind: 'answered',
      response: {
        version: 2,
        tables: [{ name: 'projects', timeColumn: 'created_at', timeWindowMaxDays: 30, columns: [{ type: 'ENUM', enumNumbers: { A: 1 } }] }],
        edges: [{ from: 'projects', to: 'boms', cardinality: '1:n' }],
        rules: ['one statement'],
        exampleQueries: ['SELECT 1'],
      },
    });
    expect(service.seen.map(({ httpVersion, contentType }) => [httpVersion, contentType])).toEqual([
      ['1.1', 'application/json'],
      ['1.1', 'application/json'],
    ]);
  });

  it('asks SQL of version 1 where version 2 is not served, and remembers it', async () => {
    const { client, service, permits } = await start((serve) => {
      serve(QueryServiceV1, {
        queryBySql: () => ({ rows: [{ a: 1 }, { b: 'x', a: 2 }], nextPageToken: '' }),
        getSqlSchema: () => ({ schemas: [{ name: 'projects', columns: [{ name: 'name', required: true, selectable: true }] }] }),
      });
    }, transport);
    expect(await client.queryBySql({ query: 'SELECT' })).toEqual({
      kind: 'answered',
      response: {
        version: 1,
        columns: [
          { name: 'a', type: '' },
          { name: 'b', type: '' },
        ],
        rows: [{ a: 1 }, { b: 'x', a: 2 }],
        nextPageToken: '',
      },
    });
    expect(await client.getSqlSchema()).toMatchObject({
      kind: 'answered',
      response: { version: 1, tables: [{ name: 'projects', columns: [{ name: 'name', required: true }] }] },
    });
    expect(service.seen.map(({ method }) => method)).toEqual(['QueryBySql', 'QueryBySql', 'GetSqlSchema']);
    expect(permits()).toBe(3);
  });
});

describe('what SafeDep’s declared limits rule out', () => {
  it('refuses unsent, saying what the limit is', async () => {
    const { client, service } = await start((serve) => serve(QueryServiceV1, { queryBySql: () => ({}) }));
    for (const [result, reason] of [
      [await client.queryBySql({ query: ' ' }), /empty/],
      [await client.queryBySql({ query: 'x'.repeat(16_001) }), /16001 bytes: SafeDep takes 16000/],
      [await client.queryBySql({ query: 'x', pageSize: 0 }), /from 1 to 100, not 0/],
      [await client.queryBySql({ query: 'x', pageSize: 101 }), /not 101/],
      [await client.queryBySql({ query: 'x', pageToken: 't'.repeat(2_049) }), /2049 characters/],
      [await client.createApiKey({ name: 'ab', expiryDays: 1 }), /3 to 255 characters, not 2/],
      [await client.createApiKey({ name: 'abc', expiryDays: 366 }), /from 1 to 365, not 366/],
    ] as const) {
      expect(result).toMatchObject({ kind: 'refused', reason: expect.stringMatching(reason) });
    }
    expect(service.seen).toEqual([]);
    // The older service takes less: known only once the newer one is not there.
    expect(await client.queryBySql({ query: 'x'.repeat(2_001) })).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(/2001 characters: SafeDep takes 2000 at most \(this SafeDep serves the older/),
    });
  });
});

describe('lists that would never end', () => {
  it('are an error where the server repeats a token, at once or in a circle', async () => {
    const tokens: Record<string, string> = { '': 'a', a: 'b', b: 'a' };
    const { client, service } = await start((serve) => {
      serve(ApiKeyService, {
        listApiKeys: ({ pagination }) => ({ pagination: { nextPageToken: tokens[pagination?.pageToken ?? ''] ?? '' } }),
      });
      serve(QueryServiceV2, { queryBySql: ({ pageToken }) => ({ nextPageToken: pageToken || 'a' }) });
    });
    expect(await client.listApiKeys()).toMatchObject({ kind: 'incompatible', reason: expect.stringContaining('same page token') });
    expect(service.seen).toHaveLength(3);
    expect(await client.queryBySql({ query: 'x' })).toMatchObject({ kind: 'answered' });
    expect(await client.queryBySql({ query: 'x', pageToken: 'a' })).toMatchObject({
      kind: 'incompatible',
      reason: expect.stringContaining('same page token'),
    });
  });

  it('are an error where one page of them fails: part of a list is none', async () => {
    const { client } = await start((serve) =>
      serve(ApiKeyService, {
        listApiKeys: ({ pagination }) => {
          if (pagination?.pageToken) throw new ConnectError('away', Code.Unavailable);
          return { keys: [{ keyId: 'k1' }], pagination: { nextPageToken: '2' } };
        },
      }),
    );
    expect(await client.listApiKeys()).toMatchObject({ kind: 'retry', reason: expect.stringContaining('away') });
  });
});

it('says so when SafeDep made a key and did not name it, so that nobody makes another one by trying again', async () => {
  const { client } = await start((serve) => serve(ApiKeyService, { createApiKey: () => ({ keyId: 'k' }) }));
  expect(await client.createApiKey({ name: 'abc', expiryDays: 1 })).toMatchObject({ kind: 'incompatible' });
});
