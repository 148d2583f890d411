import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import { issuerSettings } from '../../../shared/safedep/identity/issuer.ts';
import { type RefreshResult, refreshTokens } from '../../../shared/safedep/identity/refresh-tokens.ts';
import { readTokenClaims } from '../../../shared/safedep/identity/token-claims.ts';
import { CommandError, notReachable } from '../command.ts';
import type { CredentialStore } from './credential-store.ts';
import { environmentCredential } from './environment.ts';
import type { Profile, StoredSignIn } from './profile.ts';

/** A token that dies sooner is replaced before it is used, in milliseconds. Ours: a command's calls, and clocks that differ. */
const REFRESH_BEFORE_MS = 60_000;

const SIGN_IN = 'Run: npm run cli -- auth login';

export interface SignIn {
  readonly accessToken: string;
  /** Absent where none was chosen. */
  readonly tenantId?: string;
  readonly email?: string;
}

/**
 * An access token that is good for a while: the environment's, or the stored one, refreshed where it is about to expire.
 *
 * @throws CommandError where nobody is signed in, or the refresh does not succeed.
 */
export async function currentSignIn(store: CredentialStore, variables: NodeJS.ProcessEnv): Promise<SignIn> {
  const given = environmentCredential(variables);
  if (given?.accessToken) {
    const { expiresAtMs, email } = readTokenClaims(given.accessToken);
    if (expiresAtMs !== undefined && expiresAtMs <= Date.now())
      throw new CommandError(
        `SAFEDEP_ACCESS_TOKEN expired at ${new Date(expiresAtMs).toISOString()}: set a new one, or unset it. ${SIGN_IN}`,
      );
    return { accessToken: given.accessToken, tenantId: given.tenantId, ...(email && { email }) };
  }
  const { signIn, tenantId: storedTenantId } = await storedSignIn(store);
  const tenantId = given?.tenantId ?? storedTenantId;
  return { accessToken: signIn.accessToken, ...(tenantId && { tenantId }), ...(signIn.email && { email: signIn.email }) };
}

/** The stored sign-in, refreshed where it is about to expire. Throws as `currentSignIn` does. */
export async function storedSignIn(store: CredentialStore): Promise<Profile & { readonly signIn: StoredSignIn }> {
  const stored = await store.read();
  if (!stored?.signIn) throw new CommandError(`Nobody is signed in. ${SIGN_IN}`);
  const fresh = isFresh(stored.signIn) ? stored : await store.update(refreshed);
  if (!fresh?.signIn) throw new CommandError(`The sign-in was removed meanwhile. ${SIGN_IN}`);
  return { ...fresh, signIn: fresh.signIn };
}

/** As `currentSignIn`, with a tenant: the named one, else the sign-in's. */
export async function signInForTenant(
  store: CredentialStore,
  variables: NodeJS.ProcessEnv,
  named: string | undefined,
): Promise<SignIn & { readonly tenantId: string }> {
  const signIn = await currentSignIn(store, variables);
  const tenantId = named ?? signIn.tenantId;
  if (!tenantId) throw new CommandError('The sign-in has no tenant yet: name one with --tenant T; npm run cli -- auth whoami lists yours.');
  return { ...signIn, tenantId };
}

function isFresh({ expiresAtMs }: StoredSignIn): boolean {
  return expiresAtMs - Date.now() > REFRESH_BEFORE_MS;
}

async function refreshed(stored: Profile | undefined): Promise<Profile | undefined> {
  // Whoever held the lock before may have done it.
  if (!stored?.signIn || isFresh(stored.signIn)) return stored;
  const { signIn } = stored;
  const result = await refreshOnceMore(signIn);
  if (result.kind === 'rejected') throw new CommandError(`The sign-in is over: ${toTerminalText(result.reason)}. ${SIGN_IN}`);
  if (result.kind === 'unavailable') throw notReachable(`The sign-in could not be refreshed: ${toTerminalText(result.reason)}. Try again.`);
  const { kind: _refreshed, ...tokens } = result;
  return { ...stored, signIn: { ...signIn, ...tokens } };
}

/** Where the answer was lost on the way, the same token brings the new one for a moment, at providers that allow for that. */
async function refreshOnceMore(signIn: StoredSignIn): Promise<RefreshResult> {
  const refresh = () => refreshTokens({ settings: issuerSettings(signIn), refreshToken: signIn.refreshToken, nowMs: Date.now });
  const result = await refresh();
  return result.kind === 'unavailable' && result.mayHaveRotated ? refresh() : result;
}
