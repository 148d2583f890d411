import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFleetClock, type FleetClock, type OffsetSample, type TimeSource } from '../../../shared/rate-limit/clock.ts';

const EPOCH = 1_700_000_000_000_000;

/** A machine whose monotonic and wall clocks the test moves, and a source that knows the true time within a bound. */
class Machine {
  trueMicros = EPOCH;
  monotonic = 5_000_000;
  wallErrorMicros = 0;
  measurements = 0;
  isAway = false;
  samples: readonly OffsetSample[] | undefined;
  readonly warnings: string[] = [];

  readonly source: TimeSource = {
    name: 'the time server of the test',
    measure: async () => {
      this.measurements += 1;
      if (this.isAway) throw new Error('away');
      return this.samples ?? [{ offsetMicros: this.trueMicros - this.monotonic, boundMicros: 400 }];
    },
  };

  pass(micros: number): void {
    this.trueMicros += micros;
    this.monotonic += micros;
  }

  clock(wallBoundMs?: number): FleetClock {
    return createFleetClock({
      sources: [this.source],
      monotonicMicros: () => this.monotonic,
      wallMicros: () => Math.floor((this.trueMicros + this.wallErrorMicros) / 1_000) * 1_000,
      warn: (message) => this.warnings.push(message),
      ...(wallBoundMs === undefined ? {} : { wallBoundMs }),
    });
  }
}

describe('the fleet’s clock', () => {
  it('has no time before it was set', async () => {
    const machine = new Machine();
    const clock = machine.clock();
    expect(clock.read()).toBeUndefined();
    await clock.discipline();
    expect(clock.read()).toEqual({ nowMicros: EPOCH, boundMicros: 400 });
  });

  it('follows monotonic time, whatever the wall clock says at first, and its bound grows with drift', async () => {
    const machine = new Machine();
    machine.wallErrorMicros = -70_000_000;
    const clock = machine.clock();
    await clock.discipline();
    machine.pass(10_000_000);
    expect(clock.read()).toEqual({ nowMicros: EPOCH + 10_000_000, boundMicros: 400 + 150 });
  });

  it('takes the sample with the smallest bound', async () => {
    const machine = new Machine();
    machine.samples = [
      { offsetMicros: 1_000, boundMicros: 900 },
      { offsetMicros: 2_000, boundMicros: 100 },
      { offsetMicros: 3_000, boundMicros: 500 },
    ];
    const clock = machine.clock();
    await clock.discipline();
    expect(clock.read()).toEqual({ nowMicros: machine.monotonic + 2_000, boundMicros: 100 });
  });

  it('asks once a minute, and once for all who wait', async () => {
    const machine = new Machine();
    const clock = machine.clock();
    await Promise.all([clock.discipline(), clock.discipline()]);
    machine.pass(59_000_000);
    await clock.discipline();
    expect(machine.measurements).toBe(1);
    machine.pass(2_000_000);
    await clock.discipline();
    expect(machine.measurements).toBe(2);
  });

  it('keeps its time when the source is away, with a growing bound', async () => {
    const machine = new Machine();
    const clock = machine.clock();
    await clock.discipline();
    machine.isAway = true;
    machine.pass(61_000_000);
    await clock.discipline();
    expect(clock.read()).toEqual({ nowMicros: EPOCH + 61_000_000, boundMicros: 400 + 915 });
    expect(machine.warnings).toEqual(['the time server of the test does not tell the time']);
  });

  it('keeps a good time rather than one that was measured on a slow way, unless the two contradict each other', async () => {
    const machine = new Machine();
    const clock = machine.clock();
    await clock.discipline();
    machine.pass(61_000_000);
    machine.samples = [{ offsetMicros: machine.trueMicros - machine.monotonic + 90_000, boundMicros: 100_000 }];
    await clock.discipline();
    expect(clock.read()).toEqual({ nowMicros: EPOCH + 61_000_000, boundMicros: 400 + 915 });
    machine.pass(61_000_000);
    machine.samples = [{ offsetMicros: machine.trueMicros - machine.monotonic + 250_000, boundMicros: 100_000 }];
    await clock.discipline();
    expect(clock.read()).toEqual({ nowMicros: EPOCH + 122_250_000, boundMicros: 100_000 });
    machine.samples = undefined;
    machine.pass(61_000_000);
    await clock.discipline();
    expect(clock.read()?.boundMicros).toBe(400);
  });

  it('has no time after the wall clock was moved or the machine stood still, until it was set again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 3_001, max: 10_000_000 }), fc.constantFrom('forward', 'back', 'frozen'), async (step, kind) => {
        const machine = new Machine();
        const clock = machine.clock();
        await clock.discipline();
        if (kind === 'frozen') machine.trueMicros += step;
        else machine.wallErrorMicros += kind === 'forward' ? step : -step;
        expect(clock.read()).toBeUndefined();
        await clock.discipline();
        expect(clock.read()?.nowMicros).toBe(machine.trueMicros);
      }),
    );
  });

  it('runs on the machine’s own clock with the stated bound where no source answers, and refuses without one', async () => {
    const machine = new Machine();
    machine.isAway = true;
    const clock = machine.clock(50);
    await clock.discipline();
    expect(clock.read()).toEqual({ nowMicros: EPOCH, boundMicros: 50_000 });
    const strict = machine.clock();
    await strict.discipline();
    expect(strict.read()).toBeUndefined();
  });

  it('believes another worker’s stamp only against a clock that was not set just now', async () => {
    const machine = new Machine();
    const clock = machine.clock();
    expect(clock.distrust()).toBe(false);
    await clock.discipline();
    expect(clock.distrust()).toBe(false);
    machine.pass(6_000_000);
    expect(clock.distrust()).toBe(true);
    expect(clock.read()).toBeUndefined();
    await clock.discipline();
    expect(clock.read()?.nowMicros).toBe(machine.trueMicros);
  });
});
