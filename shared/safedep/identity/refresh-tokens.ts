import { customFetch, refreshTokenGrant } from 'openid-client';
import { createExchange } from './exchange.ts';
import { discover, type IssuerSettings } from './issuer.ts';
import { toProviderFailure } from './provider-failure.ts';
import { toTokens } from './tokens.ts';

/**
 * Waiting for new tokens, in milliseconds. Ours: long, because the provider may have rotated the refresh token, and who hangs up first
 * never learns the new one.
 */
const REFRESH_TIMEOUT_MS = 15_000;

export type RefreshResult =
  | {
      readonly kind: 'refreshed';
      readonly accessToken: string;
      /** The one to keep from now on: the old one is spent where the provider rotates. */
      readonly refreshToken: string;
      /** Epoch milliseconds; the time of the answer where the provider does not say. */
      readonly expiresAtMs: number;
    }
  /** The refresh token is no longer good: sign in again. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /**
   * No new tokens this time. `mayHaveRotated`: the request may have reached the provider, so the refresh token may be spent; within the
   * provider's reuse leeway trying the same one again at once still brings the new one.
   */
  | { readonly kind: 'unavailable'; readonly reason: string; readonly mayHaveRotated: boolean };

/** Refusals of the grant itself; all others are about the client or the request, and a new sign-in would not help. */
const REJECTIONS = new Set(['invalid_grant', 'access_denied']);

/**
 * Exchanges a refresh token for new tokens, once: nothing is tried twice, since every try may spend the token. What a server does is a
 * result; throws only where the settings are unusable.
 */
export async function refreshTokens({
  settings,
  refreshToken,
  signal,
  nowMs,
}: {
  readonly settings: IssuerSettings;
  readonly refreshToken: string;
  readonly signal?: AbortSignal | undefined;
  readonly nowMs: () => number;
}): Promise<RefreshResult> {
  const provider = await discover(settings, signal);
  if (provider.kind !== 'found') return { kind: 'unavailable', reason: provider.reason, mayHaveRotated: false };
  const exchange = createExchange(REFRESH_TIMEOUT_MS, signal);
  provider.configuration[customFetch] = exchange.fetch;
  try {
    const tokens = toTokens(await refreshTokenGrant(provider.configuration, refreshToken), nowMs());
    return { kind: 'refreshed', ...tokens, refreshToken: tokens.refreshToken ?? refreshToken };
  } catch (error) {
    const failure = toProviderFailure(error, exchange, 'a refresh', [refreshToken]);
    if (failure.kind === 'unavailable') return { kind: 'unavailable', reason: failure.reason, mayHaveRotated: failure.mayHaveActed };
    if (REJECTIONS.has(failure.error)) return { kind: 'rejected', reason: failure.reason };
    return { kind: 'unavailable', reason: failure.reason, mayHaveRotated: false };
  }
}
