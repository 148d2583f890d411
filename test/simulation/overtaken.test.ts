import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readingOf } from '../../functions/extract/read-lock-files.ts';
import { publishScan } from '../../shared/findings/publish.ts';
import { DEFAULT_SETTINGS } from '../../shared/model/settings/settings.ts';
import { MAIN, packageLock, vulnerable, World } from './world.ts';

/** One meets another at exactly the wrong moment: what must hold afterwards. */

let world: World;
beforeEach(async () => {
  world = await World.start();
  for (const letter of ['a', 'b']) world.answers.set(`NPM/${letter}@1.0.0`, vulnerable(`GHSA-${letter}`));
});
afterEach(() => world.stop());

describe('an extract', () => {
  it('whose base was replaced reads the head again, and its scan is of what it read last', async () => {
    const packages = Array.from({ length: 130 }, (_, index) => `p${index}@1.0.0`);
    const lower = await world.inventory.takeGeneration(MAIN);
    world.commit(MAIN, { 'package-lock.json': packageLock(...packages) });
    world.push(MAIN);
    const swap = world.inventory.swap;
    world.inventory.swap = async (ref, snapshot, base) => {
      world.inventory.swap = swap;
      const { generation } = lower;
      await world.inventory.writeSnapshotPages(ref, generation, []);
      await world.scans.open({ ref, generation }, { commit: 'c0', repositoryName: 'acme/shop', lane: 'live', batchCount: 0 }, world.nowMs);
      const facts = { ...snapshot, generation, commit: 'c0', readingDigest: readingOf(DEFAULT_SETTINGS) };
      expect(await swap(ref, facts, undefined)).toBe('swapped');
      world.commit(MAIN, { 'package-lock.json': packageLock('a@1.0.0') });
      return swap(ref, snapshot, base);
    };
    await world.settle();
    const generation = (await world.inventory.readRef(MAIN))?.snapshot?.generation ?? 0;
    const scan = await world.scans.read({ ref: MAIN, generation });
    expect(scan).toMatchObject({ batchCount: 1, openBatches: new Set(), outcome: { status: 'complete' } });
    expect(scan?.commit).toBe(world.scanEvents().at(-1)?.repository.commit);
    expect(world.longestScanMs()).toBeLessThan(60_000);
    expect(await world.openFindings(MAIN)).toHaveLength(1);
  });

  it.each(['lookups', 'evaluations'] as const)('that could not send its %s does so at its next delivery', async (queue) => {
    world.refusedSends.set(queue, 1);
    world.commit(MAIN, { 'package-lock.json': packageLock('a@1.0.0') });
    world.push(MAIN);
    await world.settle();
    expect(await world.openFindings(MAIN)).toHaveLength(1);
    expect(world.longestScanMs()).toBeLessThan(10_000);
  });

  it('that does not hear of its own swap is told so when it asks again', async () => {
    world.commit(MAIN, { 'package-lock.json': packageLock('a@1.0.0') });
    world.push(MAIN);
    const swap = world.inventory.swap;
    // What the SDK does when an answer is lost: the same request once more.
    world.inventory.swap = async (...args) => {
      await swap(...args);
      return swap(...args);
    };
    await world.settle();
    expect(await world.openFindings(MAIN)).toHaveLength(1);
    expect(world.longestScanMs()).toBeLessThan(10_000);
  });

  it('whose base was collected while it was read starts over in the same delivery', async () => {
    world.commit(MAIN, { 'package-lock.json': packageLock('a@1.0.0') });
    world.push(MAIN);
    await world.settle();
    world.commit(MAIN, { 'package-lock.json': packageLock('b@1.0.0') });
    world.push(MAIN);
    const read = world.inventory.readLockFiles;
    world.inventory.readLockFiles = async (...args) => {
      world.inventory.readLockFiles = read;
      world.commit(MAIN, { 'web/package-lock.json': packageLock('b@1.0.0') });
      world.push(MAIN);
      await world.deliver();
      return read(...args);
    };
    expect(await world.deliver()).toBe(1);
    expect(world.waiting('pushes')).toBe(0);
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual(['vulnerability NPM/b@1.0.0 GHSA-b in web/package-lock.json']);
  });
});

describe('an evaluation', () => {
  it('that was overtaken before it moved a finding to another lock file looks again', async () => {
    const at = (folder: string) => ({ [`${folder}/package-lock.json`]: packageLock('a@1.0.0') });
    for (const folder of ['one', 'two']) {
      world.commit(MAIN, at(folder));
      world.push(MAIN);
      await world.settle();
    }
    world.commit(MAIN, at('one'));
    world.push(MAIN);
    const write = world.findings.write;
    world.findings.write = async (...args) => {
      world.findings.write = write;
      world.drop('lookups');
      world.drop('evaluations');
      world.commit(MAIN, at('two'));
      world.push(MAIN);
      await world.settle();
      return write(...args);
    };
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual(['vulnerability NPM/a@1.0.0 GHSA-a in two/package-lock.json']);
  });

  it('gives its outcome an event id of its own when another one has published meanwhile', async () => {
    world.commit(MAIN, { 'package-lock.json': packageLock('a@1.0.0') });
    world.push(MAIN);
    const writeOutcome = world.scans.writeOutcome;
    world.scans.writeOutcome = async (...args) => {
      world.scans.writeOutcome = writeOutcome;
      const [scan, , evaluation, outcomeNumber, intents, nowMs] = args;
      const asIncomplete = Object.fromEntries(
        Object.entries(intents).map(([name, body]) => [name, body.replace('scan complete', 'scan incomplete')]),
      );
      await writeOutcome(scan, { status: 'incomplete', reasons: ['slow'] }, evaluation - 1, outcomeNumber, asIncomplete, nowMs);
      const written = await world.scans.read(scan);
      if (written) await publishScan(written, world.evaluatePorts());
      return writeOutcome(...args);
    };
    await world.settle();
    expect(world.scanEvents().map(({ detailType }) => detailType)).toEqual(['scan incomplete', 'scan complete']);
    expect(new Set(world.scanEvents().map(({ eventId }) => eventId)).size).toBe(2);
  });
});

describe('a finding', () => {
  it('whose last two intents are taken at once keeps no mark', async () => {
    world.commit(MAIN, { 'package-lock.json': packageLock('a@1.0.0') });
    world.push(MAIN);
    world.busAway = true;
    await world.settle({ limitMs: 30_000 });
    world.deleteRef(MAIN);
    world.push(MAIN);
    await world.settle({ limitMs: 30_000 });
    const [waiting] = await world.findings.withIntentsBefore(Number.MAX_SAFE_INTEGER, 10);
    expect(Object.keys(waiting?.stored.intents ?? {})).toEqual(['1', '2']);
    const [ref, id] = [waiting?.ref ?? '', waiting?.stored.finding.id ?? ''];
    await Promise.all(['1', '2'].map((transition) => world.findings.removeIntent(ref, id, transition)));
    expect(await world.findings.withIntentsBefore(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
  });

  it('reaches the bus in the order of its transitions, also when the bus refuses the first of them', async () => {
    world.commit(MAIN, { 'package-lock.json': packageLock('a@1.0.0') });
    world.push(MAIN);
    world.busAway = true;
    await world.settle({ limitMs: 30_000 });
    world.deleteRef(MAIN);
    world.push(MAIN);
    await world.settle({ limitMs: 30_000 });
    world.busAway = false;
    world.busRefuses = (event) => 'finding' in event && event.finding.transition === 1;
    await world.settle({ limitMs: 180_000 });
    expect(world.findingEvents()).toEqual([]);
    world.busRefuses = undefined;
    await world.settle();
    expect(world.findingEvents().map(({ detailType }) => detailType)).toEqual(['finding opened', 'finding resolved']);
  });
});

describe('a sweep', () => {
  it('goes on with the others when one scan cannot be looked at, and fails then', async () => {
    const other = { ...MAIN, repositoryId: 'r2' };
    for (const ref of [MAIN, other]) {
      world.commit(ref, { 'package-lock.json': packageLock('a@1.0.0') });
      world.push(ref);
    }
    await world.deliver(2);
    world.drop('lookups');
    world.drop('evaluations');
    world.nowMs += 6 * 60_000;
    const readRef = world.inventory.readRef;
    world.inventory.readRef = async (ref) => {
      if (ref.repositoryId === MAIN.repositoryId) throw new Error('the row cannot be read');
      return readRef(ref);
    };
    await expect(world.sweepOnce()).rejects.toThrow('the row cannot be read');
    expect(world.waiting('lookups')).toBe(1);
  });
});
