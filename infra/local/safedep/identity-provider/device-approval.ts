import type Provider from 'oidc-provider';
import { AUDIENCE, SCOPE } from './names.ts';
import type { IdentityUser } from './users.ts';

/** No device waits with this code: a person's mistake. */
export class UserCodeError extends Error {
  override readonly name = 'UserCodeError';
}

/** What the provider says in the words of the one that it stands for when somebody's e-mail address is not verified. */
export const UNVERIFIED_EMAIL = 'Please verify your email before logging in.';

/** Lets a device in that waits with a user code: what the person at the page does. Throws `UserCodeError`. */
export async function approveDevice(provider: Provider, userCode: string, user: IdentityUser): Promise<void> {
  const code = await waitingDevice(provider, userCode);
  const asked = (code.params ?? {}) as { readonly scope?: string; readonly audience?: string };
  const scope = SCOPE.split(' ')
    .filter((each) => asked.scope?.split(' ').includes(each))
    .join(' ');
  const grant = new provider.Grant({ accountId: user.id, clientId: code.clientId as string });
  grant.addOIDCScope(scope);
  if (asked.audience === AUDIENCE) grant.addResourceScope(AUDIENCE, scope);
  Object.assign(code, {
    accountId: user.id,
    authTime: Math.floor(Date.now() / 1000),
    grantId: await grant.save(),
    scope,
    ...(asked.audience === AUDIENCE && { resource: AUDIENCE }),
  });
  await code.save();
}

/** Turns a device away. `reason` is what its owner is told. Throws `UserCodeError`. */
export async function denyDevice(provider: Provider, userCode: string, reason: string): Promise<void> {
  const code = await waitingDevice(provider, userCode);
  Object.assign(code, { error: 'access_denied', errorDescription: reason });
  await code.save();
}

async function waitingDevice(provider: Provider, userCode: string) {
  const normal = userCode.toUpperCase().replace(/[^A-Z0-9]/g, '');
  const code = normal === '' ? undefined : await provider.DeviceCode.findByUserCode(normal, { ignoreExpiration: true });
  if (code === undefined) throw new UserCodeError(`no device waits with the code ${JSON.stringify(userCode.slice(0, 40))}`);
  if (code.isExpired) throw new UserCodeError('the code is expired: begin again on the device');
  if (code.accountId !== undefined || code.error !== undefined) throw new UserCodeError('the code was used already');
  return code;
}
