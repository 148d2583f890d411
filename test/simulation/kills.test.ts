import { afterEach, describe, expect, it } from 'vitest';
import { MAIN, malicious, packageLock, vulnerable, World, type WorldOptions } from './world.ts';

/**
 * A run with two pushes is killed at every single write in turn, before and after it took effect. Whatever was under way is
 * delivered again after its queue's visibility timeout; what must come out is what comes out of a run without a kill.
 */

const worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
});

const BEFORE = { 'package-lock.json': packageLock('left@1.0.0', 'right@1.0.0'), 'web/package-lock.json': packageLock('left@1.0.0') };
const AFTER = { 'package-lock.json': packageLock('right@1.0.0', 'evil@6.6.6'), 'web/package-lock.json': packageLock('left@1.0.0') };

async function run(options: WorldOptions): Promise<World> {
  const world = await World.start(options);
  worlds.push(world);
  world.answers.set('NPM/left@1.0.0', vulnerable('GHSA-left'));
  world.answers.set('NPM/right@1.0.0', vulnerable('GHSA-right', 'medium'));
  world.answers.set('NPM/evil@6.6.6', malicious('A1'));
  world.commit(MAIN, BEFORE);
  world.push(MAIN);
  await world.settle();
  world.commit(MAIN, AFTER);
  world.push(MAIN);
  await world.settle();
  return world;
}

/** Each transition with the ids under which its event went out: more than one id is a duplicate alert. */
function idsByTransition(world: World): Map<string, Set<string>> {
  const ids = new Map<string, Set<string>>();
  for (const { finding, detailType, eventId } of world.findingEvents()) {
    const transition = `${finding.purl} ${finding.primaryId} ${detailType} ${finding.transition}`;
    ids.set(transition, (ids.get(transition) ?? new Set()).add(eventId));
  }
  return ids;
}

const VISIBILITY_SECONDS = { pushes: 720, lookups: 90, evaluations: 360 } as const;

describe('killed at any write', () => {
  for (const queue of ['pushes', 'lookups', 'evaluations'] as const) {
    it(`of ${queue}, the pipeline ends where it would have ended`, async () => {
      const clean = await run({ killIn: [queue] });
      const expected = await clean.openFindings(MAIN);
      const expectedTransitions = [...idsByTransition(clean).keys()].sort();
      expect(clean.writeCount).toBeGreaterThan(5);
      for (let atWrite = 1; atWrite <= clean.writeCount; atWrite += 1) {
        for (const when of ['before', 'after'] as const) {
          const world = await run({ kill: { atWrite, when }, killIn: [queue] });
          const where = `killed ${when} write ${atWrite} of ${clean.writeCount}`;
          expect(world.kills, where).toBe(1);
          expect(await world.openFindings(MAIN), where).toEqual(expected);
          const transitions = idsByTransition(world);
          expect([...transitions.keys()].sort(), where).toEqual(expectedTransitions);
          for (const [transition, ids] of transitions) expect([...ids], `${where}: ${transition}`).toHaveLength(1);
          expect(world.scanEvents().at(-1)?.detailType, where).toBe('scan complete');
          // Each of the two scans ends within the visibility timeout and ten seconds of its kill; `settle` adds its idle sweeps.
          expect(world.longestScanMs(), where).toBeLessThanOrEqual((VISIBILITY_SECONDS[queue] + 10) * 1000);
          await world.stop();
          worlds.length = 0;
        }
      }
    });
  }
});
