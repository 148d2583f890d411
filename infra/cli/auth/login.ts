import { createInterface } from 'node:readline/promises';
import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import type { CallFailure } from '../../../shared/safedep/calls.ts';
import type { UserInfo } from '../../../shared/safedep/control-plane-client.ts';
import { revokeToken } from '../../../shared/safedep/identity/revoke-token.ts';
import { CommandError, callError, print, say, UsageError } from '../command.ts';
import { openCredentialStore } from './credential-store.ts';
import { signInByDevice } from './device-sign-in.ts';
import { addresses, controlPlane, issuerOf } from './environment.ts';
import { openOperatorSecrets, REFRESH_TOKEN_SECRET, SERVICE_JWT_SECRET } from './operator-secrets.ts';
import type { StoredSignIn } from './profile.ts';
import { storedSignIn } from './sign-in.ts';

export interface LoginOptions {
  readonly profile: string;
  readonly tenant?: string | undefined;
  readonly service: boolean;
  readonly secretPrefix?: string | undefined;
  /** Makes a tenant for a user who has none. */
  readonly register?: { readonly name: string; readonly organizationName: string; readonly organizationDomain: string } | undefined;
}

/** Who signed in: what is needed of a token. */
type Signed = Pick<StoredSignIn, 'accessToken'> & { readonly email?: string | undefined };

/** `auth login`: signs the operator in, on this machine. Resolves to the exit code. */
export async function login(options: LoginOptions, variables: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const settings = issuerOf(variables);
  addresses(variables);
  const store = await openCredentialStore(options.profile, variables);
  const stored = await store.read();
  // A sign-in that still lacks its tenant is completed: nobody confirms a second code for that.
  const isToComplete = stored?.signIn !== undefined && !stored.tenantId && Boolean(options.tenant ?? options.register);
  let signed: Signed;
  if (isToComplete) ({ signIn: signed } = await storedSignIn(store));
  else {
    const signIn = await signInByDevice(settings, signal);
    // Kept before anything else is asked: what the person did is done.
    await store.update(async () => ({ signIn }));
    signed = signIn;
  }
  const tenantId = await chooseTenant(signed, options, variables, signal);
  await store.update(async (now) => {
    if (!now?.signIn) throw new CommandError('The sign-in was removed meanwhile: run npm run cli -- auth login again.');
    return { ...now, tenantId };
  });
  print(`Signed in${ofWhom(signed)} for the tenant ${toTerminalText(tenantId)}. Kept in ${store.place}, profile ${options.profile}.`);
  return 0;
}

/** `auth login --service`: signs a robot user in for a deployed stack; nothing of it stays on this machine. */
export async function loginService(options: LoginOptions, variables: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const settings = issuerOf(variables);
  addresses(variables);
  const secrets = openOperatorSecrets(options.secretPrefix);
  await secrets.requireAll([REFRESH_TOKEN_SECRET, SERVICE_JWT_SECRET]);
  say('Sign in as the robot user, not as yourself: what is made here reports in its name, for as long as it lives.');
  const signIn = await signInByDevice(settings, signal);
  const { accessToken, refreshToken, expiresAtMs } = signIn;
  let tenantId: string;
  try {
    tenantId = await chooseTenant(signIn, options, variables, signal);
    // First of all what cannot be had a second time.
    await secrets.put(REFRESH_TOKEN_SECRET, { ...settings, refreshToken, tenantId, signedInAt: new Date().toISOString() });
  } catch (error) {
    // Nobody keeps it, so it must not live on.
    await revokeToken({ settings, refreshToken });
    throw error;
  }
  const kept = `${secrets.nameOf(REFRESH_TOKEN_SECRET)}; nothing is kept on this machine`;
  print(`Signed in${ofWhom(signIn)} for the tenant ${toTerminalText(tenantId)}. The stack keeps it alive from ${kept}.`);
  await secrets.put(SERVICE_JWT_SECRET, { accessToken, tenantId, expiresAt: new Date(expiresAtMs).toISOString() });
  return 0;
}

function ofWhom({ email }: Signed): string {
  return email ? ` as ${toTerminalText(email)}` : '';
}

/** Throws `CommandError` where there is none to choose, or it must be named. */
async function chooseTenant(signed: Signed, options: LoginOptions, variables: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  const client = controlPlane(variables, signed.accessToken);
  try {
    const asked = await client.getUserInfo(signal);
    if (asked.kind !== 'answered' && !isUnregistered(asked))
      throw callError('You are signed in, but SafeDep did not say for which tenants', asked);
    const user = asked.kind === 'answered' ? asked.response : undefined;
    if (!user || user.access.length === 0) {
      if (!options.register) throw new CommandError(unregistered(signed, options));
      const email = user?.email || signed.email;
      if (!email) throw new CommandError('The sign-in names no e-mail address, which a registration needs: register at app.safedep.io.');
      const made = await client.onboardUser({ email, ...options.register }, signal);
      if (made.kind !== 'answered') throw callError('The registration did not succeed', made);
      return made.response.tenantId;
    }
    if (options.register) say('You are registered already; --register and what goes with it change nothing.');
    return await chosenOf(user, options);
  } finally {
    client.close();
  }
}

/** A good token of somebody whom SafeDep does not know is refused as such, by one of two codes. */
function isUnregistered({ code, reason }: CallFailure): boolean {
  return code === 'NotFound' || (code === 'Unauthenticated' && /no user|user not found/i.test(reason));
}

function unregistered({ email }: Signed, { service }: LoginOptions): string {
  const who = email ? toTerminalText(email) : 'this user';
  if (service)
    return `SafeDep knows no tenant of ${who}: have the robot user invited to your tenant at app.safedep.io, and run the same command again.`;
  return (
    `You are signed in, but SafeDep knows no tenant of ${who}. Have yourself invited to one at app.safedep.io and run npm run cli -- auth login again, ` +
    'or make one: npm run cli -- auth login --register NAME --organization O --domain D'
  );
}

async function chosenOf(user: UserInfo, { tenant, service }: LoginOptions): Promise<string> {
  const tenantIds = user.access.filter(({ level }) => level !== 'NO_ACCESS').map(({ tenantId }) => tenantId);
  if (tenant !== undefined) {
    if (tenantIds.includes(tenant)) return tenant;
    throw new CommandError(`You have no access to the tenant ${toTerminalText(tenant)}, only to ${listed(tenantIds)}.`);
  }
  const [only, ...others] = tenantIds;
  if (only === undefined) throw new CommandError('You have no access to any tenant: ask its owner at app.safedep.io.');
  if (others.length === 0) return only;
  if (process.stdin.isTTY && process.stderr.isTTY) return askFor(tenantIds);
  const command = `npm run cli -- auth login${service ? ' --service' : ''} --tenant T`;
  throw new CommandError(`You are signed in, and have several tenants: ${listed(tenantIds)}. Say which: ${command}`);
}

async function askFor(tenantIds: readonly string[]): Promise<string> {
  for (const [index, tenantId] of tenantIds.entries()) say(`  ${index + 1}  ${toTerminalText(tenantId)}`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const chosen = tenantIds[Number(await terminal.question('Which tenant? Its number: ')) - 1];
    if (chosen === undefined) throw new UsageError('There is no tenant of that number.');
    return chosen;
  } finally {
    terminal.close();
  }
}

function listed(tenantIds: readonly string[]): string {
  return tenantIds.map(toTerminalText).join(', ');
}
