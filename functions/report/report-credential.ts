import type { Log } from '../../shared/aws/log.ts';
import { type ReadSecret, SecretError, type SecretReader } from '../../shared/aws/secrets.ts';
import type { Credential, CredentialSource } from '../../shared/safedep/calls.ts';
import {
  apiKeyCredential,
  CredentialError,
  parseServiceJwtSecret,
  serviceJwtCredential,
  serviceJwtExpiresAtMs,
} from '../../shared/safedep/credentials.ts';

export interface ReportSecretIds {
  readonly serviceJwt: string | undefined;
  readonly apiKey: string | undefined;
}

export interface ReportCredentials {
  /**
   * Reports go out with the service JWT. Where its secret is not named or has no value, and while it is over or refused, they go out with
   * the API key, which is said once for each reason.
   */
  readonly credential: CredentialSource;
  /** Whose limit the calls are counted against: the API key's, which the workers share, and the JWT's only where there is no key. */
  limitedCredential(): Promise<Credential>;
}

/** A secret that is there and malformed is an error, never passed over: the operator meant it to be used. */
export function makeReportCredentials(
  secrets: Pick<SecretReader, 'readVersion' | 'forget'>,
  ids: ReportSecretIds,
  log: Pick<Log, 'warn'>,
  nowMs: () => number,
): ReportCredentials {
  const said = new Set<string>();
  let used: string | undefined;
  /** The version of the JWT that SafeDep refused: a new one is tried again. */
  let refused: string | undefined;

  async function readIfThere(secretId: string | undefined): Promise<ReadSecret | undefined> {
    if (!secretId) return undefined;
    try {
      return await secrets.readVersion(secretId);
    } catch (error) {
      if (error instanceof SecretError) return undefined;
      throw error;
    }
  }

  async function apiKey(): Promise<Credential | undefined> {
    const found = await readIfThere(ids.apiKey);
    return found && apiKeyCredential(found.value);
  }

  async function jwt(): Promise<(ReadSecret & { readonly expiresAtMs: number | undefined }) | undefined> {
    const found = await readIfThere(ids.serviceJwt);
    return found && { ...found, expiresAtMs: serviceJwtExpiresAtMs(parseServiceJwtSecret(found.value)) };
  }

  function need(credential: Credential | undefined): Credential {
    if (credential) return credential;
    const names = [ids.serviceJwt, ids.apiKey].filter((id) => id).join(' or ');
    throw new CredentialError(`there is nothing to report with: put a service JWT or an API key into ${names || 'a secret'}`);
  }

  function whyNot(token: { readonly versionId: string; readonly expiresAtMs: number | undefined } | undefined): string | undefined {
    if (token === undefined) return 'there is no service JWT';
    if (token.expiresAtMs !== undefined && token.expiresAtMs <= nowMs()) return 'the service JWT is over';
    return token.versionId === refused ? 'SafeDep refuses the service JWT' : undefined;
  }

  return {
    credential: async ({ refresh }) => {
      if (refresh) {
        refused = used ?? refused;
        for (const id of [ids.serviceJwt, ids.apiKey]) if (id) secrets.forget(id);
      }
      const token = await jwt();
      const reason = whyNot(token);
      const key = reason === undefined ? undefined : await apiKey();
      // Without a key a token that may be refused is still the best there is.
      if (token && (reason === undefined || key === undefined)) {
        used = token.versionId;
        return serviceJwtCredential(token.value);
      }
      used = undefined;
      const credential = need(key);
      if (reason !== undefined && !said.has(reason)) log.warn(`${reason}: reports go out with the API key`, { secretId: ids.apiKey });
      said.add(reason ?? '');
      return credential;
    },
    limitedCredential: async () => {
      const key = await apiKey();
      if (key) return key;
      const token = await jwt();
      return need(token && serviceJwtCredential(token.value));
    },
  };
}
