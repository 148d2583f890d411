import * as http2 from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { Ecosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import { GetPackageVersionInsightRequestSchema } from '#safedep-api/safedep/services/insights/v2/insights_pb.js';
import { createDataPlaneClient } from '../../shared/safedep/data-plane-client.ts';
import { parseTransportKind, type TransportKind } from '../../shared/safedep/transport.ts';

/** `http2-alone`: one unary call's bytes with nothing of ours around them, answers unread. */
export type MeasuredClient = TransportKind | 'http2-alone';

/** What one measured run took of this process, the client alone. */
export interface ClientRun {
  readonly calls: number;
  readonly failures: number;
  readonly elapsedMs: number;
  /** User and system time of the process, every thread of it. */
  readonly cpuMicroseconds: number;
}

/** Calls before the clock starts: connection, compiled code. */
const WARM_UP_CALLS = 3_000;

/** Asks question number `index`; false where it was not answered. */
type Ask = (index: number) => Promise<boolean>;

const [baseUrl = '', client = '', secret = '{}', calls = '0', callsAtOnce = '1'] = process.argv.slice(2);
const { apiKey, tenantId } = JSON.parse(secret) as { apiKey: string; tenantId: string };

function ourClient(transport: TransportKind): Ask {
  const dataPlane = createDataPlaneClient({
    baseUrl,
    transport,
    credential: async () => ({ authorization: apiKey, tenantId }),
    onFallback: (sentence) => {
      throw new Error(sentence);
    },
  });
  return async (index) => {
    const packageVersion = { ecosystem: 'NPM', name: `bench-package-${index % 1_000}`, version: '1.0.0' } as const;
    const result = index % 2 === 0 ? await dataPlane.getInsight(packageVersion) : await dataPlane.queryMalware(packageVersion);
    return result.kind === 'answered';
  };
}

function http2Alone(): Ask {
  const session = http2.connect(baseUrl);
  const headers = {
    ':method': 'POST',
    ':path': '/safedep.services.insights.v2.InsightService/GetPackageVersionInsight',
    'content-type': 'application/proto',
    authorization: apiKey,
    'x-tenant-id': tenantId,
  };
  const packageVersion = { package: { ecosystem: Ecosystem.NPM, name: 'bench-package' }, version: '1.0.0' };
  const body = toBinary(GetPackageVersionInsightRequestSchema, create(GetPackageVersionInsightRequestSchema, { packageVersion }));
  return () =>
    new Promise((resolve, reject) => {
      const stream = session.request(headers);
      let status = 0;
      stream.on('response', (answer) => {
        status = answer[':status'] ?? 0;
      });
      stream.on('data', () => {});
      stream.on('end', () => resolve(status === 200));
      stream.on('error', reject);
      stream.end(body);
    });
}

/** Returns how many were not answered. */
async function askAll(ask: Ask, count: number): Promise<number> {
  let next = 0;
  let failures = 0;
  const worker = async () => {
    while (next < count) if (!(await ask(next++))) failures += 1;
  };
  await Promise.all(Array.from({ length: Number(callsAtOnce) }, worker));
  return failures;
}

const ask = client === 'http2-alone' ? http2Alone() : ourClient(parseTransportKind(client));
await askAll(ask, WARM_UP_CALLS);
const cpu = process.cpuUsage();
const startedAtMs = performance.now();
const failures = await askAll(ask, Number(calls));
const { user, system } = process.cpuUsage(cpu);
const run: ClientRun = { calls: Number(calls), failures, elapsedMs: performance.now() - startedAtMs, cpuMicroseconds: user + system };
process.stdout.write(`${JSON.stringify(run)}\n`, () => process.exit());
