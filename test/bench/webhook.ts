import { fork } from 'node:child_process';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { startGitHubStandIn } from '../fakes/github/github-stand-in.ts';
import { git, temporaryFolder } from '../fakes/temporary-repository.ts';
import { quantile } from '../shared/rate-limit/windows.ts';
import { type BenchPipeline, drained, startBenchPipeline } from './bench-pipeline.ts';
import { npmLockFile, npmRepository } from './npm-repository.ts';
import { startStandIn } from './stand-in.ts';
import { median, report } from './verdicts.ts';
import { LOAD_PROCESS, type LoadReport, type LoadSettings } from './webhook-load.ts';

const REPOSITORIES = 50;
const PACKAGES = 5;
const PER_SECOND = 100;
const SECONDS = 20;
const BURST = 500;
const ENVIRONMENTS = 10;
const P99_MAX_MS = 1_000;
const PUSHES = 'PushesQueue';
const TOKEN_SECRET = 'safedep-watch/bench/github-token';

/** The secret that the template generated for GitHub's deliveries. */
async function webhookSecret({ pipeline }: BenchPipeline): Promise<string> {
  const { endpoints, clientEnvironment, environmentOf } = pipeline.engines;
  const client = new SecretsManagerClient({
    endpoint: endpoints.secretsAndBus,
    region: clientEnvironment['AWS_REGION'] ?? '',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  try {
    const SecretId = environmentOf('WebhookFunction')['GITHUB_WEBHOOK_SECRET_ID'];
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId }));
    return SecretString ?? '';
  } finally {
    client.destroy();
  }
}

function sendLoad(settings: LoadSettings): Promise<LoadReport> {
  const child = fork(LOAD_PROCESS);
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as LoadReport));
    child.once('exit', (code) => reject(new Error(`the sender ended (${code}) without a report`)));
    child.send(settings);
  });
}

/** `npm run bench -- webhook` */
export async function run(): Promise<boolean> {
  const folder = temporaryFolder();
  const standIn = await startStandIn(0);
  const repositories = Array.from({ length: REPOSITORIES }, (_, index) => {
    const path = npmRepository(folder.path, `repository-${index}`, npmLockFile(PACKAGES, `of-${index}`));
    const head = git(path, ['rev-parse', 'HEAD']);
    return { id: 1_000 + index, fullName: `octo-org/repository-${index}`, path: `${path}/.git`, defaultBranch: 'main', head };
  });
  const gitHub = await startGitHubStandIn({ repositories, token: 'bench-token' });
  const bench = await startBenchPipeline({
    safedep: standIn.safedep,
    paths: [],
    sources: [{ forge: 'github', host: gitHub.host, apiUrl: gitHub.apiUrl, tokenSecret: TOKEN_SECRET }],
    secrets: { [TOKEN_SECRET]: gitHub.token },
    engines: {
      maximumEnvironments: { WorkerFunction: 3, WebhookFunction: ENVIRONMENTS },
      warm: { WebhookFunction: ENVIRONMENTS, ExtractFunction: 1, WorkerFunction: 3, ResultsFunction: 1 },
    },
  });
  try {
    const { engines } = bench.pipeline;
    engines.mappings.pause(PUSHES);
    const sent = PER_SECOND * SECONDS + BURST;
    const load = await sendLoad({
      url: engines.url ?? '',
      secret: await webhookSecret(bench),
      host: gitHub.host,
      repositories,
      perSecond: PER_SECOND,
      seconds: SECONDS,
      burst: BURST,
    });
    const accepted = load.statuses['202'] ?? 0;
    const queued = engines.queueCounts(PUSHES).visible;
    const p99Ms = quantile(load.answersMs, 0.99);

    const resumedAtMs = Date.now();
    engines.mappings.resume(PUSHES);
    await drained(bench, PUSHES, 'LookupsLiveQueue', 'EvaluationsQueue');
    const scans = bench.events.filter((event) => !('finding' in event));
    const scanned = new Set(scans.map(({ repository }) => repository.repositoryId));
    const complete = scans.filter(({ detailType }) => detailType === 'scan complete').length;
    return report(
      `webhook: ${PER_SECOND} pushes/s for ${SECONDS} s and ${BURST} at once at half-time, ${REPOSITORIES} repositories, ${ENVIRONMENTS} environments`,
      [
        { what: 'no-op (a signed ping, one at a time)', measured: `${median(load.pingsMs).toFixed(1)} ms` },
        {
          what: 'answers',
          measured: Object.entries(load.statuses)
            .map(([status, count]) => `${status}: ${count}`)
            .join(', '),
          bar: `202: ${sent}`,
          passes: accepted === sent,
        },
        { what: 'on the queue', measured: String(queued), bar: String(accepted), passes: queued === accepted },
        {
          what: 'answer p50 / p99 / longest',
          measured: `${quantile(load.answersMs, 0.5).toFixed(0)} / ${p99Ms.toFixed(0)} / ${Math.max(...load.answersMs).toFixed(0)} ms`,
          bar: `p99 < ${P99_MAX_MS} ms`,
          passes: p99Ms < P99_MAX_MS,
        },
        {
          what: 'un-paused: scans, repositories scanned, complete ones',
          measured: `${scans.length}, ${scanned.size}, ${complete}`,
          bar: `${REPOSITORIES} each`,
          passes: scans.length === REPOSITORIES && scanned.size === REPOSITORIES && complete === REPOSITORIES,
        },
        { what: 'time to work all pushes off', measured: `${((Date.now() - resumedAtMs) / 1_000).toFixed(1)} s` },
      ],
    );
  } finally {
    await bench.close();
    await gitHub.close();
    standIn.close();
    folder.remove();
  }
}
