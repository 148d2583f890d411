import { afterEach, describe, expect, it } from 'vitest';
import { Ecosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import { ThreatIntelService } from '#safedep-api/safedep/services/threatintel/v1/threatintel_pb.js';
import { createThreatFeedClient } from '../../../shared/safedep/threat-feed-client.ts';
import { fromTimeText, toTimeText } from '../../../shared/safedep/timestamps.ts';
import { TRANSPORT_KINDS, type TransportKind } from '../../../shared/safedep/transport.ts';
import { startScriptedService } from './scripted-service.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(transport: TransportKind, ...[script]: Parameters<typeof startScriptedService>) {
  const service = await startScriptedService(script);
  const client = createThreatFeedClient({
    baseUrl: service.url,
    transport,
    credential: async () => ({ authorization: 'sfd_key', tenantId: 't' }),
    onFallback: (sentence) => {
      throw new Error(sentence);
    },
  });
  ends.push(
    () => service.close(),
    () => client.close(),
  );
  return { service, client };
}

describe.each(TRANSPORT_KINDS)('the threat feed over %s', (transport) => {
  it('is asked in JSON over HTTP/1.1, oldest first, with the whole of the cursor', async () => {
    const asked: unknown[] = [];
    const { client, service } = await start(transport, (serve) =>
      serve(ThreatIntelService, {
        listPackageReports: ({ filters, pagination }) => {
          asked.push([filters?.since?.seconds, filters?.since?.nanos, pagination?.pageToken, pagination?.pageSize, pagination?.sortOrder]);
          return {
            packageReports: [
              {
                reportId: '01J',
                package: { ecosystem: Ecosystem.NPM, name: 'evil', versions: ['1.0.0'] },
                verdict: 'THREAT_VERDICT_MALICIOUS',
                confidence: 'THREAT_CONFIDENCE_HUMAN_VERIFIED',
                updatedAt: { seconds: 1_700_000_000n, nanos: 123_456_789 },
              },
              {
                reportId: '01K',
                package: { ecosystem: Ecosystem.VSCODE, name: 'withdrawn', versions: [] },
                verdict: 'THREAT_VERDICT_NEWER',
                updatedAt: { seconds: 1_700_000_001n },
                withdrawn: true,
              },
              { reportId: '01L', package: { name: 'timeless' } },
              { reportId: '', package: { name: 'nameless' } },
            ],
            pagination: { nextPageToken: 'more' },
          };
        },
      }),
    );
    expect(await client.listPackageReports({ since: '2023-11-14T22:13:20.000000001Z', pageToken: 'p' })).toEqual({
      kind: 'answered',
      response: {
        nextPageToken: 'more',
        reports: [
          {
            reportId: '01J',
            ecosystem: 'NPM',
            name: 'evil',
            versions: ['1.0.0'],
            verdict: 'malicious',
            isVerifiedByPeople: true,
            updatedAt: '2023-11-14T22:13:20.123456789Z',
            withdrawn: false,
          },
          {
            reportId: '01K',
            name: 'withdrawn',
            versions: [],
            verdict: 'unknown',
            isVerifiedByPeople: false,
            updatedAt: '2023-11-14T22:13:21.000000000Z',
            withdrawn: true,
          },
        ],
        unreadable: ['a threat report "01L" without a time', 'a threat report "" without an id'],
      },
    });
    expect(asked).toEqual([[1_700_000_000n, 1, 'p', 100, 1]]);
    expect(service.seen).toMatchObject([{ httpVersion: '1.1', contentType: 'application/json', authorization: 'sfd_key', tenantId: 't' }]);
  });

  it('refuses a cursor that is no time, and a page that names itself as the next', async () => {
    const { client, service } = await start(transport, (serve) =>
      serve(ThreatIntelService, { listPackageReports: () => ({ pagination: { nextPageToken: 'same' } }) }),
    );
    expect(await client.listPackageReports({ since: '' })).toMatchObject({ kind: 'refused', reason: expect.stringContaining('cursor') });
    expect(await client.listPackageReports({ since: '2026-01-01T00:00:00Z', pageSize: 101 })).toMatchObject({ kind: 'refused' });
    expect(service.seen).toEqual([]);
    expect(await client.listPackageReports({ since: '2026-01-01T00:00:00Z', pageToken: 'same' })).toMatchObject({ kind: 'incompatible' });
  });
});

describe('times as text', () => {
  it('keep every digit and compare as texts do', () => {
    const times = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.5Z', '2026-01-01T00:00:00.500000001Z', '2026-01-01T00:00:01.1Z'];
    const texts = times.map((time) => toTimeText(fromTimeText(time) ?? { seconds: 0n, nanos: 0 }));
    expect(texts).toEqual([...texts].sort());
    expect(texts[2]).toBe('2026-01-01T00:00:00.500000001Z');
  });

  it.each(['', 'yesterday', '2026-01-01', '2026-13-01T00:00:00Z', '2026-01-01T00:00:00+02:00'])('refuses %j', (text) => {
    expect(fromTimeText(text)).toBeUndefined();
  });
});
