import { afterEach, describe, expect, it } from 'vitest';
import { type Kill, MAIN, malicious, packageLock, vulnerable, World, type WorldOptions } from './world.ts';

/**
 * A run with two pushes is killed once in each of them, at every single write in turn, before and after it took effect. Whatever
 * was under way is delivered again after its queue's visibility timeout; what must come out, after the first push and after the
 * second, is what comes out of a run without a kill.
 */

const worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
});

const BEFORE = { 'package-lock.json': packageLock('left@1.0.0', 'right@1.0.0'), 'web/package-lock.json': packageLock('left@1.0.0') };
const AFTER = { 'package-lock.json': packageLock('right@1.0.0', 'evil@6.6.6'), 'web/package-lock.json': packageLock('left@1.0.0') };

/** What is asserted after each push, and how many writes it took. */
interface Stage {
  readonly findings: readonly string[];
  readonly transitions: ReadonlyMap<string, ReadonlySet<string>>;
  readonly lastScan: string | undefined;
  readonly kills: number;
  readonly writes: number;
}

async function run(options: WorldOptions, kills: readonly Kill[]): Promise<{ stages: Stage[]; longestScanMs: number }> {
  const world = await World.start(options);
  worlds.push(world);
  world.answers.set('NPM/left@1.0.0', vulnerable('GHSA-left'));
  world.answers.set('NPM/right@1.0.0', vulnerable('GHSA-right', 'medium'));
  world.answers.set('NPM/evil@6.6.6', malicious('A1'));
  const stages: Stage[] = [];
  for (const [index, files] of [BEFORE, AFTER].entries()) {
    world.armKill(kills[index]);
    world.commit(MAIN, files);
    world.push(MAIN);
    await world.settle();
    stages.push({
      findings: await world.openFindings(MAIN),
      transitions: idsByTransition(world),
      lastScan: world.scanEvents().at(-1)?.detailType,
      kills: world.kills,
      writes: world.writeCount,
    });
  }
  const longestScanMs = world.longestScanMs();
  await world.stop();
  worlds.length = 0;
  return { stages, longestScanMs };
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
      const clean = (await run({ killIn: [queue] }, [])).stages;
      const writes = clean.map((stage) => stage.writes);
      for (const count of writes) expect(count).toBeGreaterThan(2);
      for (let atWrite = 1; atWrite <= Math.max(...writes); atWrite += 1) {
        for (const when of ['before', 'after'] as const) {
          // The push with fewer writes is killed at its first ones again, so that both are killed in every run.
          const kills = writes.map((count): Kill => ({ atWrite: ((atWrite - 1) % count) + 1, when }));
          const { stages, longestScanMs } = await run({ killIn: [queue] }, kills);
          for (const [index, stage] of stages.entries()) {
            const where = `killed ${when} write ${kills[index]?.atWrite} of ${writes[index]} of push ${index + 1}`;
            expect(stage.kills, where).toBe(index + 1);
            expect(stage.findings, where).toEqual(clean[index]?.findings);
            expect([...stage.transitions.keys()].sort(), where).toEqual([...(clean[index]?.transitions.keys() ?? [])].sort());
            for (const [transition, ids] of stage.transitions) expect([...ids], `${where}: ${transition}`).toHaveLength(1);
            expect(stage.lastScan, where).toBe('scan complete');
          }
          // Each of the two scans ends within the visibility timeout and ten seconds of its kill; `settle` adds its idle sweeps.
          expect(longestScanMs, `killed ${when} write ${atWrite}`).toBeLessThanOrEqual((VISIBILITY_SECONDS[queue] + 10) * 1000);
        }
      }
    });
  }
});
