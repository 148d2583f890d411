import { afterEach, describe, expect, it } from 'vitest';
import { MAIN, malicious, packageLock, vulnerable, World } from './world.ts';

let world: World;
afterEach(() => world.stop());

async function startWorld(): Promise<World> {
  world = await World.start();
  world.answers.set('NPM/left@1.0.0', vulnerable('GHSA-left'));
  world.answers.set('NPM/evil@6.6.6', malicious('A1'));
  return world;
}

describe('one push', () => {
  it('ends as findings, one event each, and a complete scan', async () => {
    await startWorld();
    world.commit(MAIN, { 'package-lock.json': packageLock('left@1.0.0', 'right@1.0.0', 'evil@6.6.6') });
    world.push(MAIN);
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual([
      'malware NPM/evil@6.6.6 A1 in package-lock.json',
      'vulnerability NPM/left@1.0.0 GHSA-left in package-lock.json',
    ]);
    expect(world.findingEvents().map(({ detailType, baseline }) => [detailType, baseline])).toEqual([
      ['finding opened', true],
      ['finding opened', true],
    ]);
    expect(world.scanEvents()).toMatchObject([
      { detailType: 'scan complete', baseline: true, counts: { packages: 3, findings: { reject: 1, warn: 1, accept: 0 } } },
    ]);
    expect([...world.calls.values()]).toEqual([1, 1, 1]);
  });

  it('does nothing for a commit that is scanned already', async () => {
    await startWorld();
    world.commit(MAIN, { 'package-lock.json': packageLock('left@1.0.0') });
    world.push(MAIN);
    await world.settle();
    const before = world.events.length;
    world.push(MAIN);
    world.push(MAIN);
    await world.settle();
    expect(world.events.length).toBe(before);
    expect([...world.calls.values()]).toEqual([1]);
  });

  it('takes a branch at the same commit anew when it has become the default branch', async () => {
    await startWorld();
    world.defaultBranch = 'refs/heads/old';
    world.commit(MAIN, { 'package-lock.json': packageLock('right@1.0.0') });
    for (const isDefaultBranch of [false, true]) {
      world.push(MAIN);
      await world.settle();
      expect((await world.inventory.readRef(MAIN))?.snapshot).toMatchObject({ isDefaultBranch });
      world.defaultBranch = MAIN.ref;
    }
    expect([...world.calls.values()]).toEqual([1]);
  });

  it('resolves what left, and opens what came as news', async () => {
    await startWorld();
    world.commit(MAIN, { 'package-lock.json': packageLock('left@1.0.0') });
    world.push(MAIN);
    await world.settle();
    world.commit(MAIN, { 'package-lock.json': packageLock('evil@6.6.6') });
    world.push(MAIN);
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual(['malware NPM/evil@6.6.6 A1 in package-lock.json']);
    expect(world.findingEvents().map(({ detailType, baseline, finding }) => [detailType, baseline, finding.purl])).toEqual([
      ['finding opened', true, 'pkg:npm/left@1.0.0'],
      ['finding opened', false, 'pkg:npm/evil@6.6.6'],
      ['finding resolved', false, 'pkg:npm/left@1.0.0'],
    ]);
  });

  it('resolves nothing when a lock file cannot be read, and says so', async () => {
    await startWorld();
    world.commit(MAIN, { 'package-lock.json': packageLock('left@1.0.0') });
    world.push(MAIN);
    await world.settle();
    world.commit(MAIN, { 'package-lock.json': '{"lockfileVersion": 3, "packages": ' });
    world.push(MAIN);
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual(['vulnerability NPM/left@1.0.0 GHSA-left in package-lock.json']);
    expect(world.scanEvents().at(-1)?.detailType).toBe('scan incomplete');
    expect(world.scanEvents().at(-1)?.reasons[0]).toMatch(/^package-lock\.json: /);
  });

  it('resolves nothing when the repository refuses us', async () => {
    await startWorld();
    world.commit(MAIN, { 'package-lock.json': packageLock('left@1.0.0') });
    world.push(MAIN);
    await world.settle();
    world.repositoryUnreadable = { reason: 'acme/shop answered 404', retryable: false };
    world.push(MAIN);
    await world.settle();
    expect(await world.openFindings(MAIN)).toHaveLength(1);
    expect(world.scanEvents().at(-1)).toMatchObject({ detailType: 'scan incomplete', reasons: ['acme/shop answered 404'] });
  });

  it('resolves everything of a deleted ref, and goes on when the ref comes back', async () => {
    await startWorld();
    const files = { 'package-lock.json': packageLock('left@1.0.0') };
    world.commit(MAIN, files);
    world.push(MAIN);
    await world.settle();
    world.deleteRef(MAIN);
    world.push(MAIN);
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual([]);
    expect(world.findingEvents().at(-1)?.reason).toContain('the ref was deleted');
    world.commit(MAIN, files);
    world.push(MAIN);
    await world.settle();
    expect(world.findingEvents().at(-1)?.detailType).toBe('finding reopened');
  });

  it('asks again what failed, and counts as failed what never answers', async () => {
    await startWorld();
    world.answers.set('NPM/slow@1.0.0', { ...vulnerable('GHSA-slow'), failuresFirst: 3 });
    world.answers.set('NPM/dead@1.0.0', { failuresFirst: 1_000 });
    world.commit(MAIN, { 'a/package-lock.json': packageLock('slow@1.0.0', 'dead@1.0.0') });
    world.push(MAIN);
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual(['vulnerability NPM/slow@1.0.0 GHSA-slow in a/package-lock.json']);
    expect(world.scanEvents()).toMatchObject([
      { detailType: 'scan incomplete', counts: { failures: { failed: 1 } }, reasons: ['1 package failed: SafeDep is away'] },
    ]);
    expect(world.calls.get('NPM/dead@1.0.0')).toBe(12);
  });

  it('tells that a finding is decided otherwise, when what is known of it changed', async () => {
    await startWorld();
    const scanFiles = async (...packages: string[]) => {
      world.commit(MAIN, { 'package-lock.json': packageLock(...packages) });
      world.push(MAIN);
      await world.settle();
    };
    world.answers.set('NPM/mild@1.0.0', vulnerable('GHSA-mild', 'medium'));
    await scanFiles('right@1.0.0');
    await scanFiles('right@1.0.0', 'mild@1.0.0');
    for (const severity of ['critical', 'medium'] as const) {
      world.answers.set('NPM/mild@1.0.0', vulnerable('GHSA-mild', severity));
      await world.rescan(world.nowMs + 365 * 86_400_000);
      await world.settle();
    }
    const told = world.findingEvents().map(({ detailType, finding }) => [detailType, finding.decision, finding.formerDecision]);
    expect(told).toEqual([
      ['finding opened', 'accept', undefined],
      ['finding changed', 'reject', 'accept'],
      ['finding changed', 'accept', 'reject'],
    ]);
    expect(new Set(world.findingEvents().map(({ eventId }) => eventId)).size).toBe(3);
  });

  it('sends what a rescan could not send at the next one', async () => {
    await startWorld();
    world.commit(MAIN, { 'package-lock.json': packageLock('right@1.0.0') });
    world.push(MAIN);
    await world.settle();
    world.nowMs += 10 * 86_400_000;
    world.refusedSends.set('lookups', 1);
    await expect(world.rescan(world.nowMs, false)).rejects.toThrow();
    world.nowMs += 5 * 60_000;
    expect(await world.rescan(world.nowMs, false)).toMatchObject({ sent: 1, more: false });
    world.nowMs += 5 * 60_000;
    expect(await world.rescan(world.nowMs, false)).toMatchObject({ sent: 0 });
  });

  it('evaluates every user of a package whose answer changed, and reads no repository', async () => {
    await startWorld();
    const other = { ...MAIN, repositoryId: 'r2' };
    for (const ref of [MAIN, other]) {
      world.commit(ref, { 'package-lock.json': packageLock('right@1.0.0') });
      world.push(ref);
    }
    await world.settle();
    world.answers.set('NPM/right@1.0.0', malicious('A2'));
    world.repositoryUnreadable = { reason: 'nobody may read', retryable: false };
    expect(await world.rescan(world.nowMs + 365 * 86_400_000)).toMatchObject({ sent: 1, unused: 0 });
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual(['malware NPM/right@1.0.0 A2 in package-lock.json']);
    expect(await world.openFindings(other)).toEqual(['malware NPM/right@1.0.0 A2 in package-lock.json']);
    expect(world.findingEvents().map(({ baseline }) => baseline)).toEqual([false, false]);
  });
});
