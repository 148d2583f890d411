import { customFetch, tokenRevocation } from 'openid-client';
import { createExchange } from './exchange.ts';
import { discover, type IssuerSettings } from './issuer.ts';
import { toProviderFailure } from './provider-failure.ts';

/** In milliseconds. Ours: whoever signs out does not wait longer for what may be done elsewhere too. */
const REVOCATION_TIMEOUT_MS = 5_000;

export type RevocationResult =
  | { readonly kind: 'revoked' }
  /** The provider has no way to do it. */
  | { readonly kind: 'not-offered' }
  /** One sentence without a full stop. */
  | { readonly kind: 'failed'; readonly reason: string };

/** Has the provider forget a refresh token (RFC 7009). What a server does is a result; throws only where the settings are unusable. */
export async function revokeToken({
  settings,
  refreshToken,
  signal,
}: {
  readonly settings: IssuerSettings;
  readonly refreshToken: string;
  readonly signal?: AbortSignal | undefined;
}): Promise<RevocationResult> {
  const provider = await discover(settings, signal);
  if (provider.kind !== 'found') return { kind: 'failed', reason: provider.reason };
  const { configuration } = provider;
  if (configuration.serverMetadata().revocation_endpoint === undefined) return { kind: 'not-offered' };
  const exchange = createExchange(REVOCATION_TIMEOUT_MS, signal);
  configuration[customFetch] = exchange.fetch;
  try {
    await tokenRevocation(configuration, refreshToken, { token_type_hint: 'refresh_token' });
    return { kind: 'revoked' };
  } catch (error) {
    return { kind: 'failed', reason: toProviderFailure(error, exchange, 'the revocation', [refreshToken]).reason };
  }
}
