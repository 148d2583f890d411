import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand, GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { FUNCTION_NAMES, type FunctionName } from '../../infra/aws/bundle.ts';
import { functionLogicalId } from '../../infra/aws/constructs/logical-id.ts';
import type { BusEvent } from '../../shared/messages/bus-events.ts';
import { pushPayload, signedDelivery, ZERO_SHA } from '../fakes/github/push-payload.ts';
import type { DeployedStack } from './deploy.ts';
import { invoke, postToFunctionUrl, readLog, withdrawRights } from './deployed-functions.ts';
import type { Ministack } from './ministack.ts';
import { REGION, ROOT_CREDENTIALS } from './signed-request.ts';
import { FULL_NAME, type Surroundings } from './surroundings.ts';

export interface PushThrough {
  readonly ministack: Ministack;
  readonly deployed: DeployedStack;
  readonly surroundings: Surroundings;
  say(line: string): void;
}

/** Cold starts of nine functions, one after the other, in an emulator on a busy machine. */
const STEP_TIMEOUT_MS = 90_000;
const POLL_MS = 250;
const SINK_SECRET_NAME = 'safedep-watch/sinks/test';
/** What a refused call looks like, in whatever words a service says it. */
const REFUSAL = /AccessDenied|is not authorized to perform|not authori[sz]ed/i;

/**
 * Two signed pushes from the webhook to the sink, then what no push reaches: the schedules, and a message that nobody can read on
 * every queue. At the end no function may have been refused anything.
 */
export async function pushThrough({ ministack, deployed, surroundings, say }: PushThrough): Promise<void> {
  const { endpoint } = ministack;
  const { repository, gitHub, safeDep, sink } = surroundings;
  const physicalId = (logicalId: string): string => {
    const found = deployed.resources.get(logicalId);
    if (!found) throw new Error(`${logicalId} was not created`);
    return found;
  };
  const webhookSecret = await fillIn();

  await proveThatRightsAreEnforced();

  const first = await repository.commitPackages({ lodash: '4.17.21', 'left-pad': '1.3.0' });
  await push(ZERO_SHA, first);
  const summary = await event('the summary of the first scan', (each) => each.detailType === 'scan complete' && each.baseline);
  say(`first push: ${describe(summary)}`);

  const second = await repository.commitPackages({ lodash: '4.17.21', minimist: '1.2.0' });
  await push(first, second);
  const opened = await event(
    'the finding about minimist 1.2.0',
    (each) => 'finding' in each && each.finding.purl === 'pkg:npm/minimist@1.2.0',
  );
  say(`second push: ${describe(opened)}`);

  await until('two reports at SafeDep', () => safeDep.sessions().length >= 2);
  say(`reported: ${safeDep.sessions().length} sessions`);

  for (const name of ['rescan', 'sweep', 'rotate'] as const)
    await invoke(endpoint, physicalId(functionLogicalId(name)), { scheduled: true });
  say('rescan, sweep and rotate ran');

  await sendUnreadableMessages();
  say('a message that nobody can read was refused on every queue');

  await checkLogs();
  if (gitHub.contractProblems.length > 0) throw new Error(`the GitHub stand-in was not GitHub:\n${gitHub.contractProblems.join('\n')}`);
  if (sink.refused.length > 0) throw new Error(`the sink refused alerts: ${sink.refused.join('; ')}`);

  /** What an operator does after the deployment: secrets and settings. Answers the generated webhook secret. */
  async function fillIn(): Promise<string> {
    const client = { endpoint, region: REGION, credentials: ROOT_CREDENTIALS };
    const secrets = new SecretsManagerClient(client);
    const put = (SecretId: string, value: string) => secrets.send(new PutSecretValueCommand({ SecretId, SecretString: value }));
    await put('safedep-watch/safedep-api-key', JSON.stringify({ apiKey: safeDep.apiKey, tenantId: safeDep.tenantId }));
    await put('safedep-watch/safedep-service-jwt', JSON.stringify({ accessToken: safeDep.accessToken, tenantId: safeDep.tenantId }));
    await put('safedep-watch/forges/github-token', gitHub.token);
    await secrets.send(new CreateSecretCommand({ Name: SINK_SECRET_NAME, SecretString: sink.signingSecret }));

    const settings = {
      version: 1,
      sources: [{ forge: 'github', host: gitHub.host, apiUrl: gitHub.apiUrl, tokenSecret: 'safedep-watch/forges/github-token' }],
      sinks: [{ name: 'test', kind: 'webhook', url: sink.url, signingSecret: SINK_SECRET_NAME }],
    };
    await new DynamoDBClient(client).send(
      new PutItemCommand({
        TableName: physicalId('SettingsTable'),
        Item: { tenant: { S: 'default' }, version: { N: '1' }, document: { S: JSON.stringify(settings) } },
      }),
    );
    const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: 'safedep-watch/forges/github-webhook' }));
    if (!SecretString) throw new Error('the webhook secret was not generated');
    say('secrets and settings filled in');
    return SecretString;
  }

  /** Without this a run in which nothing is enforced would pass. */
  async function proveThatRightsAreEnforced(): Promise<void> {
    const restore = await withdrawRights(endpoint, roleOf('webhook'));
    const { status } = await deliver(ZERO_SHA, ZERO_SHA.replace('0', '1'));
    await restore();
    if (status === 202) throw new Error('the webhook took a push without any rights: the emulator enforces nothing');
    await until('the refusal in the log of the webhook', async () => (await logOf('webhook')).some((line) => REFUSAL.test(line)));
    say('a function without rights is refused');
  }

  async function push(before: string, after: string): Promise<void> {
    const { status, body } = await deliver(before, after);
    if (status !== 202) throw new Error(`the webhook answered ${status} to a signed push: ${body}\n${await lastLines()}`);
  }

  function deliver(before: string, after: string) {
    const payload = pushPayload({
      host: gitHub.host,
      repositoryId: surroundings.repositoryId,
      fullName: FULL_NAME,
      defaultBranch: 'main',
      ref: 'refs/heads/main',
      before,
      after,
    });
    const { headers, body } = signedDelivery('push', JSON.stringify(payload), webhookSecret);
    return postToFunctionUrl(ministack.port, deployed.outputs['WebhookAddress'] ?? '', headers, body);
  }

  async function event(what: string, matches: (event: BusEvent) => boolean): Promise<BusEvent> {
    await until(what, () => sink.events.some(matches));
    return sink.events.find(matches) as BusEvent;
  }

  /** Waits; whoever is refused something meanwhile ends the waiting. */
  async function until(what: string, isThere: () => boolean | Promise<boolean>): Promise<void> {
    const deadlineMs = Date.now() + STEP_TIMEOUT_MS;
    while (!(await isThere())) {
      await failOnRefusals();
      if (Date.now() > deadlineMs) throw new Error(`${what} did not come within ${STEP_TIMEOUT_MS / 1000} s\n${await lastLines()}`);
      await sleep(POLL_MS);
    }
  }

  /** A consumer that fails gives the message back by its visibility, which is a right of its own. */
  async function sendUnreadableMessages(): Promise<void> {
    const sqs = new SQSClient({ endpoint, region: REGION, credentials: ROOT_CREDENTIALS, useQueueUrlAsEndpoint: false });
    const readers = {
      Pushes: 'extract',
      PushesBackground: 'extract',
      LookupsLive: 'worker',
      LookupsBackground: 'worker',
      Evaluations: 'results',
      Reports: 'report',
      AlertsWebhook: 'alert',
    } as const;
    const failuresBefore = new Map(await Promise.all(FUNCTION_NAMES.map(async (name) => [name, await failures(name)] as const)));
    for (const queue of Object.keys(readers)) {
      await sqs.send(
        new SendMessageCommand({ QueueUrl: physicalId(`${queue}Queue`), MessageBody: '{"version":0,"kind":"nothing that anybody knows"}' }),
      );
    }
    for (const reader of new Set(Object.values(readers))) {
      const expected = (failuresBefore.get(reader) ?? 0) + Object.values(readers).filter((name) => name === reader).length;
      await until(`${reader}'s refusal of what it cannot read`, async () => (await failures(reader)) >= expected);
    }
  }

  async function failures(name: FunctionName): Promise<number> {
    return (await logOf(name)).filter((line) => line.includes('"error"')).length;
  }

  function logOf(name: FunctionName): Promise<string[]> {
    return readLog(endpoint, physicalId(logGroupOf(name)));
  }

  async function checkLogs(): Promise<void> {
    for (const name of FUNCTION_NAMES) {
      if ((await logOf(name)).length === 0) throw new Error(`${name} has written no log: it never ran, or may not write its log`);
    }
    await failOnRefusals();
    say(`${FUNCTION_NAMES.length} of ${FUNCTION_NAMES.length} functions ran, none was refused anything`);
  }

  async function failOnRefusals(): Promise<void> {
    const refusals: string[] = [];
    for (const name of FUNCTION_NAMES) {
      const refused = (await logOf(name)).filter((line) => REFUSAL.test(line));
      // The webhook is refused on purpose, once.
      refusals.push(...refused.slice(name === 'webhook' ? 1 : 0).map((line) => `  ${name}: ${line.trim()}`));
    }
    if (refusals.length > 0) throw new Error(`functions were refused what they need:\n${refusals.join('\n')}`);
  }

  async function lastLines(): Promise<string> {
    const LINES = 5;
    const parts = await Promise.all(
      FUNCTION_NAMES.map(async (name) =>
        [`${name}:`, ...(await logOf(name)).slice(-LINES).map((line) => `  ${line.trim().slice(0, 400)}`)].join('\n'),
      ),
    );
    return parts.join('\n');
  }

  function logGroupOf(name: FunctionName): string {
    return only(new RegExp(`^${constructOf(name)}Logs[0-9A-F]{8}$`));
  }

  function roleOf(name: FunctionName): string {
    return physicalId(only(new RegExp(`^${constructOf(name)}Role[0-9A-F]{8}$`)));
  }

  function constructOf(name: FunctionName): string {
    const within = { webhook: 'WebhookReceiver', rotate: 'CredentialsRotate' } as const;
    return name in within ? within[name as keyof typeof within] : functionLogicalId(name).replace(/Function$/, '');
  }

  function only(pattern: RegExp): string {
    const found = [...deployed.resources.keys()].filter((logicalId) => pattern.test(logicalId));
    if (found.length !== 1 || !found[0]) throw new Error(`expected one resource like ${pattern}, found ${found.join(', ') || 'none'}`);
    return found[0];
  }
}

function describe(event: BusEvent): string {
  if ('finding' in event) return `${event.detailType}: ${event.finding.kind} in ${event.finding.purl}, ${event.finding.decision}`;
  return `${event.detailType}, ${event.counts.packages} packages in ${event.counts.lockFiles} lock file(s)`;
}
