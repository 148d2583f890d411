import * as z from 'zod/mini';
import type { Credential } from './calls.ts';

/**
 * The secrets' form, JSON: the tenant stands beside what it belongs to, because one without the other is refused.
 *
 * - API key: `{"apiKey": "sfd_…", "tenantId": "default-team.example-org.safedep.io"}`
 * - service JWT: `{"accessToken": "…", "tenantId": "…"}`
 */
const apiKeySecret = z.object({ apiKey: z.string().check(z.minLength(1)), tenantId: z.string().check(z.minLength(1)) });
const serviceJwtSecret = z.object({ accessToken: z.string().check(z.minLength(1)), tenantId: z.string().check(z.minLength(1)) });

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

export function apiKeyCredential(secret: string): Credential {
  const { apiKey, tenantId } = parse(apiKeySecret, secret, '{"apiKey": "…", "tenantId": "…"}');
  return { authorization: apiKey, tenantId };
}

export function serviceJwtCredential(secret: string): Credential {
  const { accessToken, tenantId } = parse(serviceJwtSecret, secret, '{"accessToken": "…", "tenantId": "…"}');
  return { authorization: accessToken, tenantId };
}
