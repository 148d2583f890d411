import type { TokenEndpointResponse } from 'openid-client';
import { readTokenClaims } from './token-claims.ts';

export interface Tokens {
  readonly accessToken: string;
  /** Absent where the provider gave none. */
  readonly refreshToken?: string;
  /** Epoch milliseconds; `nowMs` where neither the token nor the answer says. */
  readonly expiresAtMs: number;
}

/** `exp` of the token wins over `expires_in`: what the token says is what the service checks. */
export function toTokens(answer: TokenEndpointResponse, nowMs: number): Tokens {
  return {
    accessToken: answer.access_token,
    ...(answer.refresh_token === undefined ? {} : { refreshToken: answer.refresh_token }),
    expiresAtMs: readTokenClaims(answer.access_token).expiresAtMs ?? nowMs + (answer.expires_in ?? 0) * 1000,
  };
}
