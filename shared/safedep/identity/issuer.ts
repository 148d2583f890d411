import { allowInsecureRequests, type Configuration, customFetch, discovery, None } from 'openid-client';
import { serviceUrl } from '../service-url.ts';
import { createExchange } from './exchange.ts';
import { type ProviderFailure, toProviderFailure } from './provider-failure.ts';

const DEFAULT_ISSUER = 'https://auth.safedep.io';

/**
 * The public client of SafeDep's own command line tool: device code and refresh, no secret. SafeDep registers no clients for others
 * that we know of; who has one of their own names it by `SAFEDEP_CLIENT_ID`.
 */
const DEFAULT_CLIENT_ID = '2ck5KJ9LyrPkzB8KANHSfNVpWJsQyC9d';

/** Who access tokens are made for: the control plane; the data plane takes them too. */
export const TOKEN_AUDIENCE = 'https://cloud.safedep.io';

/** `offline_access` is what brings the refresh token. */
export const TOKEN_SCOPE = 'offline_access openid profile email';

/** Reading the provider's description, in milliseconds. Ours: it is one small document. */
const DISCOVERY_TIMEOUT_MS = 5_000;

/** Which identity provider is asked, and as which client. */
export interface IssuerSettings {
  readonly issuer: string;
  readonly clientId: string;
}

/**
 * SafeDep's provider and client, unless others are named; an empty name is none. Plain `http://` is taken on loopback only.
 *
 * @throws Error for the reader.
 */
export function issuerSettings(
  named: { readonly issuer?: string | undefined; readonly clientId?: string | undefined } = {},
): IssuerSettings {
  const issuer = named.issuer || DEFAULT_ISSUER;
  serviceUrl(issuer);
  return { issuer, clientId: named.clientId || DEFAULT_CLIENT_ID };
}

/**
 * Reads where the provider has its endpoints (OIDC discovery). Nothing is kept: it is asked a few times a day.
 *
 * @throws Error for the reader where the settings are not usable.
 */
export async function discover(
  settings: IssuerSettings,
  signal: AbortSignal | undefined,
): Promise<{ readonly kind: 'found'; readonly configuration: Configuration } | ProviderFailure> {
  const { protocol } = serviceUrl(settings.issuer);
  const exchange = createExchange(DISCOVERY_TIMEOUT_MS, signal);
  try {
    const configuration = await discovery(new URL(settings.issuer), settings.clientId, undefined, None(), {
      [customFetch]: exchange.fetch,
      execute: protocol === 'http:' ? [allowInsecureRequests] : [],
    });
    return { kind: 'found', configuration };
  } catch (error) {
    return toProviderFailure(error, exchange, `the description of the identity provider ${new URL(settings.issuer).origin}`);
  }
}
