import {
  InvalidParameterException,
  InvalidRequestException,
  ResourceExistsException,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { vi } from 'vitest';
import { keepTokenFresh, type TokenOutcome, type TokenPorts } from '../../../functions/rotate/keep-token-fresh.ts';
import { AwsError } from '../../../infra/local/engines/loopback-server.ts';
import { type Rotations, Secrets } from '../../../infra/local/engines/secrets.ts';
import type { IdentityStore } from '../../../shared/aws/identity-store.ts';
import { createSecretVersions, type SecretVersions } from '../../../shared/aws/secret-versions.ts';
import type { RefreshResult } from '../../../shared/safedep/identity/refresh-tokens.ts';
import { unsignedToken } from '../../shared/safedep/identity/scripted-provider.ts';

export const REFRESH_TOKEN = 'refresh-token';
export const SERVICE_JWT = 'service-jwt';
export const API_KEY = 'api-key';
export const TENANT_ID = 'team.example.safedep.io';
export const HOUR_MS = 60 * 60_000;
export const START_MS = Date.parse('2026-01-01T00:00:00Z');
/** As SafeDep documents it. */
export const TOKEN_LIFE_MS = 24 * HOUR_MS;

const EXCEPTIONS = { InvalidParameterException, InvalidRequestException, ResourceExistsException, ResourceNotFoundException };

/** The SDK's client over the engine's own rules of versions and stages, without a socket between. */
export function inProcessClient(secrets: Secrets): SecretsManagerClient {
  const send = async (command: { readonly constructor: { readonly name: string }; readonly input: Record<string, unknown> }) => {
    try {
      const answer = secrets.call(command.constructor.name.replace(/Command$/, ''), command.input) as Record<string, unknown>;
      const dates = ['CreatedDate', 'LastChangedDate'].filter((name) => name in answer);
      return { ...answer, ...Object.fromEntries(dates.map((name) => [name, new Date(Number(answer[name]) * 1000)])) };
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      const Exception = EXCEPTIONS[error.type as keyof typeof EXCEPTIONS];
      throw Exception ? new Exception({ message: error.message, $metadata: {} }) : error;
    }
  };
  return { send } as unknown as SecretsManagerClient;
}

export function engineWith(values: Readonly<Record<string, unknown>>, rotations?: Rotations): Secrets {
  const plans = [REFRESH_TOKEN, SERVICE_JWT, API_KEY].map((name) => ({
    stackName: 'App',
    logicalId: name,
    name,
    arn: `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}-abcdef`,
  }));
  return new Secrets(plans, Object.fromEntries(Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)])), rotations);
}

/** The rules of `createIdentityStore`, which a test of its own holds against DynamoDB. */
export function identityInMemory(): IdentityStore {
  let fence = 0;
  let claimedUntilMs = 0;
  let rejected: { versionId: string; atMs: number } | undefined;
  let tidiedVersionId: string | undefined;
  return {
    read: async () => ({ ...(rejected && { rejected }), ...(tidiedVersionId !== undefined && { tidiedVersionId }) }),
    claim: async (nowMs, untilMs) => {
      if (claimedUntilMs > nowMs) return undefined;
      claimedUntilMs = untilMs;
      fence += 1;
      return { fence, untilMs };
    },
    extend: async (claim, nowMs, untilMs) => {
      if (claim.fence !== fence || claimedUntilMs <= nowMs) return undefined;
      claimedUntilMs = untilMs;
      return { fence, untilMs };
    },
    release: async (claim) => {
      if (claim.fence === fence) claimedUntilMs = 0;
    },
    noteRejected: async (versionId, atMs) => {
      rejected = { versionId, atMs };
    },
    noteTidied: async (versionId) => {
      tidiedVersionId = versionId;
    },
  };
}

/**
 * An identity provider that rotates: a used refresh token brings another successor within the leeway, and after it ends the whole sign-in.
 */
class RotatingProvider {
  readonly #leewayMs: number;
  readonly #usedAtMs = new Map<string, number | undefined>([['refresh-0', undefined]]);
  #isEnded = false;
  #inFlight = 0;
  maxInFlight = 0;
  rotations = 0;
  loseAnswers = 0;

  constructor(leewayMs: number) {
    this.#leewayMs = leewayMs;
  }

  end(): void {
    this.#isEnded = true;
  }

  signIn(): string {
    this.#isEnded = false;
    const token = `refresh-signed-in-${this.#usedAtMs.size}`;
    this.#usedAtMs.set(token, undefined);
    return token;
  }

  async refresh(token: string): Promise<RefreshResult> {
    this.#inFlight += 1;
    this.maxInFlight = Math.max(this.maxInFlight, this.#inFlight);
    try {
      await new Promise((resolve) => setImmediate(resolve));
      return this.#answer(token);
    } finally {
      this.#inFlight -= 1;
    }
  }

  #answer(token: string): RefreshResult {
    const usedAtMs = this.#usedAtMs.get(token);
    if (usedAtMs !== undefined && Date.now() - usedAtMs > this.#leewayMs) this.#isEnded = true;
    if (this.#isEnded || !this.#usedAtMs.has(token))
      return { kind: 'rejected', reason: 'the identity provider refuses a refresh (invalid_grant)' };
    this.#usedAtMs.set(token, usedAtMs ?? Date.now());
    this.rotations += 1;
    const refreshToken = `refresh-${this.rotations}`;
    this.#usedAtMs.set(refreshToken, undefined);
    if (this.loseAnswers > 0) {
      this.loseAnswers -= 1;
      return { kind: 'unavailable', reason: 'the connection broke', mayHaveRotated: true };
    }
    const expiresAtMs = Date.now() + TOKEN_LIFE_MS;
    return { kind: 'refreshed', accessToken: unsignedToken({ exp: expiresAtMs / 1000, n: this.rotations }), refreshToken, expiresAtMs };
  }
}

/** Dies at a call: before it does anything, or after it did and before its answer arrives. */
export interface Death {
  readonly atCall: number;
  readonly when: 'before' | 'after';
}

/** Makes every call of every port a place to die at. A dead run's calls never come back. */
export function mortal(death: Death | undefined) {
  const calls: string[] = [];
  const died = Promise.withResolvers<'died'>();
  let isDead = false;
  const wrap = <P extends object>(name: string, port: P): P =>
    new Proxy(port, {
      get(target, property) {
        const member: unknown = Reflect.get(target, property);
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]): Promise<unknown> => {
          if (isDead) return new Promise(() => undefined);
          calls.push(`${name}.${String(property)}`);
          const isLast = death !== undefined && calls.length === death.atCall;
          const die = () => {
            isDead = true;
            died.resolve('died');
            return new Promise(() => undefined);
          };
          if (isLast && death.when === 'before') return die();
          const answer: unknown = await member.apply(target, args);
          return isLast ? die() : answer;
        };
      },
    });
  return { calls, died: died.promise, wrap };
}

export interface World {
  readonly provider: RotatingProvider;
  readonly secrets: SecretVersions;
  readonly identity: IdentityStore;
  readonly warned: string[];
  /** One run, which may die. Resolves to `died` then. */
  run(options?: { death?: Death; force?: boolean; ports?: Partial<TokenPorts> }): Promise<TokenOutcome | 'died'>;
  /** Of the last run that was begun. */
  calls(): readonly string[];
  valueOf(secretId: string): Promise<Record<string, string>>;
  passMs(ms: number): void;
}

/** Signed in, and with half of the access token's life behind it. The caller restores the clock (`vi.useRealTimers`). */
export function makeWorld({ leewayMs }: { readonly leewayMs: number }): World {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
  const engine = engineWith({
    [REFRESH_TOKEN]: {
      issuer: 'https://id.example',
      clientId: 'client',
      refreshToken: 'refresh-0',
      tenantId: TENANT_ID,
      signedInAt: new Date(START_MS).toISOString(),
    },
    [SERVICE_JWT]: { accessToken: unsignedToken({ exp: (START_MS + TOKEN_LIFE_MS) / 1000 }), tenantId: TENANT_ID },
    [API_KEY]: { apiKey: 'sfd_first', tenantId: TENANT_ID },
  });
  const secrets = createSecretVersions(inProcessClient(engine));
  const identity = identityInMemory();
  const provider = new RotatingProvider(leewayMs);
  const warned: string[] = [];
  let calls: readonly string[] = [];
  const passMs = (ms: number): void => void vi.setSystemTime(Date.now() + ms);
  passMs(TOKEN_LIFE_MS / 2);
  return {
    provider,
    secrets,
    identity,
    warned,
    calls: () => calls,
    valueOf: async (secretId) => JSON.parse((await secrets.read(secretId))?.value ?? '{}'),
    passMs,
    async run({ death, force, ports } = {}) {
      const life = mortal(death);
      calls = life.calls;
      const asked = life.wrap('provider', { refresh: (token: string) => provider.refresh(token) });
      const run = keepTokenFresh(
        {
          secrets: life.wrap('secrets', secrets),
          identity: life.wrap('identity', identity),
          refreshTokenSecretId: REFRESH_TOKEN,
          serviceJwtSecretId: SERVICE_JWT,
          refresh: ({ refreshToken }) => asked.refresh(refreshToken),
          nowMs: Date.now,
          sleep: async (ms) => passMs(ms),
          deadlineAtMs: Date.now() + 120_000,
          log: { warn: (message) => void warned.push(message) },
          ...ports,
        },
        force === undefined ? {} : { force },
      );
      return Promise.race([run, life.died]);
    },
  };
}
