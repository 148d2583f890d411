import * as z from 'zod/mini';
import type { Credential } from './calls.ts';
import { readTokenClaims } from './identity/token-claims.ts';

/**
 * The secrets' forms, JSON: the tenant stands beside what it belongs to, because one without the other is refused. Times are ISO 8601.
 *
 * - API key: `{"apiKey": "sfd_…", "tenantId": "default-team.example-org.safedep.io"}`, with `keyId` and `expiresAt` where we made the key
 * - service JWT: `{"accessToken": "…", "tenantId": "…"}`, with `expiresAt` where the provider said it
 * - refresh token: `{"issuer": "…", "clientId": "…", "refreshToken": "…", "tenantId": "…"}`, with `signedInAt` and `refreshedAt`
 */
const filled = z.string().check(z.minLength(1));
const apiKeySecret = z.object({ apiKey: filled, tenantId: filled, keyId: z.optional(filled), expiresAt: z.optional(filled) });
const serviceJwtSecret = z.object({ accessToken: filled, tenantId: filled, expiresAt: z.optional(filled) });
const refreshTokenSecret = z.object({
  issuer: filled,
  clientId: filled,
  refreshToken: filled,
  tenantId: filled,
  signedInAt: z.optional(filled),
  refreshedAt: z.optional(filled),
});

export type ApiKeySecret = z.infer<typeof apiKeySecret>;
export type ServiceJwtSecret = z.infer<typeof serviceJwtSecret>;
export type RefreshTokenSecret = z.infer<typeof refreshTokenSecret>;

export class CredentialError extends Error {
  override readonly name = 'CredentialError';
}

function parse<T>(schema: z.ZodMiniType<T>, secret: string, form: string): T {
  let document: unknown;
  try {
    document = JSON.parse(secret);
  } catch {
    // The parser's own message quotes the text.
    throw new CredentialError(`the secret is not JSON; it must be ${form}`);
  }
  const result = z.safeParse(schema, document);
  if (!result.success)
    throw new CredentialError(`the secret lacks ${result.error.issues.map(({ path }) => path.join('.')).join(', ')}; it must be ${form}`);
  return result.data;
}

/** Each of these throws `CredentialError`, which says the form and nothing of the value. */
export function parseApiKeySecret(secret: string): ApiKeySecret {
  return parse(apiKeySecret, secret, '{"apiKey": "…", "tenantId": "…"}');
}

export function parseServiceJwtSecret(secret: string): ServiceJwtSecret {
  return parse(serviceJwtSecret, secret, '{"accessToken": "…", "tenantId": "…"}');
}

export function parseRefreshTokenSecret(secret: string): RefreshTokenSecret {
  return parse(refreshTokenSecret, secret, '{"issuer": "…", "clientId": "…", "refreshToken": "…", "tenantId": "…"}');
}

export function apiKeyCredential(secret: string): Credential {
  const { apiKey, tenantId } = parseApiKeySecret(secret);
  return { authorization: apiKey, tenantId };
}

export function serviceJwtCredential(secret: string): Credential {
  const { accessToken, tenantId } = parseServiceJwtSecret(secret);
  return { authorization: accessToken, tenantId };
}

/** When the token ends: as it says itself, else as was noted beside it; epoch milliseconds. Absent where nobody knows. */
export function serviceJwtExpiresAtMs({ accessToken, expiresAt }: ServiceJwtSecret): number | undefined {
  return readTokenClaims(accessToken).expiresAtMs ?? noted(expiresAt);
}

/** A time of a secret, epoch milliseconds. Absent where it is not there or is none. */
export function noted(time: string | undefined): number | undefined {
  const atMs = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(atMs) ? undefined : atMs;
}
