import { SQSClient } from '@aws-sdk/client-sqs';
import { LOCAL_TENANT } from '../../infra/local/local-pipeline.ts';
import { resolveRepositories } from '../../infra/local/watch/resolve-repository.ts';
import { createQueue } from '../../shared/aws/queue.ts';
import type { PushHint } from '../../shared/messages/queue-messages.ts';
import { temporaryFolder } from '../fakes/temporary-repository.ts';
import { quantile } from '../shared/rate-limit/windows.ts';
import { type BenchPipeline, drained, startBenchPipeline } from './bench-pipeline.ts';
import { npmLockFile, npmRepository } from './npm-repository.ts';
import { startStandIn } from './stand-in.ts';
import { report, runs, seconds } from './verdicts.ts';

const REPOSITORIES = 20;
const PACKAGES = 800;
const LIVE_PUSHES = 10;
const LIVE_PACKAGES = 50;
const LATENCY_MS = 90;
const CALLS_PER_PACKAGE = 2;
const CALLS_PER_SECOND = 490;
const LIVE_P95_MAX_MS = 5_000;
const BACKFILL_MAX_MS = 300_000;

/** Has the heads of these repositories scanned as an onboarding does: straight onto the queue, in the background lane. */
async function pushInBackground({ pipeline }: BenchPipeline, paths: readonly string[]): Promise<void> {
  const { clientEnvironment, endpoints, queueUrl } = pipeline.engines;
  const client = new SQSClient({
    endpoint: endpoints.sqs,
    region: clientEnvironment['AWS_REGION'] ?? '',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const hints = (await resolveRepositories(paths)).map(
    ({ host, repositoryId, name }): PushHint => ({
      version: 1,
      kind: 'push',
      ref: { tenant: LOCAL_TENANT, forge: 'git', host, repositoryId, ref: 'refs/heads/main' },
      repositoryName: name,
      deliveryId: '',
      lane: 'background',
      receivedAtMs: Date.now(),
    }),
  );
  await createQueue(client, queueUrl('PushesBackgroundQueue')).send(hints.map((hint) => ({ body: JSON.stringify(hint) })));
  client.destroy();
}

/** Resolves with the number of complete scans when every one of these repositories has had its own. */
async function scansOf(bench: BenchPipeline, paths: readonly string[]): Promise<number> {
  const ids = new Set((await resolveRepositories(paths)).map(({ repositoryId }) => repositoryId));
  const scans = () => bench.events.filter((event) => !('finding' in event) && ids.has(event.repository.repositoryId));
  const untilMs = Date.now() + BACKFILL_MAX_MS;
  while (new Set(scans().map(({ repository }) => repository.repositoryId)).size < ids.size) {
    if (Date.now() >= untilMs) throw new Error(`${scans().length} of ${ids.size} backfill scans ended within 5 minutes`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return scans().filter((event) => event.detailType === 'scan complete').length;
}

/** `npm run bench -- backfill`: pushes that somebody waits for, while an onboarding keeps the limit busy. */
export async function run(): Promise<boolean> {
  const folder = temporaryFolder();
  const standIn = await startStandIn(LATENCY_MS);
  const idle = npmRepository(folder.path, 'idle', npmLockFile(LIVE_PACKAGES, 'idle'));
  const background = Array.from({ length: REPOSITORIES }, (_, index) =>
    npmRepository(folder.path, `old-${index}`, npmLockFile(PACKAGES, `old-${index}`)),
  );
  const early = npmRepository(folder.path, 'early', npmLockFile(LIVE_PACKAGES, 'early'));
  const live = Array.from({ length: LIVE_PUSHES }, (_, index) =>
    npmRepository(folder.path, `live-${index}`, npmLockFile(LIVE_PACKAGES, `live-${index}`)),
  );
  const bench = await startBenchPipeline({ safedep: standIn.safedep, paths: [idle, early, ...background, ...live] });
  try {
    const [alone] = await bench.push(idle);
    const startedAtMs = Date.now();
    await pushInBackground(bench, background);
    const backfilled = scansOf(bench, background);
    // Now processors are what is short; once every repository is read, it is permits.
    const [first] = await bench.push(early);
    await drained(bench, 'PushesBackgroundQueue');
    const tookMs: number[] = [];
    let endedMeanwhile = 0;
    void backfilled.then(() => {
      endedMeanwhile = LIVE_PUSHES - tookMs.length;
    });
    for (const path of live) for (const { tookMs: ms } of await bench.push(path)) tookMs.push(ms);
    const besideBackfill = LIVE_PUSHES - endedMeanwhile;
    const complete = await backfilled;
    const totalMs = Date.now() - startedAtMs;
    const calls = (REPOSITORIES * PACKAGES + (1 + LIVE_PUSHES) * LIVE_PACKAGES) * CALLS_PER_PACKAGE;
    return report(
      `backfill: ${REPOSITORIES} repositories x ${PACKAGES} packages in the background, ${LIVE_PUSHES} live pushes of ${LIVE_PACKAGES} new packages beside them`,
      [
        { what: 'no-op (such a push while nothing else is scanned)', measured: seconds(alone?.tookMs ?? Number.NaN) },
        {
          what: 'such a push while the repositories of the backfill are being read',
          measured: seconds(first?.tookMs ?? Number.NaN),
          bar: `< ${seconds(LIVE_P95_MAX_MS)}`,
          passes: (first?.tookMs ?? Number.NaN) < LIVE_P95_MAX_MS,
        },
        { what: 'live pushes beside the backfill', measured: String(besideBackfill), bar: `${LIVE_PUSHES}`, passes: endedMeanwhile === 0 },
        {
          what: 'from a live push to its scan complete, p95',
          measured: `${seconds(quantile(tookMs, 0.95))}; ${runs(tookMs)}`,
          bar: `< ${seconds(LIVE_P95_MAX_MS)}`,
          passes: quantile(tookMs, 0.95) < LIVE_P95_MAX_MS,
        },
        { what: 'backfill scans complete', measured: String(complete), bar: String(REPOSITORIES), passes: complete === REPOSITORIES },
        { what: `all of it (the limiter alone takes ${seconds((calls / CALLS_PER_SECOND) * 1_000)})`, measured: seconds(totalMs) },
      ],
    );
  } finally {
    await bench.close();
    standIn.close();
    folder.remove();
  }
}
