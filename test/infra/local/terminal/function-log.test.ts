import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createFunctionLog } from '../../../../infra/local/terminal/function-log.ts';
import { log } from '../../../../shared/aws/log.ts';
import { meterPermits } from '../../../../shared/aws/metrics.ts';
import type { PermitTotals } from '../../../../shared/rate-limit/lease-book.ts';
import type { PermitStatus } from '../../../../shared/rate-limit/permits.ts';

const NOTHING: PermitTotals = {
  booked: 0,
  granted: 0,
  dropped: 0,
  writes: 0,
  reads: 0,
  refused: 0,
  slowDowns: 0,
  clockAlarms: 0,
  waitedMs: 0,
};

let shown: string[];
let functionLog: ReturnType<typeof createFunctionLog>;

beforeEach(() => {
  shown = [];
  const screen = { line: (text: string) => void shown.push(text), progress: () => undefined, clearProgress: () => undefined };
  functionLog = createFunctionLog({ ...screen, paint: (_style, text) => text }, () => 0);
  // What functions write is read as the engines hand it on: line by line.
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    functionLog.read({ functionName: 'WorkerFunction', stream: 'stdout', line: String(text).trimEnd() });
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

/** One invocation of a worker, from one time to another. */
function work(fromMs: number, toMs: number, used: Partial<PermitTotals>, status: PermitStatus = {}): void {
  let current = NOTHING;
  let nowMs = fromMs;
  const write = meterPermits({ totals: () => current, status: () => status }, { plane: 'data', lane: 'live' }, () => nowMs);
  current = { ...NOTHING, ...used };
  nowMs = toMs;
  write();
}

describe('the functions’ lines', () => {
  it('count calls, and metrics beside them disturb nothing', () => {
    log.info('calls', { insight: 60, malware: 40, packages: 60 });
    work(0, 100, { granted: 100, refused: 3 });
    expect(functionLog.calls).toEqual({ insight: 60, malware: 40 });
    expect(functionLog.ratePerSecond()).toBe(50);
    expect(shown).toEqual([]);
    expect(functionLog.lastTrouble()).toBeUndefined();
  });

  it('show what is wrong, once in a while', () => {
    log.warn('the rate limit could not be read or booked', { error: 'Error: connect ECONNREFUSED' });
    log.warn('the rate limit could not be read or booked', { error: 'Error: connect ECONNREFUSED' });
    expect(shown).toEqual(['WorkerFunction: the rate limit could not be read or booked: Error: connect ECONNREFUSED']);
  });
});

describe('the use of the limit', () => {
  it('is what all functions took while it was followed', () => {
    work(0, 500, { granted: 1_000 });
    const end = functionLog.followLimit();
    work(1_000, 2_000, { granted: 300, dropped: 10, waitedMs: 900, refused: 1 }, { slotsPerSecond: 490 });
    work(1_500, 3_000, { granted: 100, dropped: 2, waitedMs: 300 }, { slotsPerSecond: 416.5 });
    work(9_000, 9_001, {}, { slotsPerSecond: 450 });
    expect(end()).toEqual({
      calls: 400,
      slotsDropped: 12,
      meanWaitMs: 3,
      refusals: 1,
      spanMs: 2_000,
      slotsPerSecond: [416.5, 490],
    });
  });

  it('is told once where several follow it at a time, by the last', () => {
    const [first, second] = [functionLog.followLimit(), functionLog.followLimit()];
    work(0, 500, { granted: 10 });
    expect(first()).toBeUndefined();
    work(500, 900, { granted: 20 });
    expect(second()).toMatchObject({ calls: 30, spanMs: 900 });
    expect(functionLog.followLimit()()).toBeUndefined();
  });

  it('is nothing where no call was made', () => {
    const end = functionLog.followLimit();
    work(0, 500, { booked: 3, dropped: 3 }, { slotsPerSecond: 490 });
    expect(end()).toBeUndefined();
  });

  it('names no rate where no function knew one', () => {
    const end = functionLog.followLimit();
    work(0, 500, { granted: 1 });
    expect(end()).not.toHaveProperty('slotsPerSecond');
  });
});
