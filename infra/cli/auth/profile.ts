import * as v from 'valibot';
import { UsageError } from '../command.ts';

const text = v.pipe(v.string(), v.minLength(1));

const signIn = v.object({
  issuer: text,
  clientId: text,
  accessToken: text,
  refreshToken: text,
  /** Epoch milliseconds. */
  expiresAtMs: v.number(),
  /** Unverified: for the eye. */
  email: v.optional(v.string()),
});

const apiKey = v.object({ key: text, keyId: text, tenantId: text, expiresAtMs: v.optional(v.number()) });

/** What is kept under one name: a person's sign-in, the tenant that it is for, and a key that was made for this machine. */
export const profileSchema = v.object({ tenantId: v.optional(text), signIn: v.optional(signIn), apiKey: v.optional(apiKey) });

export type Profile = v.InferOutput<typeof profileSchema>;
export type StoredSignIn = v.InferOutput<typeof signIn>;

/** The option's, else the environment's (`SAFEDEP_PROFILE`), else `default`. Throws `UsageError`. */
export function profileName(option: string | undefined, variables: NodeJS.ProcessEnv): string {
  const name = option ?? (variables['SAFEDEP_PROFILE'] || 'default');
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    throw new UsageError('The name of a profile has 1 to 64 letters, digits, dots, underscores and dashes.');
  return name;
}
