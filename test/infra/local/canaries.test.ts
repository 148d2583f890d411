import { join } from 'node:path';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LOCAL_TENANT, type LocalPipeline, startLocalPipeline } from '../../../infra/local/local-pipeline.ts';
import { localSettings } from '../../../infra/local/local-settings.ts';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../../infra/local/safedep/stand-in.ts';
import { type AlertReceiver, startAlertReceiver } from '../../../infra/local/terminal/alert-receiver.ts';
import { resolveRepositories } from '../../../infra/local/watch/resolve-repository.ts';
import { watchRepositories } from '../../../infra/local/watch/watch-repositories.ts';
import { commitFiles, initRepository, temporaryFolder } from '../../fakes/temporary-repository.ts';
import { packageLock } from '../../simulation/world.ts';

/**
 * Runs every function with secrets that can be recognised, while SafeDep answers, fails and refuses, and then looks for them in all
 * that comes out: logs and metrics of every process, tables, events, alerts, and what the stand-in shows of its calls.
 */

const API_KEY = 'sfd_canary_api_key_0123456789abcdef0123456789abcdef';
const SCAN_MS = 60_000;
const folder = temporaryFolder();
const repository = join(folder.path, 'canary');
const output: string[] = [];
let safedep: SafeDepStandIn;
let receiver: AlertReceiver;
let pipeline: LocalPipeline;
let canaries: Record<string, string>;
let scansEnded = 0;
let alerts = 0;

const note = (kind: string, text: string): void => void output.push(`${kind} ${text}`);

beforeAll(async () => {
  initRepository(repository);
  commitFiles(repository, { 'package-lock.json': packageLock('safedep-test-pkg@0.1.3', 'left-pad@1.3.0') });
  safedep = await startSafeDepStandIn({ apiKey: API_KEY });
  receiver = await startAlertReceiver((alert) => {
    alerts += 1;
    note('alert', JSON.stringify(alert));
  });
  const { settings, secrets } = await localSettings(undefined, await resolveRepositories([repository]), receiver, {});
  const { tenantId, accessToken } = safedep;
  pipeline = await startLocalPipeline({
    safedep: Promise.resolve({
      answers: 'cloud',
      description: '',
      environment: { SAFEDEP_ANSWERS: 'cloud', SAFEDEP_DATA_PLANE_URL: safedep.url },
      apiKeySecret: JSON.stringify({ apiKey: API_KEY, tenantId }),
      serviceJwtSecret: JSON.stringify({ accessToken, tenantId }),
      cacheName: '',
      close: () => undefined,
    }),
    settings,
    secrets,
    report: true,
    port: 0,
    log: ({ functionName, line }) => note('log', `${functionName} ${line}`),
    engines: {
      eventBus: {
        onEvent: ({ detail }) => {
          note('event', JSON.stringify(detail));
          if (!('finding' in (detail as object))) scansEnded += 1;
        },
      },
    },
  });
  canaries = {
    apiKey: API_KEY,
    accessToken,
    signature: accessToken.split('.')[2] ?? '',
    webhookSecret: pipeline.webhookSecret,
    signingSecret: receiver.secret,
    signingKey: receiver.secret.replace('whsec_', ''),
  };
});
afterAll(async () => {
  await pipeline?.close();
  await receiver?.close();
  await safedep?.close();
  folder.remove();
});

async function until(isThere: () => boolean, what: string): Promise<void> {
  const untilMs = Date.now() + SCAN_MS;
  while (!isThere()) {
    if (Date.now() > untilMs) throw new Error(`${what} did not come; the last lines:\n${output.slice(-5).join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Pushes the head; resolves when its scan has ended, one way or the other. */
async function scan(): Promise<void> {
  const before = scansEnded;
  const watching = watchRepositories(await resolveRepositories([repository]), {
    webhookUrl: pipeline.webhookUrl,
    secret: pipeline.webhookSecret,
    onPush: () => undefined,
    onProblem: (_, sentence) => note('problem', sentence),
  });
  await until(() => scansEnded > before, 'the end of a scan');
  await watching.close();
}

async function change(what: object): Promise<void> {
  const response = await fetch(`${safedep.url}/stand-in/change`, { method: 'PUT', body: JSON.stringify(what) });
  expect(response.status, await response.text()).toBe(200);
}

it('writes no secret anywhere, whatever SafeDep does', { timeout: 240_000 }, async () => {
  await scan();
  await until(() => safedep.sessions().some(({ status }) => status !== undefined), 'the report');
  await until(() => alerts > 0, 'an alert');
  // SafeDep away for a while, then the key is refused for good.
  await change({ fault: { kind: 'http-503', for: '3s' } });
  commitFiles(repository, { 'package-lock.json': packageLock('right-pad@1.0.1') });
  await scan();
  await change({ expireKeys: 'all' });
  commitFiles(repository, { 'package-lock.json': packageLock('wide-pad@1.0.1') });
  await scan();
  await pipeline.engines.fire('RescanSchedule');
  await pipeline.engines.fire('SweepSchedule');
  const forged = await fetch(pipeline.webhookUrl, { method: 'POST', headers: { 'x-hub-signature-256': 'sha256=00' }, body: '{}' });
  note('response', `${forged.status} ${await forged.text()}`);
  for (const { name } of pipeline.engines.plan.tables) {
    const { Items = [] } = await pipeline.client.send(new ScanCommand({ TableName: name }));
    note('table', `${name} ${JSON.stringify(Items)}`);
  }
  for (const path of ['/', '/stand-in/calls', '/stand-in/sessions', '/stand-in/state']) {
    note('page', await (await fetch(`${safedep.url}${path}`)).text());
  }

  const kinds = new Set(output.map((text) => text.slice(0, text.indexOf(' '))));
  expect([...kinds].sort()).toEqual(['alert', 'event', 'log', 'page', 'response', 'table']);
  expect(output.filter((text) => text.includes(LOCAL_TENANT)).length).toBeGreaterThan(0);
  expect(
    output.some((text) => /does not accept|refused|not accepted/i.test(text)),
    'the refused key was told of',
  ).toBe(true);
  for (const [name, canary] of Object.entries(canaries)) {
    expect(canary.length, name).toBeGreaterThan(20);
    for (const written of [canary, encodeURIComponent(canary), Buffer.from(canary).toString('base64').replace(/=+$/, '')]) {
      expect(
        output.filter((text) => text.includes(written)).map((text) => text.slice(0, 200)),
        name,
      ).toEqual([]);
    }
  }
});
