import { DescribeSecretCommand, PutSecretValueCommand, ResourceNotFoundException } from '@aws-sdk/client-secrets-manager';
import { secretsClient } from '../../../shared/aws/clients.ts';
import { createSecretReader, SecretError } from '../../../shared/aws/secrets.ts';
import { notReachable, UsageError } from '../command.ts';

/** Before the name of every secret of a stack. */
const PREFIX = 'safedep-watch';

export const REFRESH_TOKEN_SECRET = 'safedep-refresh-token';
export const SERVICE_JWT_SECRET = 'safedep-service-jwt';
export const API_KEY_SECRET = 'safedep-api-key';

/** A deployed stack's secrets, by the operator's own AWS credentials. Every method throws `CommandError` where AWS does not do it. */
export interface OperatorSecrets {
  /** What the secret is called in full. */
  nameOf(secret: string): string;
  /** That the secrets are there, before a person is asked to do anything. */
  requireAll(secrets: readonly string[]): Promise<void>;
  /** `undefined`: it has no value yet. */
  read(secret: string): Promise<string | undefined>;
  put(secret: string, value: unknown): Promise<void>;
}

export function openOperatorSecrets(prefix: string = PREFIX): OperatorSecrets {
  if (!/^[A-Za-z0-9/_+=.@-]{1,200}$/.test(prefix) || prefix.endsWith('/'))
    throw new UsageError('--secret-prefix takes what stands before the slash of the names of secrets, such as safedep-watch.');
  const client = secretsClient();
  const nameOf = (secret: string) => `${prefix}/${secret}`;

  async function told<T>(secret: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof ResourceNotFoundException)
        throw notReachable(
          `There is no secret ${nameOf(secret)} in this AWS account and region: deploy the stack first (npm run deploy), or look at AWS_PROFILE and AWS_REGION.`,
        );
      // AWS's own errors name actions and never values.
      throw notReachable(`AWS does not let us use the secret ${nameOf(secret)}: ${(error as Error).message || (error as Error).name}`);
    }
  }

  return {
    nameOf,
    requireAll: async (secrets) => {
      for (const secret of secrets) await told(secret, () => client.send(new DescribeSecretCommand({ SecretId: nameOf(secret) })));
    },
    read: (secret) =>
      told(secret, async () => {
        try {
          return await createSecretReader(client, Date.now).read(nameOf(secret));
        } catch (error) {
          if (error instanceof SecretError) return undefined;
          throw error;
        }
      }),
    put: async (secret, value) => {
      await told(secret, () => client.send(new PutSecretValueCommand({ SecretId: nameOf(secret), SecretString: JSON.stringify(value) })));
    },
  };
}
