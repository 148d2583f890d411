import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SourceError } from '../../shared/scm/source.ts';
import { callersThreadReader } from '../shared/manifests/callers-thread-reader.ts';
import { blobSha, type Files, MAIN, malicious, packageLock, World } from './world.ts';

/** More than are read at once, than are noted together, and than one invocation has time for. */
const LOCK_FILES = 250;
const AT_ONCE = 8;
const NOTED_TOGETHER = 100;
/** One write for each lock file, and one for each note. */
const KILLED_AT = 170;

let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.stop());

function lockFiles(count: number, version = '1.0.0'): Files {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`apps/${index}/package-lock.json`, packageLock(`p${index}@${version}`)]),
  );
}

async function scan(files: Files): Promise<void> {
  world.commit(MAIN, files);
  world.push(MAIN);
  await world.settle({ limitMs: 3_600_000 });
}

function expectWholeScan(packages: number): void {
  expect(world.scanEvents().at(-1)).toMatchObject({ detailType: 'scan complete', counts: { lockFiles: LOCK_FILES, packages } });
}

describe('a reading that is interrupted', () => {
  it('by the time that an invocation has goes on where it was', async () => {
    world.onFetch = () => {
      world.nowMs += 5_000;
    };
    await scan(lockFiles(LOCK_FILES));
    expectWholeScan(LOCK_FILES);
    expect(world.fetches).toBe(LOCK_FILES);
  });

  it("by the forge's rate limit fetches again only what it had under way", async () => {
    let allowance = 60;
    let refusals = 0;
    world.onFetch = () => {
      allowance -= 1;
      if (allowance >= 0) return;
      refusals += 1;
      throw new SourceError("GitHub's rate limit is used up", true);
    };
    world.commit(MAIN, lockFiles(LOCK_FILES));
    world.push(MAIN);
    for (let deliveries = 0; world.scanEvents().length === 0 && deliveries < 200; deliveries += 1) {
      if ((await world.deliver()) === 0) {
        world.nowMs += 60_000;
        allowance = 60;
      }
    }
    expectWholeScan(LOCK_FILES);
    expect(refusals).toBeGreaterThan(0);
    expect(world.fetches - refusals).toBe(LOCK_FILES);
  });

  it('by a kill fetches again only what was not noted yet', async () => {
    world.armKill({ atWrite: KILLED_AT, when: 'before' });
    await scan(lockFiles(LOCK_FILES));
    expectWholeScan(LOCK_FILES);
    expect(world.fetches).toBeGreaterThan(LOCK_FILES);
    expect(world.fetches).toBeLessThanOrEqual(LOCK_FILES + (KILLED_AT % NOTED_TOGETHER) + AT_ONCE);
  });

  it('is forgotten where the ref has moved on meanwhile, but for what is the same there', async () => {
    world.armKill({ atWrite: KILLED_AT, when: 'before' });
    world.answers.set('NPM/p7@2.0.0', malicious('A1'));
    world.commit(MAIN, lockFiles(LOCK_FILES));
    world.push(MAIN);
    await world.deliver();
    await scan({ ...lockFiles(LOCK_FILES), 'apps/7/package-lock.json': packageLock('p7@2.0.0') });
    expectWholeScan(LOCK_FILES);
    expect(await world.openFindings(MAIN)).toEqual(['malware NPM/p7@2.0.0 A1 in apps/7/package-lock.json']);
  });

  it('by a file that can never be read gives that one up, however often the time ran out meanwhile', async () => {
    world.answers.set(`NPM/p${LOCK_FILES - 1}@1.0.0`, malicious('A1'));
    const files = lockFiles(LOCK_FILES);
    const failing = blobSha(files['apps/3/package-lock.json'] ?? '');
    world.onFetch = (sha) => {
      world.nowMs += 5_000;
      if (sha === failing) throw new SourceError('the forge answered 502', true);
    };
    world.commit(MAIN, files);
    world.push(MAIN);
    for (let deliveries = 0; world.scanEvents().length === 0 && deliveries < 200; deliveries += 1) {
      if ((await world.deliver()) === 0) world.nowMs += 1_000;
    }
    expect(world.scanEvents().at(-1)).toMatchObject({ detailType: 'scan incomplete', counts: { packages: LOCK_FILES - 1 } });
    expect(await world.openFindings(MAIN)).toHaveLength(1);
  });

  it('by a tree that took all the time still reads on', async () => {
    world.onTree = () => {
      world.nowMs += 100_000;
    };
    await scan({ 'package-lock.json': packageLock('a@1.0.0'), 'web/package-lock.json': packageLock('b@1.0.0') });
    expect(world.scanEvents().at(-1)).toMatchObject({ detailType: 'scan complete', counts: { lockFiles: 2 } });
  });

  it('does not try again what was ended for its time', async () => {
    let readings = 0;
    world.reader = {
      ...callersThreadReader,
      read: async (path, readFile, settings) => {
        readings += 1;
        world.nowMs += 5_000;
        const { content, consulted } = await callersThreadReader.read(path, readFile, settings);
        if (!path.startsWith('apps/1')) return { content, consulted };
        return { content: { status: 'error', reason: 'it took too long' }, consulted, wasEnded: true };
      },
    };
    await scan(lockFiles(60));
    expect(world.scanEvents().at(-1)?.detailType).toBe('scan incomplete');
    expect(readings).toBe(60);
  });

  it('leaves nothing behind once the snapshot is there', async () => {
    world.onFetch = () => {
      world.nowMs += 5_000;
    };
    await scan(lockFiles(LOCK_FILES));
    expect(await world.inventory.readNotedLockFiles(MAIN, 0)).toEqual([]);
  });
});
