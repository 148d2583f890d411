import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readResult } from '../../infra/local/scan/read-result.ts';
import { LISTED_LOCK_FILES_MAX_BYTES } from '../../shared/model/finding.ts';
import type { RefId } from '../../shared/model/repository.ts';
import { DEFAULT_SETTINGS } from '../../shared/model/settings/settings.ts';
import { type Files, MAIN, malicious, packageLock, World } from './world.ts';

/**
 * One package in so many lock files, so deep in folders, that their paths, twice over, are more than an item of DynamoDB takes: the finding and the event
 * that waits in it.
 */
const LOCK_FILES = 150;
const pathOf = (index: number) => `apps/${String(index).padStart(4, '0')}${'/deep'.repeat(300)}/package-lock.json`;
const CONTENT = packageLock('evil@1.0.0');
const monorepo = (count: number): Files => Object.fromEntries(Array.from({ length: count }, (_, index) => [pathOf(index), CONTENT]));

let world: World;
beforeEach(async () => {
  world = await World.start();
  world.answers.set('NPM/evil@1.0.0', malicious('A1'));
});
afterEach(() => world.stop());

async function scan(ref: RefId, files: Files) {
  world.commit(ref, files);
  world.push(ref);
  await world.settle({ limitMs: 20 * 60_000 });
  const [stored] = await world.findings.readAll(ref);
  return { stored, result: await readResult(ref, world, DEFAULT_SETTINGS.policy) };
}

describe('a package in more lock files than a finding lists', () => {
  it('is found, told and resolved, with the first of them listed and the others counted', async () => {
    expect(Object.keys(monorepo(LOCK_FILES)).join().length * 2).toBeGreaterThan(400 * 1024);

    const first = await scan(MAIN, monorepo(LOCK_FILES));
    expect(first.stored).toMatchObject({ state: 'open', transition: 1, finding: { lockFileCount: LOCK_FILES } });
    expect(world.scanEvents().map(({ detailType }) => detailType)).toEqual(['scan complete']);
    const [opened] = world.findingEvents();
    expect(opened?.finding).toMatchObject({ lockFileCount: LOCK_FILES });
    expect(opened?.finding.lockFiles.slice(0, 2)).toEqual([pathOf(0), pathOf(1)]);
    expect(Buffer.byteLength(JSON.stringify(opened))).toBeLessThan(LISTED_LOCK_FILES_MAX_BYTES + 4_096);
    // The document of `--json` has them all, from the snapshot.
    expect(first.result?.findings).toMatchObject([{ lockFiles: Object.keys(monorepo(LOCK_FILES)).sort() }]);
    expect(first.result?.findings[0]).not.toHaveProperty('lockFileCount');

    // The last one is beyond the list: it goes, and only the count changes.
    const fewer = await scan(MAIN, monorepo(LOCK_FILES - 1));
    expect(fewer.stored).toMatchObject({ state: 'open', transition: 1, finding: { lockFileCount: LOCK_FILES - 1 } });
    expect(fewer.result?.findings[0]?.lockFiles).toHaveLength(LOCK_FILES - 1);
    expect(world.findingEvents()).toHaveLength(1);

    // Only one that was beyond the list is left: still open, and listed now.
    const last = await scan(MAIN, { [pathOf(LOCK_FILES)]: CONTENT });
    expect(last.stored).toMatchObject({ state: 'open', transition: 1, finding: { lockFiles: [pathOf(LOCK_FILES)] } });
    expect(last.stored?.finding).not.toHaveProperty('lockFileCount');
    expect(world.findingEvents()).toHaveLength(1);

    const none = await scan(MAIN, { 'README.md': 'moved away' });
    expect(none.stored).toMatchObject({ state: 'resolved', transition: 2 });
    expect(world.findingEvents().map(({ detailType }) => detailType)).toEqual(['finding opened', 'finding resolved']);
  });

  it('says how many lock files there were where its snapshot has none of them and its scan is incomplete', async () => {
    await scan(MAIN, monorepo(LOCK_FILES));
    const { stored, result } = await scan(MAIN, { 'yarn.lock': 'no lock file at all' });
    expect(stored).toMatchObject({ state: 'open', transition: 1 });
    expect(result).toMatchObject({ status: 'incomplete', findings: [{ lockFileCount: LOCK_FILES }] });
    expect(result?.findings[0]?.lockFiles.length).toBeLessThan(LOCK_FILES);
  });
});
