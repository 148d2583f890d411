import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import { type DeviceCode, deviceLogin } from '../../../shared/safedep/identity/device-login.ts';
import type { IssuerSettings } from '../../../shared/safedep/identity/issuer.ts';
import { readTokenClaims } from '../../../shared/safedep/identity/token-claims.ts';
import { CommandError, notReachable, say } from '../command.ts';
import type { StoredSignIn } from './profile.ts';

const MINUTE_MS = 60_000;

/** Has a person confirm a code in a browser, on this machine or another. Throws `CommandError` where that does not end in tokens. */
export async function signInByDevice(settings: IssuerSettings, signal: AbortSignal): Promise<StoredSignIn> {
  const result = await deviceLogin({
    settings,
    onCode: showCode,
    signal,
    nowMs: Date.now,
    sleep: (waitMs, given) => sleep(waitMs, undefined, { signal: given }),
  });
  switch (result.kind) {
    case 'signed-in': {
      const { kind: _signedIn, ...tokens } = result;
      const { email } = readTokenClaims(result.accessToken);
      return { ...settings, ...tokens, ...(email && { email }) };
    }
    case 'cancelled':
      throw new CommandError('The sign-in was given up; nothing was kept.');
    case 'unavailable':
      throw notReachable(`The sign-in could not go on: ${toTerminalText(result.reason)}. Try again.`);
    case 'expired':
      throw new CommandError(`The sign-in ended: ${toTerminalText(result.reason)}. Run the same command again for a new code.`);
    case 'refused':
      throw new CommandError(`The sign-in ended: ${toTerminalText(result.reason)}.`);
  }
}

function showCode({ userCode, verificationUri, verificationUriComplete, expiresAtMs }: DeviceCode): void {
  const strong = (text: string) => styleText('bold', toTerminalText(text), { stream: process.stderr, validateStream: true });
  const minutes = Math.max(1, Math.round((expiresAtMs - Date.now()) / MINUTE_MS));
  say(`Open ${strong(verificationUriComplete ?? verificationUri)}`);
  say(`and confirm the code ${strong(userCode)}, on this machine or any other. It is good for ${minutes} min; Ctrl-C gives up.`);
}
