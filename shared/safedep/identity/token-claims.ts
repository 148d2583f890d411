import { decodeJwt } from 'jose';

/** What a token says of itself. Absent: it does not say, or is no JWT. */
export interface TokenClaims {
  /** `exp`, epoch milliseconds, by the provider's clock. */
  readonly expiresAtMs?: number;
  /** `iat`, the same. */
  readonly issuedAtMs?: number;
  readonly email?: string;
}

/** SafeDep's provider gives custom claims a name of this form. */
const NAMESPACED_EMAIL = 'https://safedep.io/email';

/**
 * Reads claims UNVERIFIED: no signature is checked. Good for what is shown, and for when to refresh; never for deciding who somebody is,
 * which is the service's part.
 */
export function readTokenClaims(token: string): TokenClaims {
  let claims: Record<string, unknown>;
  try {
    claims = decodeJwt(token);
  } catch {
    return {}; // an opaque token: nothing is known of it
  }
  const { exp, iat } = claims;
  const email = claims['email'] ?? claims[NAMESPACED_EMAIL];
  return {
    ...(typeof exp === 'number' && Number.isFinite(exp) ? { expiresAtMs: exp * 1000 } : {}),
    ...(typeof iat === 'number' && Number.isFinite(iat) ? { issuedAtMs: iat * 1000 } : {}),
    ...(typeof email === 'string' && email !== '' ? { email } : {}),
  };
}
