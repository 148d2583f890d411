import { describe, expect, it } from 'vitest';
import { simulateFleet } from './simulation.ts';
import { countWindows } from './windows.ts';

const DATA_PLANE = { limits: [{ requests: 500, perSeconds: 1 }], marginPermits: 6, seed: 11 };

describe('a simulated fleet', () => {
  it('of eight workers uses 98 % of 500/s in 40 s, no window over, with a write for 40 permits', async () => {
    const run = await simulateFleet({ ...DATA_PLANE, seconds: 40, workers: 8 });
    expect(run.used).toBeGreaterThanOrEqual(0.98);
    expect(run.overAtServer).toBe(0);
    expect(run.maxAtSenders).toBeLessThanOrEqual(500);
    expect(run.writesPerPermit).toBeLessThanOrEqual(0.03);
    expect(run.waitP99Ms).toBeLessThanOrEqual(450);
  });

  it('loses less than 2 % more to crashes and freezes, and no window goes over', async () => {
    const run = await simulateFleet({ ...DATA_PLANE, seconds: 60, workers: 8, crashShare: 0.01, freezeShare: 0.003 });
    expect(run.used).toBeGreaterThanOrEqual(0.965);
    expect(run.overAtServer).toBe(0);
  });

  it('lets live work wait no longer than a lease and the background’s horizon', async () => {
    const run = await simulateFleet({ ...DATA_PLANE, seconds: 30, workers: 24, liveJobsPerSecond: 20 });
    expect(run.liveWaitP99Ms).toBeLessThanOrEqual(450);
    expect(run.overAtServer).toBe(0);
  });

  it('stops while the store is away and goes on after it', async () => {
    const run = await simulateFleet({ ...DATA_PLANE, seconds: 40, workers: 8, storeAway: [10, 20] });
    const sentBetween = (from: number, to: number): number => run.sendSeconds.filter((second) => second >= from && second < to).length;
    expect(sentBetween(11, 20)).toBe(0);
    expect(sentBetween(25, 40)).toBeGreaterThan(15 * 480);
    expect(run.overAtServer).toBe(0);
  });

  it('follows a server that halves its limit and doubles it again', async () => {
    const serverLimitAt = (second: number): number => (second >= 20 && second < 60 ? 250 : 500);
    const run = await simulateFleet({ ...DATA_PLANE, seconds: 180, workers: 8, serverLimitAt });
    const sentBetween = (from: number, to: number): number => run.sendSeconds.filter((second) => second >= from && second < to).length;
    expect(run.refused).toBeLessThan(600);
    expect(sentBetween(40, 60) / 20).toBeGreaterThan(0.8 * 250);
    expect(sentBetween(170, 180) / 10).toBeGreaterThan(400);
  });

  it('keeps two windows at once', async () => {
    const limits = [
      { requests: 20, perSeconds: 1 },
      { requests: 100, perSeconds: 10 },
    ];
    const run = await simulateFleet({ limits, seconds: 120, workers: 3, streams: 8, seed: 5 });
    for (const { requests, perSeconds } of limits) expect(countWindows(run.sendSeconds, perSeconds, requests).over).toBe(0);
    expect(run.sent).toBeGreaterThan(0.75 * 12 * 100);
  });

  it('keeps 20/s', async () => {
    const run = await simulateFleet({
      limits: [{ requests: 20, perSeconds: 1 }],
      seconds: 120,
      workers: 4,
      streams: 8,
      seed: 6,
      spikeShare: 0,
    });
    expect(run.overAtServer).toBe(0);
    expect(run.used).toBeGreaterThanOrEqual(0.95);
  });
});
