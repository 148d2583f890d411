import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAIN, malicious, packageLock, World } from './world.ts';

const MINUTE_MS = 60_000;
let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.stop());

/** Batches of a push, each of 64 packages, that nobody has answered. */
async function pushWithoutAnswers(batches: number): Promise<void> {
  world.commit(MAIN, { 'package-lock.json': packageLock(...Array.from({ length: 64 * batches }, (_, index) => `p${index}@1.0.0`)) });
  world.push(MAIN);
  await world.deliver();
}

describe('a scan that was given up', () => {
  it('is told once, also when its batches come in late, one by one', async () => {
    const batches = 3;
    await pushWithoutAnswers(batches);
    const late = world.hold('lookups');
    for (let minute = 0; minute < 20; minute += 1) {
      world.nowMs += MINUTE_MS;
      await world.sweepOnce();
      world.drop('lookups');
      while ((await world.deliver()) > 0);
    }
    expect(world.told().map(({ detailType }) => detailType)).toEqual(['scan incomplete']);
    for (const batch of late) {
      world.release([batch]);
      while ((await world.deliver()) > 0);
      world.nowMs += 5_000;
    }
    expect(late).toHaveLength(batches);
    expect(world.scanEvents().map(({ detailType }) => detailType)).toEqual(['scan incomplete', 'scan complete']);
    expect(world.told()).toHaveLength(1);
  });
});

describe('a batch that was sent again', () => {
  it('has a complete scan evaluated no more', async () => {
    await pushWithoutAnswers(2);
    const copies = world.hold('lookups');
    world.release(copies);
    await world.settle();
    const evaluation = async () => (await world.inventory.readRef(MAIN))?.evaluation;
    const before = await evaluation();
    for (let copy = 0; copy < 4; copy += 1) {
      world.release(copies);
      await world.settle();
    }
    expect(await evaluation()).toBe(before);
  });
});

describe('the end of a baseline', () => {
  it('silences no malware that is found while who ends it dies, at whatever write', async () => {
    let kills = 0;
    for (const when of ['before', 'after'] as const) {
      for (let atWrite = 1; atWrite <= 12; atWrite += 1) {
        const other = await World.start({ killIn: ['evaluations'] });
        other.commit(MAIN, { 'package-lock.json': packageLock('right@1.0.0') });
        other.push(MAIN);
        other.armKill({ atWrite, when });
        while ((await other.deliver(1, () => 0.999)) > 0);
        const wasKilled = other.kills > 0;
        kills += other.kills;
        other.armKill(undefined);
        if (!wasKilled) {
          // There are no more writes than that.
          await other.stop();
          break;
        }
        other.nowMs += MINUTE_MS;
        await other.sweepOnce();
        other.answers.set('NPM/right@1.0.0', malicious('A1'));
        await other.rescan(other.nowMs + 365 * 24 * 60 * MINUTE_MS);
        await other.settle();
        const isTold = other
          .told()
          .some((event) => ('finding' in event ? event.finding.kind === 'malware' : event.worst.some(({ kind }) => kind === 'malware')));
        expect([when, atWrite, isTold]).toEqual([when, atWrite, true]);
        await other.stop();
      }
    }
    expect(kills).toBeGreaterThan(8);
  });
});
