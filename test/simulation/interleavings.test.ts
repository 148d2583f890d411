import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { LOOK_GAP_MS } from '../../shared/scans/scan.ts';
import { type Files, MAIN, malicious, packageLock, type SafeDepAnswer, vulnerable, World } from './world.ts';

/** Whatever meets whatever: the findings at the end are those of a fresh scan of the last state. */

const worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
});

const BENIGN: SafeDepAnswer = { facts: { vulnerabilities: [], malware: { verdict: 'benign', analysisId: '', title: '' } } };

async function startWorld(): Promise<World> {
  const world = await World.start();
  worlds.push(world);
  for (const letter of ['a', 'b', 'c']) world.answers.set(`NPM/${letter}@1.0.0`, vulnerable(`GHSA-${letter}`));
  world.answers.set('NPM/d@1.0.0', malicious('A-d'));
  return world;
}

async function freshScan(files: Files | undefined, answers: World['answers']): Promise<string[]> {
  const world = await startWorld();
  for (const [key, answer] of answers) world.answers.set(key, answer);
  if (files) world.commit(MAIN, files);
  world.push(MAIN);
  await world.settle();
  return world.openFindings(MAIN);
}

const packages = fc.subarray(['a@1.0.0', 'b@1.0.0', 'c@1.0.0', 'd@1.0.0', 'e@1.0.0']);
const files = fc
  .record({ 'package-lock.json': packages, 'web/package-lock.json': packages }, { requiredKeys: [] })
  .map(
    (byPath): Files =>
      Object.fromEntries(Object.entries(byPath).flatMap(([path, entries]) => (entries ? [[path, packageLock(...entries)]] : []))),
  );
/** SafeDep changes its mind about a package version. */
const answer = fc.record({
  of: fc.constantFrom('NPM/a@1.0.0', 'NPM/b@1.0.0', 'NPM/e@1.0.0'),
  answer: fc.constantFrom(vulnerable('GHSA-new'), malicious('A-new'), BENIGN),
});
/** A commit, the deletion of the ref, a duplicate of the last push, or a rescan of a changed answer; then so many messages are delivered at once. */
const step = fc.record({
  change: fc.oneof(
    { weight: 5, arbitrary: fc.record({ commit: files }) },
    { weight: 1, arbitrary: fc.constant('delete' as const) },
    { weight: 1, arbitrary: fc.constant('again' as const) },
    { weight: 2, arbitrary: answer },
  ),
  deliveries: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 6 }),
});

describe('pushes, scans and evaluations that meet', () => {
  it('end as a fresh scan of the last state, in any order and at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        async (steps, stream) => {
          const draw = () => stream.next().value ?? 0;
          const world = await startWorld();
          let last: Files | undefined;
          for (const { change, deliveries } of steps) {
            if (typeof change === 'object' && 'answer' in change) {
              world.answers.set(change.of, change.answer);
              world.nowMs += 1;
              await world.rescan(Number.MAX_SAFE_INTEGER);
            } else {
              if (change === 'delete') world.deleteRef(MAIN);
              else if (change !== 'again') world.commit(MAIN, change.commit);
              if (change !== 'again') last = change === 'delete' ? undefined : change.commit;
              world.push(MAIN);
            }
            for (const atOnce of deliveries) await world.deliver(atOnce, draw);
          }
          await world.settle({ atOnce: 4, order: draw });
          expect(await world.openFindings(MAIN)).toEqual(await freshScan(last, world.answers));
          const heard = new Map(world.findingEvents().map((event) => [`${event.finding.id} ${event.finding.transition}`, event]));
          for (const { finding, state, transition } of await world.findings.readAll(MAIN)) {
            const types = Array.from({ length: transition }, (_, index) => heard.get(`${finding.id} ${index + 1}`)?.detailType);
            expect(types.slice(0, -1), finding.id).not.toContain(undefined);
            expect(types.at(-1) === 'finding resolved', finding.id).toBe(state === 'resolved');
          }
          const ids = world
            .findingEvents()
            .map(({ finding, detailType, eventId }) => [`${finding.id} ${finding.transition} ${detailType}`, eventId]);
          expect(new Map(ids.map(([transition, id]) => [id, transition])).size).toBe(new Set(ids.map(([transition]) => transition)).size);
          expect(await world.scans.openBefore(Number.MAX_SAFE_INTEGER, 100)).toEqual([]);
          for (const used of worlds.splice(0)) await used.stop();
        },
      ),
      { numRuns: Number(process.env['INTERLEAVINGS'] ?? 25) },
    );
  });

  it('a forced push back to an earlier commit ends at that commit', async () => {
    const world = await startWorld();
    const one = { 'package-lock.json': packageLock('a@1.0.0') };
    const two = { 'package-lock.json': packageLock('b@1.0.0') };
    for (const state of [one, two, one]) {
      world.commit(MAIN, state);
      world.push(MAIN);
      await world.deliver(2);
    }
    await world.settle({ atOnce: 3 });
    expect(await world.openFindings(MAIN)).toEqual(['vulnerability NPM/a@1.0.0 GHSA-a in package-lock.json']);
  });

  it('the removal of the last lock file resolves everything', async () => {
    const world = await startWorld();
    world.commit(MAIN, { 'package-lock.json': packageLock('a@1.0.0') });
    world.push(MAIN);
    await world.settle();
    world.commit(MAIN, { 'README.md': 'nothing to depend on' });
    world.push(MAIN);
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual([]);
    expect(world.scanEvents().at(-1)).toMatchObject({ detailType: 'scan complete', counts: { lockFiles: 0, packages: 0 } });
  });

  it('the removal of a lock file whose manifest stays says that what it asks for is not known any more', async () => {
    const world = await startWorld();
    const manifest = { 'package.json': JSON.stringify({ dependencies: { a: '^1.0.0' } }) };
    world.commit(MAIN, { ...manifest, 'package-lock.json': packageLock('a@1.0.0') });
    world.push(MAIN);
    await world.settle();
    expect(world.scanEvents().at(-1)).toMatchObject({ counts: { lockFiles: 1, packages: 1, gaps: { unresolved: 0 } } });
    world.commit(MAIN, manifest);
    world.push(MAIN);
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual([]);
    expect(world.scanEvents().at(-1)).toMatchObject({
      detailType: 'scan complete',
      counts: { lockFiles: 1, packages: 0, gaps: { unresolved: 1 } },
    });
  });

  it('a package that moves between lock files keeps its finding, without a transition', async () => {
    const world = await startWorld();
    world.commit(MAIN, { 'package-lock.json': packageLock('a@1.0.0') });
    world.push(MAIN);
    await world.settle();
    world.commit(MAIN, { 'web/package-lock.json': packageLock('a@1.0.0') });
    world.push(MAIN);
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual(['vulnerability NPM/a@1.0.0 GHSA-a in web/package-lock.json']);
    expect(world.findingEvents()).toHaveLength(1);
  });

  it('a package that SafeDep is still at is a gap, and its scan ends', async () => {
    const world = await startWorld();
    world.answers.set('NPM/pending@1.0.0', { checks: { malware: { state: 'not-analysed', reason: 'still being analysed' } } });
    world.commit(MAIN, { 'package-lock.json': packageLock('pending@1.0.0') });
    world.push(MAIN);
    await world.settle();
    expect(world.scanEvents()).toMatchObject([{ detailType: 'scan complete', counts: { gaps: { 'not-analysed': 1 } } }]);
  });
});

describe('messages that are lost', () => {
  it('a batch in the dead-letter queue ends its scan as incomplete, and resolves nothing', async () => {
    const world = await startWorld();
    world.commit(MAIN, { 'package-lock.json': packageLock('a@1.0.0') });
    world.push(MAIN);
    await world.settle();
    world.commit(MAIN, { 'package-lock.json': packageLock('d@1.0.0') });
    world.push(MAIN);
    await world.deliver();
    world.loseToDeadLetters('lookups');
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual(['vulnerability NPM/a@1.0.0 GHSA-a in package-lock.json']);
    expect(world.scanEvents().at(-1)?.detailType).toBe('scan incomplete');
    expect(world.scanEvents().at(-1)?.reasons[0]).toMatch(/^1 package failed: no answer by /);
  });

  it('batches that vanished are sent again by the sweep', async () => {
    const world = await startWorld();
    world.commit(MAIN, { 'package-lock.json': packageLock('a@1.0.0', 'd@1.0.0') });
    world.push(MAIN);
    await world.deliver();
    world.drop('lookups');
    const tookMs = await world.settle();
    expect(await world.openFindings(MAIN)).toHaveLength(2);
    expect(tookMs).toBeLessThan(LOOK_GAP_MS + 5 * 60_000);
  });

  it('evaluations that vanished are sent again by the sweep', async () => {
    const world = await startWorld();
    world.commit(MAIN, { 'package-lock.json': packageLock('a@1.0.0') });
    world.push(MAIN);
    await world.deliver();
    await world.deliver();
    world.drop('evaluations');
    await world.settle();
    expect(await world.openFindings(MAIN)).toHaveLength(1);
    expect(world.scanEvents().at(-1)?.detailType).toBe('scan complete');
  });
});
