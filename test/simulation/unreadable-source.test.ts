import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAIN, malicious, packageLock, vulnerable, World } from './world.ts';

const RATE_LIMIT = { reason: "GitHub's rate limit is used up", retryable: true };
/** Long enough for six receives, and for the scan that says that nothing could be read. */
const LONG_MS = 120_000;

let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.stop());

function push(...packages: string[]): void {
  world.commit(MAIN, { 'package-lock.json': packageLock(...packages) });
  world.push(MAIN);
}

describe('a source that cannot be read for a while', () => {
  it('is said once, and read as soon as it can be, without another push', async () => {
    push('right@1.0.0');
    await world.settle();
    world.answers.set('NPM/evil@6.6.6', malicious('A1'));
    world.repositoryUnreadable = RATE_LIMIT;
    push('right@1.0.0', 'evil@6.6.6');
    await world.settle({ limitMs: LONG_MS });
    await world.settle({ limitMs: LONG_MS });
    const incomplete = world.scanEvents().filter(({ detailType }) => detailType === 'scan incomplete');
    expect(incomplete.map(({ reasons }) => reasons)).toEqual([[RATE_LIMIT.reason]]);
    expect(await world.openFindings(MAIN)).toEqual([]);
    world.repositoryUnreadable = undefined;
    await world.settle();
    expect(world.scanEvents().at(-1)?.detailType).toBe('scan complete');
    expect(await world.openFindings(MAIN)).toEqual(['malware NPM/evil@6.6.6 A1 in package-lock.json']);
  });

  it('does not use up the baseline: what the first reading finds comes as one summary', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `p${index}@1.0.0`);
    for (const name of names) world.answers.set(`NPM/${name}`, vulnerable(`GHSA-${name}`));
    world.repositoryUnreadable = RATE_LIMIT;
    push(...names);
    await world.settle({ limitMs: LONG_MS });
    world.repositoryUnreadable = undefined;
    await world.settle();
    expect(world.told().map(({ detailType, baseline }) => [detailType, baseline])).toEqual([
      ['scan incomplete', true],
      ['scan complete', true],
    ]);
    expect(await world.openFindings(MAIN)).toHaveLength(30);
  });
});

describe('a symbolic link', () => {
  it('in place of a lock file makes the scan incomplete, in place of a manifest it is left out', async () => {
    world.links.add('web/package.json').add('yarn.lock').add('Cargo.toml');
    push('right@1.0.0');
    await world.settle();
    expect(world.scanEvents().at(-1)).toMatchObject({
      detailType: 'scan incomplete',
      reasons: ['yarn.lock: not read, it is a symbolic link'],
    });
  });
});
