import { afterAll, describe, expect, it } from 'vitest';
import { type FleetModel, type FleetRun, simulateFleet } from './simulation.ts';
import { countWindows } from './windows.ts';

const HOUR = 3_600;
const DATA_PLANE = { limits: [{ requests: 500, perSeconds: 1 }], marginPermits: 6 };
const FAULTS = { crashShare: 0.01, freezeShare: 0.003 };
const rows: string[] = [];

async function simulate(name: string, model: FleetModel): Promise<FleetRun> {
  const run = await simulateFleet(model);
  const cells = [
    name,
    model.workers,
    `${(run.used * 100).toFixed(2)} %`,
    `${run.maxAtSenders}/${run.maxAtServer}`,
    run.overAtServer,
    `${run.waitP50Ms.toFixed(0)}/${run.waitP99Ms.toFixed(0)}`,
    run.writesPerPermit.toFixed(4),
    `${(run.droppedShare * 100).toFixed(2)} %`,
    run.refused,
  ];
  rows.push(`| ${cells.join(' | ')} |`);
  return run;
}

describe('a simulated fleet over hours', () => {
  afterAll(() => {
    const head = '| | workers | used | max senders/server | over | wait p50/p99 ms | writes per permit | dropped | refused |';
    process.stdout.write(`${head}\n${'|---'.repeat(9)}|\n${rows.join('\n')}\n`);
  });

  it.each([1, 2, 3])('uses 98 percent with eight workers, none over in an hour, seed %i', async (seed) => {
    const run = await simulate(`no faults, 1 h, seed ${seed}`, { ...DATA_PLANE, seconds: HOUR, workers: 8, seed });
    expect(run.used).toBeGreaterThanOrEqual(0.98);
    expect(run.overAtServer).toBe(0);
    expect(run.writesPerPermit).toBeLessThanOrEqual(0.025);
    expect(run.waitP99Ms).toBeLessThanOrEqual(450);
  });

  it('uses 97 % with crashes and freezes', async () => {
    const run = await simulate('faults, 1 h', { ...DATA_PLANE, ...FAULTS, seconds: HOUR, workers: 8, seed: 4 });
    expect(run.used).toBeGreaterThanOrEqual(0.97);
    expect(run.overAtServer).toBe(0);
    expect(run.writesPerPermit).toBeLessThanOrEqual(0.025);
  });

  it.each([
    [100, 0.04],
    [1000, 0.08],
  ])('uses 97 percent with %i workers', async (workers, writes) => {
    const run = await simulate('faults, 1 h', { ...DATA_PLANE, ...FAULTS, seconds: HOUR, workers, seed: 5 });
    expect(run.used).toBeGreaterThanOrEqual(0.97);
    expect(run.overAtServer).toBe(0);
    expect(run.writesPerPermit).toBeLessThanOrEqual(writes);
  });

  it('lets live work pass a saturating background', async () => {
    const run = await simulate('live beside background, 300 s', {
      ...DATA_PLANE,
      seconds: 300,
      workers: 24,
      liveJobsPerSecond: 20,
      seed: 6,
    });
    expect(run.liveWaitP99Ms).toBeLessThanOrEqual(450);
    expect(run.waitP99Ms).toBeLessThanOrEqual(450);
  });

  it('follows a cut from 500 to 300 and comes back', async () => {
    const serverLimitAt = (second: number): number => (second >= 50 && second < 200 ? 300 : 500);
    const run = await simulate('500, 300, 500', { ...DATA_PLANE, seconds: 360, workers: 8, seed: 7, serverLimitAt });
    const accepted = (from: number, to: number): number => {
      const count = (seconds: readonly number[]): number => seconds.filter((second) => second >= from && second < to).length;
      return (count(run.sendSeconds) - count(run.refusedAtSeconds)) / (to - from);
    };
    expect(run.refused).toBeLessThanOrEqual(400);
    expect(accepted(60, 200)).toBeGreaterThanOrEqual(0.88 * 300);
    expect(accepted(340, 350)).toBeGreaterThan(400);
  });

  it('keeps 50 a minute and 1000 an hour for ten hours', async () => {
    const limits = [
      { requests: 50, perSeconds: 60 },
      { requests: 1000, perSeconds: HOUR },
    ];
    const run = await simulate('50/min and 1000/h, 10 h', { limits, seconds: 10 * HOUR, workers: 3, streams: 8, seed: 8 });
    for (const { requests, perSeconds } of limits) expect(countWindows(run.sendSeconds, perSeconds, requests).over).toBe(0);
    expect(run.sent / 10).toBeGreaterThanOrEqual(900);
  });

  it('keeps 20/s for an hour on a way whose delays stay within what is allowed for', async () => {
    const run = await simulate('20/s, 1 h', {
      limits: [{ requests: 20, perSeconds: 1 }],
      seconds: HOUR,
      workers: 4,
      streams: 8,
      seed: 9,
      spikeShare: 0,
    });
    expect(run.used).toBeGreaterThanOrEqual(0.95);
    expect(run.overAtServer).toBe(0);
  });
});
