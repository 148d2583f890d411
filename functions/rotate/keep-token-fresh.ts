import type { Claim, IdentityStore } from '../../shared/aws/identity-store.ts';
import type { LogFields } from '../../shared/aws/log.ts';
import { type SecretVersion, type SecretVersions, successorId } from '../../shared/aws/secret-versions.ts';
import {
  CredentialError,
  noted,
  parseRefreshTokenSecret,
  parseServiceJwtSecret,
  type RefreshTokenSecret,
  type ServiceJwtSecret,
  serviceJwtExpiresAtMs,
} from '../../shared/safedep/credentials.ts';
import type { RefreshResult } from '../../shared/safedep/identity/refresh-tokens.ts';

/**
 * Share of a token's life that is left when it is replaced. Ours: of SafeDep's typical day half is left, so that an outage of the identity
 * provider has twelve hours to pass before anybody notices.
 */
const REFRESH_AT_SHARE_LEFT = 0.5;
/** Where less than this share is left and there is still no successor, somebody is told. Ours. */
const URGENT_AT_SHARE_LEFT = 0.25;
/**
 * A version younger than this is left alone while its token is good, in milliseconds: Secrets Manager asks for no more than one a ten
 * minutes over time, and deletes the eldest of a hundred.
 */
const VERSION_MIN_AGE_MS = 10 * 60_000;
/**
 * How long one try may hold the claim, in milliseconds: discovery and refresh give up after 5 and 15 s together, then the new refresh token
 * is written, which gives up after some 10 s a call. Less than the minute after which Lambda runs a failed event again: who died in a try
 * keeps nobody from trying again at once.
 */
export const CLAIM_MS = 45_000;
/** Tries in one run where the provider may have rotated and the answer was lost; each needs the whole of `CLAIM_MS` before the deadline. */
const TRIES_MAX = 3;
/** A refresh token that was rejected is tried again after this, in milliseconds. Ours: a block of the robot user may be taken back. */
const REJECTED_AGAIN_AFTER_MS = 60 * 60_000;
/** Between two tries to write a new refresh token that nobody else has, in milliseconds. */
const WRITE_AGAIN_MS = 1_000;

export interface TokenPorts {
  readonly secrets: Pick<SecretVersions, 'read' | 'putPending' | 'putFirst' | 'promote'>;
  readonly identity: IdentityStore;
  readonly refreshTokenSecretId: string;
  readonly serviceJwtSecretId: string;
  /** Asks the provider once; ends within `CLAIM_MS` with time to write. */
  refresh(secret: RefreshTokenSecret): Promise<RefreshResult>;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  /** The run ends here, epoch milliseconds. */
  readonly deadlineAtMs: number;
  readonly log: { warn(message: string, fields?: LogFields): void };
}

/**
 * How a run ended. `signedInAtMs` is since when the refresh token lives, as far as anybody wrote it down.
 *
 * - `no-sign-in`: no robot user is signed in; nothing to do. `busy`: somebody else is refreshing, or died in it a moment ago.
 * - `overtaken`: a person signed in meanwhile; theirs stands.
 * - `rejected`: the refresh token is dead, and only a person can go on. Reports go out by API key.
 * - `unavailable`: no answer this time. `isUrgent`: the access token has little time left.
 */
export type TokenOutcome =
  | { readonly kind: 'no-sign-in' }
  | ({ readonly signedInAtMs?: number } & (
      | { readonly kind: 'fresh' | 'busy' | 'overtaken' }
      | { readonly kind: 'refreshed'; readonly expiresAtMs: number }
      | { readonly kind: 'rejected'; readonly reason: string }
      | { readonly kind: 'unavailable'; readonly reason: string; readonly mayHaveRotated: boolean; readonly isUrgent: boolean }
    ));

interface SignIn {
  readonly version: SecretVersion;
  readonly secret: RefreshTokenSecret;
}

/**
 * Replaces the service's access token well before it ends, as the only one who does. Killed anywhere, the next run goes on where this one
 * was. The provider's answer is lost only where a run dies before the one write that follows it; the old refresh token is then tried
 * again, which works within the provider's leeway.
 *
 * Throws `CredentialError` where the refresh token's secret is malformed, and what AWS throws.
 */
export async function keepTokenFresh(ports: TokenPorts, { force = false }: { readonly force?: boolean } = {}): Promise<TokenOutcome> {
  const { identity, nowMs } = ports;
  const seen = await readSignIn(ports);
  if (seen === undefined) return { kind: 'no-sign-in' };
  const since = signedInAt(seen);
  if (!force && !shareLeft(await readJwt(ports), seen, nowMs()).isDue) return { kind: 'fresh', ...since };

  const { rejected } = await identity.read();
  if (!force && rejected?.versionId === seen.version.versionId && nowMs() - rejected.atMs < REJECTED_AGAIN_AFTER_MS) {
    return { kind: 'rejected', reason: `the identity provider rejected it at ${new Date(rejected.atMs).toISOString()}`, ...since };
  }
  const claim = await identity.claim(nowMs(), nowMs() + CLAIM_MS);
  if (claim === undefined) return { kind: 'busy', ...since };
  const held = { claim };
  const outcome = await refreshClaimed(ports, held, force);
  await identity.release(held.claim);
  return outcome;
}

async function refreshClaimed(ports: TokenPorts, held: { claim: Claim }, force: boolean): Promise<TokenOutcome> {
  const { secrets, identity, refreshTokenSecretId, serviceJwtSecretId, nowMs, deadlineAtMs, log } = ports;
  // A run that died between writing and promoting left the newest there.
  await settle(secrets, refreshTokenSecretId);
  await settle(secrets, serviceJwtSecretId);
  const signIn = await readSignIn(ports);
  if (signIn === undefined) return { kind: 'no-sign-in' };
  const since = signedInAt(signIn);
  const jwt = await readJwt(ports);
  const left = shareLeft(jwt, signIn, nowMs());
  if (!force && !left.isDue) return { kind: 'fresh', ...since };

  let result = await ports.refresh(signIn.secret);
  for (let tries = 1; result.kind === 'unavailable' && result.mayHaveRotated && tries < TRIES_MAX; tries += 1) {
    if (nowMs() + CLAIM_MS > deadlineAtMs) break;
    const extended = await identity.extend(held.claim, nowMs(), nowMs() + CLAIM_MS);
    if (extended === undefined) return { kind: 'busy', ...since };
    held.claim = extended;
    log.warn('the answer of the identity provider was lost: the same refresh token is tried again at once', { reason: result.reason });
    result = await ports.refresh(signIn.secret);
  }

  if (result.kind === 'rejected') {
    await identity.noteRejected(signIn.version.versionId, nowMs());
    return { kind: 'rejected', reason: result.reason, ...since };
  }
  if (result.kind === 'unavailable') {
    const { reason, mayHaveRotated } = result;
    return { kind: 'unavailable', reason, mayHaveRotated, isUrgent: left.isUrgent, ...since };
  }
  // First of all what cannot be had a second time.
  if (!(await keepRefreshToken(ports, held, signIn, result.refreshToken))) return { kind: 'overtaken', ...since };
  const token: ServiceJwtSecret = {
    accessToken: result.accessToken,
    tenantId: signIn.secret.tenantId,
    expiresAt: new Date(result.expiresAtMs).toISOString(),
  };
  const isWritten = await replace(secrets, serviceJwtSecretId, jwt?.version.versionId, JSON.stringify(token));
  return isWritten ? { kind: 'refreshed', expiresAtMs: result.expiresAtMs, ...since } : { kind: 'overtaken', ...since };
}

/** False where another version took its place meanwhile. Tries until the run ends: nobody else has this token. */
async function keepRefreshToken(ports: TokenPorts, held: { claim: Claim }, { version, secret }: SignIn, refreshToken: string) {
  const { secrets, identity, refreshTokenSecretId, nowMs, sleep, deadlineAtMs, log } = ports;
  const value = JSON.stringify({ ...secret, refreshToken, refreshedAt: new Date(nowMs()).toISOString() } satisfies RefreshTokenSecret);
  for (;;) {
    try {
      return await replace(secrets, refreshTokenSecretId, version.versionId, value);
    } catch (error) {
      if (nowMs() + WRITE_AGAIN_MS >= deadlineAtMs) throw error;
      log.warn('the new refresh token could not be written yet', { error: (error as Error).name });
      await sleep(WRITE_AGAIN_MS);
      held.claim = (await identity.extend(held.claim, nowMs(), nowMs() + CLAIM_MS).catch(() => undefined)) ?? held.claim;
    }
  }
}

/** Puts a value in the place of that version, and of no other: the write is durable before anybody reads it. */
async function replace(secrets: TokenPorts['secrets'], secretId: string, from: string | undefined, value: string): Promise<boolean> {
  const versionId = successorId(from);
  if (from === undefined) return (await secrets.putFirst(secretId, versionId, value)) === 'written';
  if ((await secrets.putPending(secretId, versionId, value)) === 'taken') return false;
  return (await secrets.promote(secretId, versionId, from)) === 'current';
}

async function settle(secrets: TokenPorts['secrets'], secretId: string): Promise<void> {
  const current = await secrets.read(secretId);
  if (current === undefined) return;
  const successor = await secrets.read(secretId, { versionId: successorId(current.versionId) });
  if (successor) await secrets.promote(secretId, successor.versionId, current.versionId);
}

async function readSignIn({ secrets, refreshTokenSecretId }: TokenPorts): Promise<SignIn | undefined> {
  const version = await secrets.read(refreshTokenSecretId);
  return version && { version, secret: parseRefreshTokenSecret(version.value) };
}

interface Jwt {
  readonly version: SecretVersion;
  /** Absent where the secret is malformed: it is about to be replaced by a right one. */
  readonly secret?: ServiceJwtSecret;
}

async function readJwt({ secrets, serviceJwtSecretId, log }: TokenPorts): Promise<Jwt | undefined> {
  const version = await secrets.read(serviceJwtSecretId);
  if (version === undefined) return undefined;
  try {
    return { version, secret: parseServiceJwtSecret(version.value) };
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    log.warn('the secret of the service JWT is malformed and is replaced', { reason: error.message });
    return { version };
  }
}

/** What is left of the token's life, which begins where its version was written. Nothing where the token is of another tenant than the sign-in. */
function shareLeft(
  jwt: Jwt | undefined,
  { secret: { tenantId } }: SignIn,
  nowMs: number,
): { readonly isDue: boolean; readonly isUrgent: boolean } {
  const expiresAtMs = jwt?.secret?.tenantId === tenantId ? serviceJwtExpiresAtMs(jwt.secret) : undefined;
  if (jwt === undefined || expiresAtMs === undefined) return { isDue: true, isUrgent: true };
  const { createdAtMs } = jwt.version;
  const share = (expiresAtMs - nowMs) / Math.max(1, expiresAtMs - createdAtMs);
  const isYoung = nowMs - createdAtMs < VERSION_MIN_AGE_MS;
  return { isDue: expiresAtMs <= nowMs || (share <= REFRESH_AT_SHARE_LEFT && !isYoung), isUrgent: share <= URGENT_AT_SHARE_LEFT };
}

function signedInAt({ secret: { signedInAt, refreshedAt } }: SignIn): { readonly signedInAtMs?: number } {
  const signedInAtMs = noted(signedInAt) ?? noted(refreshedAt);
  return signedInAtMs === undefined ? {} : { signedInAtMs };
}
