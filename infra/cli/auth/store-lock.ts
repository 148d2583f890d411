import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { notReachable } from '../command.ts';
import { makeConfigFolder } from './credential-file.ts';

/** One holder's time at most, in milliseconds: two refreshes at their longest, and a keychain that asks a person. */
const HELD_MAX_MS = 120_000;
const LOOK_EVERY_MS = 100;

interface Holder {
  readonly id: string;
  readonly pid: number;
  readonly host: string;
  readonly atMs: number;
}

/**
 * Runs `action` while no other process of this user does: two that refresh at once would spend the same refresh token twice, and the
 * provider would then end the sign-in; one that writes meanwhile would bring the spent token back. A lock whose process is gone, or that is older than any holder may be, is taken over.
 *
 * @throws CommandError where others hold it for too long.
 */
export async function withStoreLock<T>(folder: string, action: () => Promise<T>): Promise<T> {
  const path = join(folder, 'credentials.lock');
  await makeConfigFolder(folder);
  const holder: Holder = { id: randomUUID(), pid: process.pid, host: hostname(), atMs: Date.now() };
  const giveUpAtMs = Date.now() + HELD_MAX_MS;
  while (!(await take(path, holder))) {
    await removeAbandoned(path);
    if (Date.now() > giveUpAtMs)
      throw notReachable(`Another command holds the credentials all the time; if none is running, delete ${path}.`);
    await sleep(LOOK_EVERY_MS);
  }
  try {
    return await action();
  } finally {
    await rm(path, { force: true });
  }
}

/** The lock appears with its content, by a link: nobody sees an empty one. */
async function take(path: string, holder: Holder): Promise<boolean> {
  const aside = `${path}.${holder.id}`;
  const file = await open(aside, 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify({ ...holder, atMs: Date.now() }));
  } finally {
    await file.close();
  }
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function removeAbandoned(path: string): Promise<void> {
  const seen = await readHolder(path);
  if (seen === undefined || !isAbandoned(seen)) return;
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
    // Between the look and the rename somebody else may have taken it over: then it is theirs.
    if ((await readHolder(aside))?.id !== seen.id) await link(aside, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    // Not written by us, so nobody will take it away.
    return { id: '', pid: 0, host: '', atMs: 0 };
  }
}

function isAbandoned({ pid, host, atMs }: Holder): boolean {
  if (Date.now() - atMs > HELD_MAX_MS) return true;
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
