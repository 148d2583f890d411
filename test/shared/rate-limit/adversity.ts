import fc from 'fast-check';
import type { FleetClock } from '../../../shared/rate-limit/clock.ts';
import { createPermitSource, type PacedPermitSource, type PermitSession } from '../../../shared/rate-limit/permits.ts';
import type { Lane, WindowLimit } from '../../../shared/rate-limit/slots.ts';
import type { LimitState, LimitStore, LimitWrite, WriteResult } from '../../../shared/rate-limit/store.ts';
import { MemoryLimitTable } from './memory-limit-store.ts';
import { VirtualTime } from './virtual-time.ts';

/** What may happen to one request to the store. */
const storeEvent = fc.record({
  beforeMs: fc.oneof({ weight: 20, arbitrary: fc.nat(20) }, fc.nat(3_000)),
  afterMs: fc.oneof({ weight: 20, arbitrary: fc.nat(20) }, fc.nat(3_000)),
  fate: fc.oneof({ weight: 20, arbitrary: fc.constant('answered' as const) }, fc.constantFrom('unsent', 'reply-lost', 'twice')),
});

const workerModel = fc.record({
  /** The clock's error as a share of its bound, -1 to 1. */
  errorShare: fc.constantFrom<number>(-1, -0.5, 0, 0.5, 1),
  boundMs: fc.constantFrom<number>(2, 2, 2, 2, 15, 60),
  lane: fc.constantFrom<Lane>('live', 'background'),
  need: fc.integer({ min: 1, max: 40 }),
  callers: fc.integer({ min: 1, max: 16 }),
  startMs: fc.nat(800),
  /** Stops without a word at this time; absent: closes its session when done. */
  crashAtMs: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, fc.nat(4_000)),
  /** Lateness of its timers in turn. */
  timersLateMs: fc.array(fc.oneof({ weight: 20, arbitrary: fc.nat(3) }, fc.nat(400)), { minLength: 1, maxLength: 12 }),
  callMs: fc.nat(300),
  store: fc.array(storeEvent, { minLength: 1, maxLength: 12 }),
  /** Every so many calls the server refuses one; 0: never. */
  refuseEvery: fc.constantFrom<number>(0, 0, 3, 10),
  retryAfterMs: fc.constantFrom<number | undefined>(undefined, 200, 1_500),
  random: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 5 }),
});

export type WorkerModel = (typeof workerModel extends fc.Arbitrary<infer T> ? T : never) & {
  /** Permits that the session is told of and that nobody asks for. */
  readonly spareNeed?: number;
  /** Closes its session then, however many callers wait; absent: when all are done. */
  readonly closeAtMs?: number;
};
export const workersModel = fc.array(workerModel, { minLength: 1, maxLength: 4 });

export interface Send {
  readonly worker: number;
  readonly atMicros: number;
  /** The worker's own clock at that time. */
  readonly ownMicros: number;
  readonly slotMicros: number;
}

/** A write as the item saw it. */
export interface Commit {
  readonly atMicros: number;
  readonly write: LimitWrite;
  readonly before: LimitState | undefined;
  readonly after: LimitState;
}

/** Runs workers against one item, with every delay, loss and clock error as the models say, and notes what could be observed. */
export class Adversity {
  readonly time = new VirtualTime();
  readonly startMicros = this.time.nowMicros;
  readonly table = new MemoryLimitTable();
  readonly sends: Send[] = [];
  readonly commits: Commit[] = [];
  readonly answersAfterClose: number[] = [];
  readonly sources: PacedPermitSource[] = [];
  readonly key = 'rl#adversity';
  readonly limits: readonly WindowLimit[];

  constructor(limits: readonly WindowLimit[]) {
    this.limits = limits;
  }

  /** The table as one worker reaches it. */
  store(events: WorkerModel['store']): LimitStore {
    let turn = 0;
    const through = async <T>(act: () => T): Promise<T> => {
      const event = events[turn % events.length] as WorkerModel['store'][number];
      turn += 1;
      await this.time.sleep(event.beforeMs * 1_000);
      if (event.fate === 'unsent') throw new Error('no answer');
      let result = act();
      if (event.fate === 'twice') result = act();
      await this.time.sleep(event.afterMs * 1_000);
      if (event.fate === 'reply-lost') throw new Error('no answer');
      return result;
    };
    return {
      write: (key, write) => through(() => this.commit(key, write)),
      read: (key) => through(() => this.table.items.get(key)),
    };
  }

  commit(key: string, write: LimitWrite): WriteResult {
    const before = this.table.items.get(key);
    const result = this.table.write(key, write);
    const after = this.table.items.get(key);
    if (result.applied && after) this.commits.push({ atMicros: this.time.nowMicros, write, before, after });
    return result;
  }

  clock(model: Pick<WorkerModel, 'errorShare' | 'boundMs'>): FleetClock {
    const error = Math.round(model.errorShare * model.boundMs * 1_000);
    return {
      read: () => ({ nowMicros: Math.round(this.time.nowMicros) + error, boundMicros: model.boundMs * 1_000 }),
      discipline: () => Promise.resolve(),
      distrust: () => false,
    };
  }

  start(worker: number, model: WorkerModel): void {
    let timerTurn = 0;
    let randomTurn = 0;
    let calls = 0;
    const source = createPermitSource({
      store: this.store(model.store),
      key: this.key,
      limits: this.limits,
      clock: this.clock(model),
      random: () => model.random[randomTurn++ % model.random.length] as number,
      timers: this.time.timers(() => (model.timersLateMs[timerTurn++ % model.timersLateMs.length] as number) * 1_000),
    });
    this.sources.push(source);
    const isGone = (): boolean => model.crashAtMs !== undefined && this.time.nowMicros >= this.startMicros + model.crashAtMs * 1_000;
    const own = this.clock(model);
    const caller = async (session: PermitSession, isClosed: () => boolean): Promise<void> => {
      while (calls < model.need) {
        calls += 1;
        const answer = await session.next();
        if (isGone()) return;
        if (!answer.granted) {
          if (answer.reason === 'deadline' || isClosed()) return;
          calls -= 1;
          await this.time.sleep(Math.max(1, answer.retryAfterMs) * 1_000);
          continue;
        }
        if (isClosed()) this.answersAfterClose.push(this.time.nowMicros);
        const ownMicros = own.read()?.nowMicros ?? Number.NaN;
        this.sends.push({ worker, atMicros: this.time.nowMicros, ownMicros, slotMicros: answer.slotAtMs * 1_000 });
        await this.time.sleep(model.callMs * 1_000);
        if (model.refuseEvery > 0 && calls % model.refuseEvery === 0) session.refused(model.retryAfterMs);
      }
    };
    this.time.after(model.startMs * 1_000, () => {
      const session = source.open({
        need: model.need + (model.spareNeed ?? 0),
        lane: model.lane,
        deadlineAtMs: this.time.nowMicros / 1_000 + 10_000,
      });
      let isClosed = false;
      const close = (): Promise<void> => {
        isClosed = true;
        return session.close();
      };
      const allDone = Promise.all(Array.from({ length: model.callers }, () => caller(session, () => isClosed)));
      void allDone.then(() => (isGone() ? undefined : close()));
      if (model.closeAtMs !== undefined) this.time.after(model.closeAtMs * 1_000, () => void (isGone() || close()));
    });
  }

  /** Runs until every call was made or given up. */
  async run(models: readonly WorkerModel[], seconds = 40): Promise<void> {
    for (const [worker, model] of models.entries()) this.start(worker, model);
    await this.time.runUntil(this.startMicros + seconds * 1e6);
  }
}
