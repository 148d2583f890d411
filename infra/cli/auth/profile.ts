import * as z from 'zod/mini';
import { UsageError } from '../command.ts';

const text = z.string().check(z.minLength(1));

const signIn = z.object({
  issuer: text,
  clientId: text,
  accessToken: text,
  refreshToken: text,
  /** Epoch milliseconds. */
  expiresAtMs: z.number(),
  /** Unverified: for the eye. */
  email: z.optional(z.string()),
});

const apiKey = z.object({ key: text, keyId: text, tenantId: text, expiresAtMs: z.optional(z.number()) });

/** What is kept under one name: a person's sign-in, the tenant that it is for, and a key that was made for this machine. */
export const profileSchema = z.object({ tenantId: z.optional(text), signIn: z.optional(signIn), apiKey: z.optional(apiKey) });

export type Profile = z.infer<typeof profileSchema>;
export type StoredSignIn = z.infer<typeof signIn>;

/** The option's, else the environment's (`SAFEDEP_PROFILE`), else `default`. Throws `UsageError`. */
export function profileName(option: string | undefined, variables: NodeJS.ProcessEnv): string {
  const name = option ?? (variables['SAFEDEP_PROFILE'] || 'default');
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    throw new UsageError('The name of a profile has 1 to 64 letters, digits, dots, underscores and dashes.');
  return name;
}
