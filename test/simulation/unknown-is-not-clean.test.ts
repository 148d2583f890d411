import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAIN, malicious, packageLock, vulnerable, World } from './world.ts';

/** Whatever was not answered never ends as an answer: not for a scan, not for a finding, and not by the mere passing of time. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.stop());

async function scan(files: Record<string, string>): Promise<void> {
  world.commit(MAIN, files);
  world.push(MAIN);
  await world.settle();
}

describe('an answer that is not there', () => {
  it('leaves a scan that was given up incomplete, also where an outdated answer stands', async () => {
    await scan({ 'package-lock.json': packageLock('right@1.0.0') });
    expect(world.scanEvents().at(-1)?.detailType).toBe('scan complete');
    world.nowMs += 10 * DAY_MS;
    world.answers.set('NPM/right@1.0.0', malicious('A9'));
    world.commit(MAIN, { 'web/package-lock.json': packageLock('right@1.0.0') });
    world.push(MAIN);
    await world.deliver();
    world.loseToDeadLetters('lookups');
    await world.settle();
    expect(world.scanEvents().at(-1)?.detailType).toBe('scan incomplete');
    expect(world.scanEvents().at(-1)?.reasons[0]).toMatch(/^1 package failed: no answer by /);
  });

  it.each(['vulnerabilities', 'malware'] as const)(
    'resolves no finding: %s that were known and are not analysed any more stay',
    async (question) => {
      world.answers.set('NPM/left@1.0.0', question === 'malware' ? malicious('A1') : vulnerable('GHSA-left'));
      await scan({ 'package-lock.json': packageLock('left@1.0.0') });
      const before = await world.openFindings(MAIN);
      expect(before).toHaveLength(1);
      world.answers.set('NPM/left@1.0.0', { checks: { [question]: { state: 'not-analysed', reason: 'being analysed again' } } });
      await world.rescan(world.nowMs + 365 * DAY_MS);
      await world.settle();
      expect(await world.openFindings(MAIN)).toEqual(before);

      world.nowMs += HOUR_MS;
      world.answers.set('NPM/left@1.0.0', { facts: { vulnerabilities: [], malware: { verdict: 'benign', analysisId: '', title: '' } } });
      await world.rescan(world.nowMs + 365 * DAY_MS);
      await world.settle();
      expect(await world.openFindings(MAIN)).toEqual([]);
    },
  );

  it('is asked for again by the schedule after an outage, and completes the scan without a push', async () => {
    world.answers.set('NPM/left@1.0.0', { ...vulnerable('GHSA-left'), failuresFirst: 12 });
    await scan({ 'package-lock.json': packageLock('left@1.0.0') });
    expect(world.scanEvents().map(({ detailType }) => detailType)).toEqual(['scan incomplete']);
    world.nowMs += 2 * HOUR_MS;
    expect(await world.rescan(world.nowMs, false)).toMatchObject({ sent: 1 });
    await world.settle();
    expect(await world.openFindings(MAIN)).toHaveLength(1);
    expect(world.scanEvents().map(({ detailType }) => detailType)).toEqual(['scan incomplete', 'scan complete']);
  });

  it('during a rescan leaves the scans that ended as they are', async () => {
    await scan({ 'package-lock.json': packageLock('right@1.0.0') });
    const events = world.events.length;
    world.nowMs += 10 * DAY_MS;
    world.answers.set('NPM/right@1.0.0', { failuresFirst: 2 });
    await world.rescan(world.nowMs, false);
    await world.settle();
    world.evaluate(MAIN);
    await world.settle();
    expect(world.events.length).toBe(events);
    world.nowMs += 2 * HOUR_MS;
    await world.rescan(world.nowMs, false);
    await world.settle();
    expect(world.calls.get('NPM/right@1.0.0')).toBe(3);
    expect(world.events.length).toBe(events);
  });
});

describe('a repository that is not pushed to', () => {
  it('hears of malware months after its last scan', async () => {
    await scan({ 'package-lock.json': packageLock('right@1.0.0') });
    world.nowMs += 60 * DAY_MS;
    await world.expireRows();
    world.answers.set('NPM/right@1.0.0', malicious('A2'));
    await world.rescan(world.nowMs, false);
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual(['malware NPM/right@1.0.0 A2 in package-lock.json']);
  });

  it('loses the rows of its earlier scans, and only those', async () => {
    await scan({ 'package-lock.json': packageLock('right@1.0.0') });
    await scan({ 'package-lock.json': packageLock('left@1.0.0') });
    world.nowMs += 60 * DAY_MS;
    await world.expireRows();
    expect(await world.scans.read({ ref: MAIN, generation: 1 })).toBeUndefined();
    expect(await world.scans.read({ ref: MAIN, generation: 2 })).toMatchObject({ outcome: { status: 'complete' } });
  });

  it('has its packages refreshed although a rescan by hand met them while nobody used them', async () => {
    await scan({ 'package-lock.json': packageLock('left@1.0.0') });
    await scan({ 'package-lock.json': packageLock('right@1.0.0') });
    expect(await world.rescan(world.nowMs + 365 * DAY_MS)).toMatchObject({ unused: 1 });
    await world.settle();
    await scan({ 'package-lock.json': packageLock('left@1.0.0') });
    world.nowMs += 10 * DAY_MS;
    world.answers.set('NPM/left@1.0.0', malicious('A3'));
    await world.rescan(world.nowMs, false);
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual(['malware NPM/left@1.0.0 A3 in package-lock.json']);
  });

  it('has a package asked again that a threat report named while it was being asked', async () => {
    world.commit(MAIN, { 'package-lock.json': packageLock('left@1.0.0') });
    world.push(MAIN);
    world.onAsk = async (packageVersion) => {
      world.onAsk = undefined;
      world.nowMs += 50;
      await world.insights.markDue(packageVersion, world.nowMs);
      world.nowMs += 50;
    };
    await world.settle();
    world.answers.set('NPM/left@1.0.0', malicious('A4'));
    expect(await world.rescan(world.nowMs, false)).toMatchObject({ sent: 1 });
    await world.settle();
    expect(await world.openFindings(MAIN)).toEqual(['malware NPM/left@1.0.0 A4 in package-lock.json']);
  });
});
