import {
  type Configuration,
  customFetch,
  type DeviceAuthorizationResponse,
  genericGrantRequest,
  initiateDeviceAuthorization,
} from 'openid-client';
import { serviceUrl } from '../service-url.ts';
import { createExchange } from './exchange.ts';
import { discover, type IssuerSettings, TOKEN_AUDIENCE, TOKEN_SCOPE } from './issuer.ts';
import { type ProviderFailure, toProviderFailure } from './provider-failure.ts';
import { type Tokens, toTokens } from './tokens.ts';

/** One request of the flow, in milliseconds. Ours. */
const REQUEST_TIMEOUT_MS = 15_000;

/** RFC 8628, 3.2 and 3.5: polls are so far apart where the provider does not say, and so much further after each `slow_down`. */
const INTERVAL_DEFAULT_MS = 5_000;
const SLOW_DOWN_MS = 5_000;

/** Polls that fail on the way double their distance (RFC 8628, 3.5), up to this. Ours: a person is waiting. */
const INTERVAL_MAX_MS = 60_000;

const DEVICE_CODE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

/** What the person who signs in needs. Comes from the provider: not fit for a terminal as it is. */
export interface DeviceCode {
  readonly userCode: string;
  readonly verificationUri: string;
  /** The same page with the code filled in, where the provider has one. */
  readonly verificationUriComplete?: string;
  /** Epoch milliseconds. */
  readonly expiresAtMs: number;
}

/** `reason` is one sentence without a full stop. */
export type DeviceLoginResult =
  | ({ readonly kind: 'signed-in'; readonly refreshToken: string } & Tokens)
  /** The provider, or the person at it, says no; `reason` says what to do where that is known. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Nobody confirmed the code in time. */
  | { readonly kind: 'expired'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string }
  /** `signal` ended it. */
  | { readonly kind: 'cancelled' };

interface DeviceLoginOptions {
  readonly settings: IssuerSettings;
  /** Told once, when there is a code to show. */
  readonly onCode: (code: DeviceCode) => void;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  /** Waits; rejects when the signal ends. */
  readonly sleep: (waitMs: number, signal: AbortSignal) => Promise<void>;
}

/** Signs a person in by the device code flow (RFC 8628). Throws only where the settings are unusable. */
export async function deviceLogin({ settings, onCode, signal, nowMs, sleep }: DeviceLoginOptions): Promise<DeviceLoginResult> {
  const provider = await discover(settings, signal);
  if (provider.kind !== 'found') return ended(provider, signal);
  const { configuration } = provider;
  const started = await start(configuration, signal, nowMs);
  if (started.kind !== 'started') return ended(started, signal);
  onCode(started.code);

  let intervalMs = started.intervalMs;
  for (;;) {
    try {
      await sleep(intervalMs, signal);
    } catch (error) {
      if (signal.aborted) return { kind: 'cancelled' };
      throw error;
    }
    if (nowMs() >= started.code.expiresAtMs) return expired();
    const polled = await poll(configuration, started.deviceCode, signal, nowMs);
    if (polled.kind === 'tokens') return withRefreshToken(polled.tokens);
    if (signal.aborted) return { kind: 'cancelled' };
    if (polled.kind === 'unavailable') intervalMs = Math.min(intervalMs * 2, INTERVAL_MAX_MS);
    else if (polled.error === 'slow_down') intervalMs += SLOW_DOWN_MS;
    else if (polled.error !== 'authorization_pending') return ended(polled, signal);
  }
}

async function start(
  configuration: Configuration,
  signal: AbortSignal,
  nowMs: () => number,
): Promise<
  { readonly kind: 'started'; readonly deviceCode: string; readonly intervalMs: number; readonly code: DeviceCode } | ProviderFailure
> {
  const exchange = createExchange(REQUEST_TIMEOUT_MS, signal);
  configuration[customFetch] = exchange.fetch;
  const askedAtMs = nowMs();
  let answer: DeviceAuthorizationResponse;
  try {
    answer = await initiateDeviceAuthorization(configuration, { audience: TOKEN_AUDIENCE, scope: TOKEN_SCOPE });
    for (const link of [answer.verification_uri, answer.verification_uri_complete]) if (link !== undefined) requireWebPage(link);
  } catch (error) {
    return toProviderFailure(error, exchange, 'a sign-in');
  }
  return {
    kind: 'started',
    deviceCode: answer.device_code,
    intervalMs: answer.interval === undefined ? INTERVAL_DEFAULT_MS : answer.interval * 1000,
    code: {
      userCode: answer.user_code,
      verificationUri: answer.verification_uri,
      ...(answer.verification_uri_complete === undefined ? {} : { verificationUriComplete: answer.verification_uri_complete }),
      expiresAtMs: askedAtMs + answer.expires_in * 1000,
    },
  };
}

/** A person is asked to open it: nothing but a page over TLS, or on this machine. Throws as `serviceUrl` does. */
function requireWebPage(link: string): void {
  serviceUrl(URL.canParse(link) ? new URL(link).origin : link);
}

async function poll(
  configuration: Configuration,
  deviceCode: string,
  signal: AbortSignal,
  nowMs: () => number,
): Promise<{ readonly kind: 'tokens'; readonly tokens: Tokens } | ProviderFailure> {
  const exchange = createExchange(REQUEST_TIMEOUT_MS, signal);
  configuration[customFetch] = exchange.fetch;
  try {
    const answer = await genericGrantRequest(configuration, DEVICE_CODE_GRANT, { device_code: deviceCode });
    return { kind: 'tokens', tokens: toTokens(answer, nowMs()) };
  } catch (error) {
    return toProviderFailure(error, exchange, 'the sign-in', [deviceCode]);
  }
}

function withRefreshToken(tokens: Tokens): DeviceLoginResult {
  const { refreshToken } = tokens;
  if (refreshToken !== undefined) return { kind: 'signed-in', ...tokens, refreshToken };
  return {
    kind: 'refused',
    reason: 'the identity provider gives this client no refresh token: offline access must be allowed for the client of SAFEDEP_CLIENT_ID',
  };
}

function expired(): DeviceLoginResult {
  return { kind: 'expired', reason: 'the code was not confirmed in time' };
}

function ended(failure: ProviderFailure, signal: AbortSignal): DeviceLoginResult {
  if (signal.aborted) return { kind: 'cancelled' };
  if (failure.kind === 'unavailable') return { kind: 'unavailable', reason: failure.reason };
  if (failure.error === 'expired_token') return expired();
  if (failure.error !== 'access_denied') return { kind: 'refused', reason: failure.reason };
  if (/verif.*e-?mail|e-?mail.*verif/i.test(failure.description))
    return { kind: 'refused', reason: 'verify your e-mail address first, by the link that SafeDep sent to it, and sign in again' };
  return { kind: 'refused', reason: `the sign-in was denied${failure.description && ` (${failure.description})`}` };
}
