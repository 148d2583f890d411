import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readResult } from '../../infra/local/scan/read-result.ts';
import { DEFAULT_SETTINGS } from '../../shared/model/settings/settings.ts';
import { MAIN, World } from './world.ts';

interface Entry {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
}

function lock(entries: Readonly<Record<string, Entry>>): string {
  const packages = Object.entries(entries).map(([name, entry]) => [
    `node_modules/${name}`,
    { resolved: `https://registry.npm.example/${name}/-/${name}-${entry.version}.tgz`, ...entry },
  ]);
  return JSON.stringify({ lockfileVersion: 3, packages: { '': {}, ...Object.fromEntries(packages) } });
}

let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.stop());

async function scan(files: Readonly<Record<string, string>>): Promise<string[]> {
  world.commit(MAIN, files);
  world.push(MAIN);
  await world.settle();
  const stored = await world.findings.readAll(MAIN);
  return stored
    .map(({ state, finding }) => `${state} ${finding.kind} ${finding.primaryId} ${finding.packageVersion.name} ${finding.decision}`)
    .sort();
}

describe('a poisoned lock file', () => {
  it('opens a finding for each sign, and resolves it when the lock file is mended', async () => {
    const good = { ms: { version: '2.1.3' }, left: { version: '1.0.0' }, right: { version: '1.0.0' }, up: { version: '1.0.0' } };
    const poisoned = {
      ...good,
      left: { version: '1.0.0', resolved: 'https://registry.npm.example/evil/-/evil-1.0.0.tgz' },
      right: { version: '1.0.0', resolved: 'http://registry.npm.example/right/-/right-1.0.0.tgz' },
      up: { version: '1.0.0', resolved: 'https://other.example/up/-/up-1.0.0.tgz' },
    };
    expect(await scan({ 'package-lock.json': lock(good) })).toEqual([]);
    expect(await scan({ 'package-lock.json': lock(poisoned) })).toEqual([
      'open poisoned-lock-file other-package left reject',
      'open poisoned-lock-file plain-http right reject',
      'open poisoned-lock-file unusual-host up warn',
    ]);
    const result = await readResult(MAIN, world, DEFAULT_SETTINGS.policy);
    expect(result?.packages.filter(({ outcome }) => outcome === 'finding').map(({ purl }) => purl)).toEqual([
      'pkg:npm/left@1.0.0',
      'pkg:npm/right@1.0.0',
      'pkg:npm/up@1.0.0',
    ]);
    expect(await scan({ 'package-lock.json': lock(good) })).toEqual([
      'resolved poisoned-lock-file other-package left reject',
      'resolved poisoned-lock-file plain-http right reject',
      'resolved poisoned-lock-file unusual-host up warn',
    ]);
    expect(
      world
        .findingEvents()
        .map(({ detailType }) => detailType)
        .sort(),
    ).toEqual([...Array.from({ length: 3 }, () => 'finding opened'), ...Array.from({ length: 3 }, () => 'finding resolved')]);
  });

  it('shows itself in another digest of the same version, through commits that leave it, until the first is back', async () => {
    const withDigest = (integrity: string, more: Readonly<Record<string, Entry>> = {}) => ({
      'package-lock.json': lock({ ms: { version: '2.1.3', integrity }, ...more }),
    });
    const changed = 'poisoned-lock-file changed-integrity ms reject';
    expect(await scan(withDigest('sha512-a'))).toEqual([]);
    expect(await scan(withDigest('sha512-b'))).toEqual([`open ${changed}`]);
    expect(await scan({ ...withDigest('sha512-b'), 'README.md': 'more' })).toEqual([`open ${changed}`]);
    expect(await scan(withDigest('sha512-b', { left: { version: '1.0.0' } }))).toEqual([`open ${changed}`]);
    expect(await scan(withDigest('sha512-a'))).toEqual([`resolved ${changed}`]);
  });

  it('is not forgotten over a commit in which the lock file cannot be read', async () => {
    const withDigest = (integrity: string) => ({ 'package-lock.json': lock({ ms: { version: '2.1.3', integrity } }) });
    const unreadable = { 'package-lock.json': '<<<<<<< HEAD\n' };
    const changed = 'poisoned-lock-file changed-integrity ms reject';
    expect(await scan(withDigest('sha512-a'))).toEqual([]);
    expect(await scan(unreadable)).toEqual([]);
    expect(await scan({ ...unreadable, 'README.md': 'more' })).toEqual([]);
    expect(await scan(withDigest('sha512-b'))).toEqual([`open ${changed}`]);
    expect(await scan(unreadable)).toEqual([`open ${changed}`]);
    expect(await scan(withDigest('sha512-b'))).toEqual([`open ${changed}`]);
    expect(await scan(withDigest('sha512-a'))).toEqual([`resolved ${changed}`]);
  });
});
