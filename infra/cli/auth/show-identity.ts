import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import { issuerSettings } from '../../../shared/safedep/identity/issuer.ts';
import { revokeToken } from '../../../shared/safedep/identity/revoke-token.ts';
import { readTokenClaims } from '../../../shared/safedep/identity/token-claims.ts';
import { callError, notReachable, print } from '../command.ts';
import { openCredentialStore } from './credential-store.ts';
import { controlPlane, environmentCredential } from './environment.ts';
import { currentSignIn } from './sign-in.ts';

interface IdentityOptions {
  readonly profile: string;
  readonly json: boolean;
}

const NOTHING_THERE = 3;

/** `auth status`: what is there, without asking anybody. Resolves to 3 where there is nothing to use. */
export async function status({ profile, json }: IdentityOptions, variables: NodeJS.ProcessEnv): Promise<number> {
  const given = environmentCredential(variables);
  const store = await openCredentialStore(profile, variables);
  const { signIn, apiKey, tenantId } = (await store.read()) ?? {};
  const tokenExpiresAtMs = given?.accessToken ? readTokenClaims(given.accessToken).expiresAtMs : undefined;
  if (json) {
    const environment = given && {
      variables: given.names,
      tenantId: given.tenantId,
      apiKey: given.apiKey !== undefined,
      accessToken: given.accessToken !== undefined,
      accessTokenExpiresAt: isoTime(tokenExpiresAtMs),
    };
    const stored = (signIn ?? apiKey) && {
      place: store.place,
      tenantId: tenantId ?? null,
      email: signIn?.email ?? null,
      issuer: signIn?.issuer ?? null,
      accessTokenExpiresAt: isoTime(signIn?.expiresAtMs),
      apiKeyId: apiKey?.keyId ?? null,
      apiKeyExpiresAt: isoTime(apiKey?.expiresAtMs),
    };
    print(JSON.stringify({ version: 1, profile, environment: environment ?? null, stored: stored ?? null }, null, 2));
  } else {
    if (given) {
      const what = [given.apiKey && 'an API key', given.accessToken && `an access token${expiry(tokenExpiresAtMs)}`].filter(Boolean);
      print(
        `Environment (${given.names.join(', ')}): ${what.join(' and ')}, tenant ${toTerminalText(given.tenantId)}. It wins over what is stored.`,
      );
    }
    if (signIn) {
      const who = signIn.email ? ` as ${toTerminalText(signIn.email)}` : '';
      print(
        `Signed in${who} at ${toTerminalText(signIn.issuer)}, tenant ${tenantId ? toTerminalText(tenantId) : 'not chosen'}, kept in ${store.place}, profile ${profile}. ` +
          `The access token${expiry(signIn.expiresAtMs)}; it is refreshed when it is needed.`,
      );
    }
    if (apiKey) print(`API key ${toTerminalText(apiKey.keyId)}${expiry(apiKey.expiresAtMs)}, kept in ${store.place}, profile ${profile}.`);
    if (!given && !signIn && !apiKey) print(`Nobody is signed in (profile ${profile}). Run: npm run cli -- auth login`);
  }
  return given || signIn || apiKey ? 0 : NOTHING_THERE;
}

function isoTime(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString();
}

function expiry(atMs: number | undefined): string {
  if (atMs === undefined) return ' without an expiry that we can read';
  return atMs > Date.now() ? ` is good until ${new Date(atMs).toISOString()}` : ` expired at ${new Date(atMs).toISOString()}`;
}

/** `auth whoami`: what SafeDep says of the sign-in. */
export async function whoami({ profile, json }: IdentityOptions, variables: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const store = await openCredentialStore(profile, variables);
  const { accessToken, tenantId } = await currentSignIn(store, variables);
  const client = controlPlane(variables, accessToken);
  try {
    const asked = await client.getUserInfo(signal);
    if (asked.kind !== 'answered') throw callError('SafeDep did not say who you are', asked);
    const { name, email, access } = asked.response;
    if (json) {
      print(
        JSON.stringify(
          { version: 1, name, email, tenants: access.map((one) => ({ ...one, current: one.tenantId === tenantId })) },
          null,
          2,
        ),
      );
      return 0;
    }
    print(toTerminalText([name, email && `<${email}>`].filter(Boolean).join(' ')));
    for (const one of access)
      print(
        `  ${toTerminalText(one.tenantId)}  ${one.level.toLowerCase().replaceAll('_', ' ')}${one.tenantId === tenantId ? '  (in use)' : ''}`,
      );
    if (access.length === 0) print('  no tenant: npm run cli -- auth login --register NAME --organization O --domain D makes one');
    return 0;
  } finally {
    client.close();
  }
}

/** `auth token`: the access token alone, for other programs. */
export async function token({ profile }: IdentityOptions, variables: NodeJS.ProcessEnv): Promise<number> {
  print((await currentSignIn(await openCredentialStore(profile, variables), variables)).accessToken);
  return 0;
}

/** `auth logout`: has the provider forget the sign-in where it can, and this machine in any case. */
export async function logout({ profile }: IdentityOptions, variables: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const store = await openCredentialStore(profile, variables);
  const { signIn, apiKey } = (await store.read()) ?? {};
  if (!signIn && !apiKey) {
    print(`Nothing is kept on this machine (profile ${profile}).`);
    return 0;
  }
  const revocation = signIn && (await revokeToken({ settings: issuerSettings(signIn), refreshToken: signIn.refreshToken, signal }));
  await store.update(async () => undefined);
  print(`Signed out: nothing of the profile ${profile} is kept on this machine.`);
  if (apiKey)
    print(
      `Its API key ${toTerminalText(apiKey.keyId)} lives on at SafeDep; to end it: npm run cli -- key delete ${toTerminalText(apiKey.keyId)}`,
    );
  if (revocation?.kind === 'not-offered') print('The identity provider has no way to revoke a sign-in: it ends there by itself.');
  if (revocation?.kind === 'failed')
    throw notReachable(
      `The identity provider was not told: ${toTerminalText(revocation.reason)}. There the sign-in ends by itself, or at app.safedep.io.`,
    );
  return 0;
}
