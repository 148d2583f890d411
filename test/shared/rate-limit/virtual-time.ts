import type { Timers } from '../../../shared/rate-limit/timers.ts';

interface Event {
  readonly atMicros: number;
  readonly order: number;
  run: (() => void) | undefined;
  /** Nothing that the event does can resolve a promise. */
  readonly isPlain: boolean;
}

/** A clock that jumps from event to event. Promises settle between events, so that code with `await` runs on it unchanged. */
export class VirtualTime {
  nowMicros: number;
  readonly #heap: Event[] = [];
  #order = 0;

  constructor(startMicros = 1_700_000_000_000_000) {
    this.nowMicros = startMicros;
  }

  at(atMicros: number, run: () => void, isPlain = false): () => void {
    const event: Event = { atMicros: Math.max(atMicros, this.nowMicros), order: this.#order, run, isPlain };
    this.#order += 1;
    this.#push(event);
    return () => {
      event.run = undefined;
    };
  }

  after(delayMicros: number, run: () => void, isPlain = false): () => void {
    return this.at(this.nowMicros + delayMicros, run, isPlain);
  }

  sleep(delayMicros: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMicros, resolve);
    });
  }

  /** Exact timers; `latenessMicros` models those of a real event loop. */
  timers(latenessMicros: () => number = () => 0): Timers {
    return { start: (callback, delayMs) => this.after(delayMs * 1_000 + latenessMicros(), callback) };
  }

  /** Runs until nothing is left or the time is reached. */
  async runUntil(endMicros: number): Promise<void> {
    await settle();
    for (let event = this.#heap[0]; event && event.atMicros <= endMicros; event = this.#heap[0]) {
      this.#pop();
      if (!event.run) continue;
      this.nowMicros = event.atMicros;
      event.run();
      if (!event.isPlain) await settle();
    }
    this.nowMicros = Math.max(this.nowMicros, endMicros);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex] as Event;
      if (!isBefore(event, parent)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      const right = heap[childIndex + 1];
      if (right && isBefore(right, heap[childIndex] as Event)) childIndex += 1;
      const child = heap[childIndex];
      if (!child || !isBefore(child, last)) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMicros < b.atMicros || (a.atMicros === b.atMicros && a.order < b.order);
}

/** All promises that can settle without time passing have settled after a turn of the real event loop. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
