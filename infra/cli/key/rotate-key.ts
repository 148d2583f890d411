import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import type { CallFailure, Credential } from '../../../shared/safedep/calls.ts';
import type { ControlPlaneClient, CreatedApiKey } from '../../../shared/safedep/control-plane-client.ts';
import { ping } from '../../../shared/safedep/ping-client.ts';
import type { Addresses } from '../auth/environment.ts';
import { callError, print, say } from '../command.ts';
import type { KeyHolder } from './key-holder.ts';

/** A new key that is refused may only not have arrived everywhere: it is tried so often, so far apart. Ours. */
const TRIES = 4;
const BETWEEN_TRIES_MS = 1_000;
const PING_DEADLINE_MS = 10_000;

export interface Rotation {
  readonly client: ControlPlaneClient;
  readonly holder: KeyHolder;
  readonly tenantId: string;
  readonly addresses: Addresses;
  readonly wanted: { readonly name: string; readonly expiryDays: number };
  /** Nobody needs to be asked whether the old key may go. */
  readonly isConfirmed: boolean;
}

/** Replaces a kept key: the old one stays good until the new one is proven and kept. Nothing is cut by Ctrl-C once a key was made. */
export async function rotateKey(
  { client, holder, tenantId, addresses, wanted, isConfirmed }: Rotation,
  signal: AbortSignal,
): Promise<number> {
  const old = await holder.read();
  const made = await client.createApiKey(wanted, signal);
  if (made.kind !== 'answered') throw callError('No key was made', made);
  const created = made.response;
  const refusal = await tryOut({ authorization: created.key, tenantId }, addresses);
  if (refusal) {
    await takeBack(client, created);
    throw callError('The new key does not work and was deleted; the old one is still in use', refusal);
  }
  await keep(client, holder, created, tenantId);
  print(`The key ${toTerminalText(created.keyId)} is in use, kept in ${holder.place}${expiryText(created.expiresAtMs)}.`);
  if (old === undefined) return 0;
  if (old.keyId === undefined) {
    say('The id of the old key was not kept with it: find it by npm run cli -- key list, and delete it by npm run cli -- key delete ID');
    return 0;
  }
  const name = toTerminalText(old.keyId);
  if (!isConfirmed && !(await isAgreed(`Delete the old key ${name} now? Workers that still use it read the new one first. [y/N] `))) {
    say(`The old key ${name} stays good. To delete it: npm run cli -- key delete ${name}`);
    return 0;
  }
  const deleted = await client.deleteApiKey(old.keyId);
  if (deleted.kind === 'answered') print(`The old key ${name} is deleted.`);
  else if (deleted.code === 'NotFound') print(`The old key ${name} was deleted before.`);
  else throw callError(`The old key ${name} could not be deleted; try again by npm run cli -- key delete ${name}`, deleted);
  return 0;
}

/** Keeps a key that was just made; where that does not work, the key goes again. */
export async function keep(client: ControlPlaneClient, holder: KeyHolder, created: CreatedApiKey, tenantId: string): Promise<void> {
  try {
    await holder.put(created, tenantId);
  } catch (error) {
    await takeBack(client, created);
    throw error;
  }
}

export function expiryText(expiresAtMs: number | undefined): string {
  return expiresAtMs === undefined ? '' : `, good until ${new Date(expiresAtMs).toISOString().slice(0, 10)}`;
}

async function takeBack(client: ControlPlaneClient, { keyId }: CreatedApiKey): Promise<void> {
  const name = toTerminalText(keyId);
  const deleted = await client.deleteApiKey(keyId);
  if (deleted.kind !== 'answered') say(`The new key ${name} could not be deleted either: npm run cli -- key delete ${name}`);
}

async function tryOut(credential: Credential, { dataPlaneUrl, transport }: Addresses): Promise<CallFailure | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const failure = await ping({ baseUrl: dataPlaneUrl, transport, credential: async () => credential, deadlineMs: PING_DEADLINE_MS });
    if (failure?.kind !== 'credentials' || attempt === TRIES) return failure;
    await sleep(BETWEEN_TRIES_MS);
  }
}

async function isAgreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}
