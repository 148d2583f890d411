import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { dynamoDbClient, leaseDynamoDbClient, secretsClient } from '../../shared/aws/clients.ts';
import { readEnvironment } from '../../shared/aws/environment.ts';
import { createIdentityStore } from '../../shared/aws/identity-store.ts';
import { errorText, log } from '../../shared/aws/log.ts';
import { writeIdentityMetrics } from '../../shared/aws/metrics.ts';
import { createSecretVersions } from '../../shared/aws/secret-versions.ts';
import { createSettingsReader } from '../../shared/aws/settings.ts';
import type { InvocationContext } from '../../shared/aws/sqs-batch.ts';
import { createFleetClock, LAMBDA_WALL_BOUND_MS } from '../../shared/rate-limit/clock.ts';
import { dynamoLimitStore } from '../../shared/rate-limit/dynamodb.ts';
import { limitKey, lookupLimitKey } from '../../shared/rate-limit/limit-key.ts';
import { createPermitSource, type PermitSource } from '../../shared/rate-limit/permits.ts';
import { AMAZON_TIME_SERVER, sntpTimeSource } from '../../shared/rate-limit/sntp.ts';
import { issuerSettings } from '../../shared/safedep/identity/issuer.ts';
import { refreshTokens } from '../../shared/safedep/identity/refresh-tokens.ts';
import { CONTROL_PLANE_URL, DATA_PLANE_URL } from '../../shared/safedep/service-url.ts';
import { parseTransportKind } from '../../shared/safedep/transport.ts';
import { ROTATE_ENVIRONMENT } from './env.ts';
import { CLAIM_MS, keepTokenFresh, type TokenOutcome } from './keep-token-fresh.ts';
import { keyNamesFor } from './key-name.ts';
import { openKeyService } from './key-service.ts';
import { type KeyPorts, ROTATION_STEPS, RotationError, rotateApiKey } from './rotate-api-key.ts';
import { takePermit } from './take-permit.ts';
import { tendApiKey } from './tend-api-key.ts';

const DAY_MS = 24 * 60 * 60_000;
/** What is left of the run when the last call to SafeDep begins, in milliseconds: for that call, and for writing what came of it. */
const AFTER_CALLING_MS = 20_000;
/** Of the claim, what is kept for writing new tokens; the provider has the rest, in milliseconds. */
const WRITE_TOKENS_MS = 20_000;

const inputSchema = v.union([
  v.object({ scheduled: v.literal(true) }),
  /** By hand: the access token is replaced now, due or not. */
  v.object({ refreshNow: v.literal(true) }),
  /** Secrets Manager's own form. */
  v.object({ Step: v.picklist(ROTATION_STEPS), SecretId: v.string(), ClientRequestToken: v.string() }),
]);

const env = readEnvironment(ROTATE_ENVIRONMENT, process.env);
const transport = parseTransportKind(env.SAFEDEP_TRANSPORT);
const dynamoDb = dynamoDbClient();
const secrets = createSecretVersions(secretsClient());
const identity = createIdentityStore(dynamoDb, env.IDENTITY_TABLE_NAME);
const settingsReader = createSettingsReader(dynamoDb, env.SETTINGS_TABLE_NAME, Date.now);
const warn = (message: string, error?: unknown) => log.warn(message, error === undefined ? {} : { error: errorText(error) });
const clock = createFleetClock({
  sources: [sntpTimeSource(env.TIME_SERVER ?? AMAZON_TIME_SERVER)],
  wallBoundMs: LAMBDA_WALL_BOUND_MS,
  warn,
});
const limitStore = dynamoLimitStore(leaseDynamoDbClient(), env.RATE_LIMITS_TABLE_NAME);
const wait = (ms: number): Promise<void> => sleep(ms);

/** The control plane counts by user, whatever its token is at the moment. */
async function permitSource(plane: 'control' | 'data', authorization: string): Promise<PermitSource> {
  const { limits } = await settingsReader.read(env.TENANT);
  const isControl = plane === 'control';
  const key = isControl ? limitKey({ tenant: env.TENANT, keyId: 'service', plane }) : lookupLimitKey(env.TENANT, authorization);
  return createPermitSource({ store: limitStore, key, limits: isControl ? limits.controlPlane : limits.dataPlane, clock, warn });
}

async function withKeyPorts<R>(deadlineAtMs: number, run: (ports: KeyPorts) => Promise<R>): Promise<R> {
  const keys = openKeyService({
    secrets,
    serviceJwtSecretId: env.SAFEDEP_SERVICE_JWT_SECRET_ID,
    controlPlaneUrl: env.SAFEDEP_CONTROL_PLANE_URL ?? CONTROL_PLANE_URL,
    dataPlaneUrl: env.SAFEDEP_DATA_PLANE_URL ?? DATA_PLANE_URL,
    transport,
    takePermit: async (plane, authorization) =>
      takePermit(await permitSource(plane, authorization), { callUntilMs: deadlineAtMs - AFTER_CALLING_MS, nowMs: Date.now, sleep: wait }),
    onFallback: (sentence) => log.warn('the transport fell back', { reason: sentence }),
  });
  const apiKeySecretId = env.SAFEDEP_API_KEY_SECRET_ID;
  try {
    return await run({
      secrets,
      apiKeySecretId,
      identity,
      keys,
      names: keyNamesFor(apiKeySecretId),
      nowMs: Date.now,
      sleep: wait,
      log,
    });
  } finally {
    keys.close();
  }
}

async function refreshIfDue(deadlineAtMs: number, force: boolean): Promise<TokenOutcome> {
  const outcome = await keepTokenFresh(
    {
      secrets,
      identity,
      refreshTokenSecretId: env.SAFEDEP_REFRESH_TOKEN_SECRET_ID,
      serviceJwtSecretId: env.SAFEDEP_SERVICE_JWT_SECRET_ID,
      refresh: ({ issuer, clientId, refreshToken }) =>
        refreshTokens({
          settings: issuerSettings({ issuer, clientId }),
          refreshToken,
          signal: AbortSignal.timeout(CLAIM_MS - WRITE_TOKENS_MS),
          nowMs: Date.now,
        }),
      nowMs: Date.now,
      sleep: wait,
      deadlineAtMs,
      log,
    },
    { force },
  );
  if (outcome.kind === 'no-sign-in') return outcome;
  const ageMs = outcome.signedInAtMs === undefined ? undefined : Date.now() - outcome.signedInAtMs;
  writeIdentityMetrics(
    {
      signInNeeded: outcome.kind === 'rejected' ? 1 : 0,
      ...(ageMs === undefined ? {} : { refreshTokenAgeDays: ageMs / DAY_MS }),
    },
    Date.now(),
  );
  return outcome;
}

/** Says what became of the access token. Throws where the run must be done again soon: Lambda does that after a minute. */
function conclude(outcome: TokenOutcome): void {
  switch (outcome.kind) {
    case 'refreshed':
      log.info('the service JWT was replaced', { expiresAt: new Date(outcome.expiresAtMs).toISOString() });
      return;
    case 'rejected':
      log.error('the robot user has to sign in again: npm run cli -- auth login --service; reports go out with the API key', {
        reason: outcome.reason,
      });
      return;
    case 'busy':
      throw new Error('the claim on the sign-in is held: another run refreshes, or died in it a moment ago');
    case 'unavailable':
      log.warn('the service JWT could not be replaced', { reason: outcome.reason });
      if (outcome.isUrgent || outcome.mayHaveRotated) throw new Error(`the service JWT could not be replaced: ${outcome.reason}`);
      return;
    case 'overtaken':
      log.warn('somebody signed in meanwhile: theirs is used', {});
      return;
    case 'fresh':
    case 'no-sign-in':
      return;
  }
}

async function runScheduled(deadlineAtMs: number, force: boolean): Promise<void> {
  let outcome: TokenOutcome | undefined;
  try {
    outcome = await refreshIfDue(deadlineAtMs, force);
  } finally {
    // A key is looked after also where the sign-in is in trouble.
    const canAsk = outcome?.kind === 'fresh' || outcome?.kind === 'refreshed';
    const { expiresAtMs } = await withKeyPorts(deadlineAtMs, (ports) => tendApiKey(ports, { canAsk }));
    if (expiresAtMs !== undefined) writeIdentityMetrics({ apiKeyLeftDays: (expiresAtMs - Date.now()) / DAY_MS }, Date.now());
  }
  conclude(outcome);
}

/** Entry point of the schedule, of an operator, and of Secrets Manager for each step of a rotation. */
export async function handler(event: unknown, context: InvocationContext): Promise<void> {
  const input = v.parse(inputSchema, event);
  const deadlineAtMs = Date.now() + context.getRemainingTimeInMillis();
  if ('scheduled' in input) return runScheduled(deadlineAtMs, false);
  if ('refreshNow' in input) return runScheduled(deadlineAtMs, true);
  const { Step: step, SecretId: secretId, ClientRequestToken: versionId } = input;
  try {
    if (secretId !== env.SAFEDEP_API_KEY_SECRET_ID) throw new RotationError(`${secretId} is not the secret that this function rotates`);
    await withKeyPorts(deadlineAtMs, (ports) => rotateApiKey(step, versionId, ports));
    log.info('a step of the rotation is done', { step });
  } catch (error) {
    writeIdentityMetrics({ rotationFailed: 1 }, Date.now());
    throw error;
  }
}
