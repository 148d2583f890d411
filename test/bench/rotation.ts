import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetSecretValueCommand, PutSecretValueCommand, RotateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CompleteToolSessionRequest_Status as Status } from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../infra/local/safedep/stand-in.ts';
import type { ChosenSafeDep } from '../../infra/local/safedep-source.ts';
import { deviceLogin } from '../../shared/safedep/identity/device-login.ts';
import { temporaryFolder } from '../fakes/temporary-repository.ts';
import { type BenchPipeline, drained, type PushOutcome, startBenchPipeline } from './bench-pipeline.ts';
import { npmLockFile, npmRepository } from './npm-repository.ts';
import { type Row, report, seconds } from './verdicts.ts';

const REPOSITORIES = 5;
const PACKAGES = 1_000;
const CALLS = REPOSITORIES * PACKAGES * 2;
const LATENCY_MS = 90;
const ROTATIONS = 5;
const KILLS = 5;
/** Between two rounds of key and token: five of them fill the twenty seconds that the calls take. */
const ROUND_MS = 2_500;
const ROTATION_MAX_MS = 60_000;
const REPORTS_MAX_MS = 120_000;
const LOOK_EVERY_MS = 20;
/** The look-up queue's visibility time, and how long a dead worker's claims hold of it. */
const VISIBILITY_MS = 90_000;
const CLAIMS_HOLD_MS = 17_500;
/** The template lets one process of `rotate` run. Here several do, so that it is the claim that keeps them apart. */
const PROCESSES = { WorkerFunction: 2, ResultsFunction: 1, AlertFunction: 1, RotateFunction: 3 };
const QUEUE = 'LookupsLiveQueue';
const QUEUES = ['Pushes', 'LookupsLive', 'LookupsBackground', 'Evaluations', 'Reports', 'AlertsWebhook'];
const SECRETS = {
  apiKey: 'safedep-watch/safedep-api-key',
  serviceJwt: 'safedep-watch/safedep-service-jwt',
  refreshToken: 'safedep-watch/safedep-refresh-token',
} as const;

interface SignedIn {
  readonly safedep: ChosenSafeDep;
  /** JSON of the refresh token's secret. */
  readonly refreshToken: string;
}

/** As `auth login --service` does it, with the robot user of the stand-in. */
async function signIn(standIn: SafeDepStandIn): Promise<SignedIn> {
  const { identityProvider, tenantId, apiKey, url, controlPlaneUrl } = standIn;
  if (!identityProvider) throw new Error('the stand-in has no identity provider');
  const settings = { issuer: identityProvider.issuer, clientId: identityProvider.clientId };
  const { signal } = new AbortController();
  const result = await deviceLogin({ settings, onCode: () => undefined, signal, nowMs: Date.now, sleep: () => sleep(LOOK_EVERY_MS) });
  if (result.kind !== 'signed-in') throw new Error(`the robot user was not signed in: ${result.kind}`);
  const { accessToken, refreshToken } = result;
  return {
    refreshToken: JSON.stringify({ ...settings, refreshToken, tenantId, signedInAt: new Date().toISOString() }),
    safedep: {
      answers: 'cloud',
      description: 'a stand-in that is taken for the cloud: what is made up is not reported',
      environment: {
        SAFEDEP_ANSWERS: 'cloud',
        SAFEDEP_DATA_PLANE_URL: url,
        SAFEDEP_CONTROL_PLANE_URL: controlPlaneUrl,
        SAFEDEP_TRANSPORT: process.env['SAFEDEP_TRANSPORT'] ?? 'grpc',
      },
      apiKeySecret: JSON.stringify({ apiKey, tenantId }),
      serviceJwtSecret: JSON.stringify({ accessToken, tenantId }),
      cacheName: 'bench',
      close: () => undefined,
    },
  };
}

interface Rotated {
  readonly keys: number;
  readonly tokens: number;
}

/** Key and token in turn, each waited for: how long it takes is its own. */
async function rotateAll(bench: BenchPipeline, secrets: SecretsManagerClient): Promise<Rotated> {
  const versionOf = async (SecretId: string) => (await secrets.send(new GetSecretValueCommand({ SecretId }))).VersionId;
  let [keys, tokens] = [0, 0];
  for (let round = 0; round < ROTATIONS; round += 1) {
    const [startedAtMs, keyBefore, tokenBefore] = [Date.now(), await versionOf(SECRETS.apiKey), await versionOf(SECRETS.serviceJwt)];
    await secrets.send(new RotateSecretCommand({ SecretId: SECRETS.apiKey }));
    while ((await versionOf(SECRETS.apiKey)) === keyBefore && Date.now() - startedAtMs < ROTATION_MAX_MS) await sleep(LOOK_EVERY_MS);
    if ((await versionOf(SECRETS.apiKey)) !== keyBefore) keys += 1;
    // By two at once: one of them is the writer, and the other ends with an error or writes after it.
    await Promise.all([1, 2].map(() => bench.pipeline.engines.invoke('RotateFunction', { refreshNow: true })));
    if ((await versionOf(SECRETS.serviceJwt)) !== tokenBefore) tokens += 1;
    await sleep(Math.max(0, startedAtMs + ROUND_MS - Date.now()));
  }
  return { keys, tokens };
}

/** Kills busy workers through the whole traffic; what they held comes back when their claims are over. */
async function killWorkers({ pipeline: { engines } }: BenchPipeline, isOver: () => boolean): Promise<number> {
  let kills = 0;
  while (kills < KILLS && !isOver()) {
    await sleep(ROUND_MS);
    if (engines.queueCounts(QUEUE).inFlight > 0 && engines.kill('WorkerFunction')) kills += 1;
  }
  await sleep(CLAIMS_HOLD_MS);
  engines.elapse(QUEUE, VISIBILITY_MS - CLAIMS_HOLD_MS);
  return kills;
}

async function reportsOf(standIn: SafeDepStandIn, paths: readonly string[]): Promise<number> {
  const names = new Set(paths.map((path) => basename(path)));
  const complete = () =>
    standIn.sessions().filter(({ request, status }) => names.has(request.projectName) && status === Status.SUCCESS).length;
  const untilMs = Date.now() + REPORTS_MAX_MS;
  while (complete() < paths.length && Date.now() < untilMs) await sleep(LOOK_EVERY_MS);
  return complete();
}

async function measure(bench: BenchPipeline, standIn: SafeDepStandIn, refreshToken: string, paths: readonly string[]): Promise<Row[]> {
  const { engines } = bench.pipeline;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const region = engines.clientEnvironment['AWS_REGION'] ?? '';
  const secrets = new SecretsManagerClient({ endpoint: engines.endpoints.secretsAndBus, region, credentials });
  await secrets.send(new PutSecretValueCommand({ SecretId: SECRETS.refreshToken, SecretString: refreshToken }));
  let isOver = false;
  const startedAtMs = Date.now();
  const pushing = bench.push(...paths).finally(() => {
    isOver = true;
  });
  const [outcomes, rotated, kills]: [readonly PushOutcome[], Rotated, number] = await Promise.all([
    pushing,
    rotateAll(bench, secrets),
    killWorkers(bench, () => isOver),
  ]);
  const tookMs = Date.now() - startedAtMs;
  const reports = await reportsOf(standIn, paths);
  await drained(bench, ...QUEUES.map((name) => `${name}Queue`));
  secrets.destroy();
  const complete = outcomes.filter(({ scan }) => scan.detailType === 'scan complete').length;
  const deadLetters = QUEUES.reduce((sum, name) => sum + engines.queueCounts(`${name}DeadLetterQueue`).visible, 0);
  const identity = standIn.identityProvider?.report();
  const calls = standIn.calls();
  const lookUps =
    (calls.byMethod['InsightService/GetPackageVersionInsight'] ?? 0) + (calls.byMethod['MalwareAnalysisService/QueryPackageAnalysis'] ?? 0);
  const refused = bench.complaints.filter((line) => /authenticationFailures|Unauthenticated|service JWT|API key/.test(line));
  return [
    { what: `look-ups (${seconds(tookMs)} with what was killed)`, measured: String(lookUps), bar: `>= ${CALLS}`, passes: lookUps >= CALLS },
    { what: 'API keys rotated', measured: String(rotated.keys), bar: String(ROTATIONS), passes: rotated.keys === ROTATIONS },
    { what: 'service JWTs rotated', measured: String(rotated.tokens), bar: String(ROTATIONS), passes: rotated.tokens === ROTATIONS },
    { what: 'workers killed', measured: String(kills), bar: String(KILLS), passes: kills === KILLS },
    {
      what: 'scans complete, which a failed call would leave incomplete',
      measured: `${complete} of ${REPOSITORIES}`,
      bar: 'all',
      passes: complete === REPOSITORIES,
    },
    { what: 'reports complete', measured: `${reports} of ${REPOSITORIES}`, bar: 'all', passes: reports === REPOSITORIES },
    { what: 'refused calls, and complaints about a credential', measured: String(refused.length), bar: '0', passes: refused.length === 0 },
    { what: 'messages in dead-letter queues', measured: String(deadLetters), bar: '0', passes: deadLetters === 0 },
    {
      what: 'refreshes in flight at most (reuses that ended a sign-in)',
      measured: `${identity?.maxRefreshesInFlight} (${identity?.reusesDetected})`,
      bar: '<= 1 (0)',
      passes: identity?.maxRefreshesInFlight === 1 && identity.reusesDetected === 0,
    },
  ];
}

/** `npm run bench -- rotation` */
export async function run(): Promise<boolean> {
  const folder = temporaryFolder();
  const standIn = await startSafeDepStandIn({ latencyMs: LATENCY_MS, identityProvider: { approval: 'automatic', pollIntervalSeconds: 0 } });
  const paths = Array.from({ length: REPOSITORIES }, (_, index) =>
    npmRepository(folder.path, `rotation-${index}`, npmLockFile(PACKAGES, `p${index}`)),
  );
  const { safedep, refreshToken } = await signIn(standIn);
  const bench = await startBenchPipeline({ safedep, paths, report: true, engines: { maximumEnvironments: PROCESSES } });
  try {
    const rows = await measure(bench, standIn, refreshToken, paths);
    if (process.argv.includes('--json')) {
      process.stdout.write(`${JSON.stringify({ version: 1, bench: 'rotation', rows }, null, 2)}\n`);
      return rows.every(({ passes }) => passes !== false);
    }
    return report(`rotation: ${CALLS} calls at 490/s, ${LATENCY_MS} ms latency, no reuse leeway`, rows);
  } finally {
    await bench.close();
    await standIn.close();
    folder.remove();
  }
}
