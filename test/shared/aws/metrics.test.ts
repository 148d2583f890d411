import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { countAuthenticationFailures, meterPermits, PERMITS_USED, writeIdentityMetrics } from '../../../shared/aws/metrics.ts';
import type { PermitTotals } from '../../../shared/rate-limit/lease-book.ts';
import type { PermitStatus } from '../../../shared/rate-limit/permits.ts';

let written: string[];
let nowMs: number;

beforeEach(() => {
  [written, nowMs] = [[], 1_700_000_000_000];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
});
afterEach(() => vi.restoreAllMocks());

const totals: PermitTotals = {
  booked: 300,
  granted: 250,
  dropped: 50,
  writes: 7,
  reads: 1,
  refused: 4,
  slowDowns: 1,
  clockAlarms: 0,
  waitedMs: 900.5,
};

function sourceWith(status: PermitStatus) {
  let current = totals;
  const take = (more: Partial<PermitTotals>): void => {
    current = { ...current, ...more };
  };
  return { totals: () => ({ ...current }), status: () => status, take };
}

describe('the line of metrics', () => {
  it('tells what this invocation took, not what the process has taken so far', () => {
    const source = sourceWith({ slotsPerSecond: 490, clockBoundMs: 1.5 });
    const write = meterPermits(source, { plane: 'data', lane: 'live' }, () => nowMs);
    source.take({ booked: 364, granted: 306, dropped: 58, writes: 8, refused: 5, waitedMs: 1_000.5 });
    nowMs += 250;
    write();
    expect(written).toHaveLength(1);
    expect(JSON.parse(written[0] ?? '')).toMatchObject({
      level: 'info',
      message: PERMITS_USED,
      plane: 'data',
      lane: 'live',
      permitsGranted: 56,
      slotsBooked: 64,
      slotsDropped: 8,
      leaseWrites: 1,
      refusals: 1,
      slowDowns: 0,
      waitedMs: 100,
      slotsPerSecond: 490,
      clockBoundMs: 1.5,
      durationMs: 250,
    });
  });

  it('is Embedded Metric Format: each metric that it names has a number, each dimension a value', () => {
    meterPermits(sourceWith({ slotsPerSecond: 490, clockBoundMs: 1.5 }), { plane: 'community', lane: 'background' }, () => nowMs)();
    expect(written[0]?.endsWith('}\n')).toBe(true);
    const line = JSON.parse(written[0] ?? '');
    expect(line._aws.Timestamp).toBe(nowMs);
    const [directive, ...more] = line._aws.CloudWatchMetrics;
    expect(more).toEqual([]);
    expect(directive).toMatchObject({ Namespace: 'safedep-watch', Dimensions: [['plane', 'lane']] });
    expect(directive.Metrics).toHaveLength(9);
    for (const { Name, Unit } of directive.Metrics) {
      expect(line[Name], Name).toBeTypeOf('number');
      expect(['Count', 'Count/Second', 'Milliseconds']).toContain(Unit);
    }
    for (const dimension of directive.Dimensions[0]) expect(line[dimension], dimension).toBeTypeOf('string');
  });

  it('names no metric whose value is not known', () => {
    meterPermits(sourceWith({}), { plane: 'data', lane: 'live' }, () => nowMs)();
    const line = JSON.parse(written[0] ?? '');
    const names = line._aws.CloudWatchMetrics[0].Metrics.map(({ Name }: { Name: string }) => Name);
    expect(names).toHaveLength(7);
    expect(names).not.toContain('slotsPerSecond');
    expect(line).not.toHaveProperty('clockBoundMs');
  });
});

describe('metrics of sign-in and API key', () => {
  it('name what is known, under the function that knows it', () => {
    writeIdentityMetrics({ signInNeeded: 0, refreshTokenAgeDays: 2.5 }, nowMs);
    expect(JSON.parse(written[0] ?? '')).toMatchObject({
      function: 'rotate',
      signInNeeded: 0,
      refreshTokenAgeDays: 2.5,
      _aws: {
        Timestamp: nowMs,
        CloudWatchMetrics: [
          {
            Namespace: 'safedep-watch',
            Dimensions: [['function']],
            Metrics: [
              { Name: 'signInNeeded', Unit: 'Count' },
              { Name: 'refreshTokenAgeDays', Unit: 'None' },
            ],
          },
        ],
      },
    });
    writeIdentityMetrics({}, nowMs);
    expect(written).toHaveLength(1);
  });
});

describe('authentication failures', () => {
  it('are counted by what is wrong, one line a kind and invocation', () => {
    const failures = countAuthenticationFailures(() => nowMs);
    failures.write();
    expect(written).toEqual([]);
    for (const errorClass of ['sign-in', 'sign-in', 'missing-entitlement'] as const) failures.add({ kind: 'credentials', errorClass });
    failures.add({ kind: 'credentials' });
    failures.add({ kind: 'retry', errorClass: 'retry' });
    failures.write();
    failures.write();
    const lines = written.map((line) => JSON.parse(line));
    expect(lines.map(({ failure, authenticationFailures }) => [failure, authenticationFailures])).toEqual([
      ['sign-in', 2],
      ['missing-entitlement', 1],
      ['unreadable', 1],
    ]);
    for (const { _aws } of lines)
      expect(_aws.CloudWatchMetrics[0]).toMatchObject({ Dimensions: [['failure']], Metrics: [{ Name: 'authenticationFailures' }] });
  });
});
