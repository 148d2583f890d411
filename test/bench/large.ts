import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { temporaryFolder } from '../fakes/temporary-repository.ts';
import { type BenchPipeline, startBenchPipeline } from './bench-pipeline.ts';
import { npmLockFile, npmRepository } from './npm-repository.ts';
import { startStandIn } from './stand-in.ts';
import { report, seconds } from './verdicts.ts';

const PACKAGES = 20_000;
const LATENCY_MS = 90;
const CALLS_PER_SECOND = 490;
/** DynamoDB's limit of an item; a kilobyte is 1,024 bytes there. */
const ITEM_MAX_BYTES = 400 * 1024;
/** Our own limit: SQS takes 256 KB. */
const MESSAGE_MAX_BYTES = 200 * 1024;
/** How often the tables are looked through while the scan runs: what is largest may be gone at its end. */
const LOOK_EVERY_MS = 20_000;

interface MeasuringProxy {
  readonly url: string;
  forwardTo(url: string): void;
  largestMessageBytes(): number;
  messages(): number;
  close(): void;
}

/** Stands between the functions and SQS, and measures what they send. */
async function measureMessages(): Promise<MeasuringProxy> {
  let upstream = '';
  let largest = 0;
  let count = 0;
  const note = (body: unknown): void => {
    if (typeof body !== 'string') return;
    count += 1;
    largest = Math.max(largest, Buffer.byteLength(body));
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      if (String(request.headers['x-amz-target']).includes('SendMessage')) {
        const input = JSON.parse(body.toString()) as { MessageBody?: string; Entries?: { MessageBody?: string }[] };
        note(input.MessageBody);
        for (const entry of input.Entries ?? []) note(entry.MessageBody);
      }
      const forwarded = httpRequest(upstream, { method: 'POST', path: request.url, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      forwarded.on('error', () => response.destroy());
      forwarded.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    forwardTo: (url) => {
      upstream = url;
    },
    largestMessageBytes: () => largest,
    messages: () => count,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The largest item over all tables now, as JSON: never smaller than DynamoDB's own count. */
async function largestItem({ pipeline }: BenchPipeline): Promise<{ readonly bytes: number; readonly table: string }> {
  let largest = { bytes: 0, table: '' };
  for (const { name, logicalId } of pipeline.engines.plan.tables) {
    let from: Record<string, never> | undefined;
    do {
      const page = await pipeline.client.send(
        new ScanCommand({ TableName: name, ConsistentRead: true, ...(from ? { ExclusiveStartKey: from } : {}) }),
      );
      for (const item of page.Items ?? []) {
        const bytes = sizeOf(item);
        if (bytes > largest.bytes) largest = { bytes, table: logicalId };
      }
      from = page.LastEvaluatedKey as Record<string, never> | undefined;
    } while (from);
  }
  return largest;
}

function sizeOf(item: Readonly<Record<string, unknown>>): number {
  return Buffer.byteLength(JSON.stringify(item, (_, value: unknown) => (value instanceof Uint8Array ? 'x'.repeat(value.length) : value)));
}

/** `npm run bench -- large [--packages 20000]` */
export async function run(): Promise<boolean> {
  const { values } = parseArgs({ strict: false, options: { packages: { type: 'string' } } });
  const packages = Number(values.packages ?? PACKAGES);
  const folder = temporaryFolder();
  const [standIn, proxy] = await Promise.all([startStandIn(LATENCY_MS), measureMessages()]);
  const paths = [npmRepository(folder.path, 'idle', npmLockFile(0)), npmRepository(folder.path, 'large', npmLockFile(packages))] as const;
  const bench = await startBenchPipeline({ safedep: standIn.safedep, paths, environment: { AWS_ENDPOINT_URL_SQS: proxy.url } });
  try {
    proxy.forwardTo(bench.pipeline.engines.endpoints.sqs);
    const [idle] = await bench.push(paths[0]);
    let ended = false;
    const pushing = bench.push(paths[1]).finally(() => {
      ended = true;
    });
    let largest = { bytes: 0, table: '' };
    const look = async (): Promise<void> => {
      const found = await largestItem(bench);
      if (found.bytes > largest.bytes) largest = found;
    };
    for (let elapsedMs = 0; !ended; elapsedMs += 500) {
      await Promise.race([sleep(500), pushing]);
      if (elapsedMs % LOOK_EVERY_MS === 4_000) await look();
    }
    const [outcome] = await pushing;
    await look();
    const isComplete = outcome?.scan.detailType === 'scan complete' && outcome.scan.counts.packages === packages;
    return report(`large: one lock file with ${packages} packages, ${LATENCY_MS} ms latency`, [
      {
        what: 'scan',
        measured: `${outcome?.scan.detailType}, ${outcome?.scan.counts.packages} packages`,
        bar: 'complete',
        passes: isComplete,
      },
      {
        what: 'largest item',
        measured: `${(largest.bytes / 1024).toFixed(1)} KB (${largest.table})`,
        bar: `<= ${ITEM_MAX_BYTES / 1024} KB`,
        passes: largest.bytes > 0 && largest.bytes <= ITEM_MAX_BYTES,
      },
      {
        what: `largest of ${proxy.messages()} messages`,
        measured: `${(proxy.largestMessageBytes() / 1024).toFixed(1)} KB`,
        bar: `<= ${MESSAGE_MAX_BYTES / 1024} KB`,
        passes: proxy.messages() > 0 && proxy.largestMessageBytes() <= MESSAGE_MAX_BYTES,
      },
      { what: 'no-op (a lock file without packages)', measured: seconds(idle?.tookMs ?? Number.NaN) },
      {
        what: `total (the limiter alone takes ${seconds(((packages * 2) / CALLS_PER_SECOND) * 1000)})`,
        measured: seconds(outcome?.tookMs ?? Number.NaN),
      },
    ]);
  } finally {
    await bench.close();
    standIn.close();
    proxy.close();
    folder.remove();
  }
}
