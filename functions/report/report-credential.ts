import type { Log } from '../../shared/aws/log.ts';
import { SecretError, type SecretReader } from '../../shared/aws/secrets.ts';
import type { Credential, CredentialSource } from '../../shared/safedep/calls.ts';
import { apiKeyCredential, CredentialError, serviceJwtCredential } from '../../shared/safedep/credentials.ts';

export interface ReportSecretIds {
  readonly serviceJwt: string | undefined;
  readonly apiKey: string | undefined;
}

export interface ReportCredentials {
  /** Reports go out with the service JWT; where its secret is not named or has no value, with the API key, which is said once. */
  readonly credential: CredentialSource;
  /** Whose limit the calls are counted against: the API key's, which the workers share, and the JWT's only where there is no key. */
  limitedCredential(): Promise<Credential>;
}

/** A secret that is there and malformed is an error, never passed over: the operator meant it to be used. */
export function makeReportCredentials(
  secrets: Pick<SecretReader, 'read' | 'forget'>,
  ids: ReportSecretIds,
  log: Pick<Log, 'warn'>,
): ReportCredentials {
  let isSaid = false;

  async function readIfThere(secretId: string | undefined, parse: (secret: string) => Credential): Promise<Credential | undefined> {
    if (!secretId) return undefined;
    let secret: string;
    try {
      secret = await secrets.read(secretId);
    } catch (error) {
      if (error instanceof SecretError) return undefined;
      throw error;
    }
    return parse(secret);
  }

  const jwt = () => readIfThere(ids.serviceJwt, serviceJwtCredential);
  const apiKey = () => readIfThere(ids.apiKey, apiKeyCredential);

  function need(credential: Credential | undefined): Credential {
    if (credential) return credential;
    const names = [ids.serviceJwt, ids.apiKey].filter((id) => id).join(' or ');
    throw new CredentialError(`there is nothing to report with: put a service JWT or an API key into ${names || 'a secret'}`);
  }

  return {
    credential: async ({ refresh }) => {
      if (refresh) for (const id of [ids.serviceJwt, ids.apiKey]) if (id) secrets.forget(id);
      const token = await jwt();
      if (token) return token;
      const key = need(await apiKey());
      if (!isSaid) log.warn('there is no service JWT: reports go out with the API key', { secretId: ids.apiKey });
      isSaid = true;
      return key;
    },
    limitedCredential: async () => need((await apiKey()) ?? (await jwt())),
  };
}
