import * as v from 'valibot';
import { toSchemaIssue } from '../model/schema-issue.ts';
import type { Credential } from './calls.ts';
import { readTokenClaims } from './identity/token-claims.ts';

/**
 * The secrets' forms, JSON: the tenant stands beside what it belongs to, because one without the other is refused. Times are ISO 8601.
 *
 * - API key: `{"apiKey": "sfd_…", "tenantId": "default-team.example-org.safedep.io"}`, with `keyId` and `expiresAt` where we made the key
 * - service JWT: `{"accessToken": "…", "tenantId": "…"}`, with `expiresAt` where the provider said it
 * - refresh token: `{"issuer": "…", "clientId": "…", "refreshToken": "…", "tenantId": "…"}`, with `signedInAt` and `refreshedAt`
 */
const filled = v.pipe(v.string(), v.minLength(1));
const apiKeySecret = v.object({ apiKey: filled, tenantId: filled, keyId: v.optional(filled), expiresAt: v.optional(filled) });
const serviceJwtSecret = v.object({ accessToken: filled, tenantId: filled, expiresAt: v.optional(filled) });
const refreshTokenSecret = v.object({
  issuer: filled,
  clientId: filled,
  refreshToken: filled,
  tenantId: filled,
  signedInAt: v.optional(filled),
  refreshedAt: v.optional(filled),
});

export type ApiKeySecret = v.InferOutput<typeof apiKeySecret>;
export type ServiceJwtSecret = v.InferOutput<typeof serviceJwtSecret>;
export type RefreshTokenSecret = v.InferOutput<typeof refreshTokenSecret>;

export class CredentialError extends Error {
  override readonly name = 'CredentialError';
}

function parse<T>(schema: v.GenericSchema<unknown, T>, secret: string, form: string): T {
  let document: unknown;
  try {
    document = JSON.parse(secret);
  } catch {
    // The parser's own message quotes the text.
    throw new CredentialError(`the secret is not JSON; it must be ${form}`);
  }
  const result = v.safeParse(schema, document);
  if (result.success) return result.output;
  // Where it is wrong, and not with what.
  const places = result.issues.map((issue) => toSchemaIssue(issue).path.join('.'));
  throw new CredentialError(`the secret lacks ${places.join(', ')}; it must be ${form}`);
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
