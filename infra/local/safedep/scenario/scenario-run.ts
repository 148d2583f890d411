import { toDuration } from './change.ts';
import type { Scenario, ScenarioStep } from './scenario.ts';

/** A step as a reader wants it: what it waits for, what it says it does, and whether it was done. */
export interface StepState {
  readonly when: string;
  readonly what: string;
  readonly isDone: boolean;
}

/** The longest that a timer of Node's can wait, in milliseconds. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** The steps of a scenario, done when their time or their number of calls has come, each once. */
export class ScenarioRun {
  readonly #steps: readonly ScenarioStep[];
  readonly #act: (step: ScenarioStep) => void;
  readonly #startedAtMs = performance.now();
  readonly #done = new Set<ScenarioStep>();
  readonly #calls = new Map<string, number>();
  #totalCalls = 0;
  #skippedMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(scenario: Scenario | undefined, act: (step: ScenarioStep) => void) {
    this.#steps = scenario?.steps ?? [];
    this.#act = act;
    this.#wait();
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAtMs + this.#skippedMs;
  }

  /** Counts a call, `InsightService/GetPackageVersionInsight`, and does what waits for it before the call is answered. */
  noteCall(method: string): void {
    this.#totalCalls++;
    const name = method.slice(method.lastIndexOf('/') + 1);
    this.#calls.set(name, (this.#calls.get(name) ?? 0) + 1);
    for (const step of this.#steps) {
      if (step.after === undefined) continue;
      if ((step.of === undefined ? this.#totalCalls : (this.#calls.get(step.of) ?? 0)) >= step.after) this.#do(step);
    }
  }

  /** Lets time pass at once: for whoever does not want to wait for it. */
  skip(skippedMs: number): void {
    this.#skippedMs += skippedMs;
    this.#wait();
  }

  state(): readonly StepState[] {
    return this.#steps.map((step) => ({ when: describeTime(step), what: describeChange(step), isDone: this.#done.has(step) }));
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** Does what is due, in the order of the times, and waits for the next. */
  #wait(): void {
    clearTimeout(this.#timer);
    const timed = this.#steps.filter((step) => step.at !== undefined && !this.#done.has(step)).sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
    for (const step of timed) {
      const leftMs = (step.at ?? 0) - this.elapsedMs;
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#wait(), Math.min(Math.ceil(leftMs), TIMER_MAX_MS)).unref();
        return;
      }
      this.#do(step);
    }
  }

  #do(step: ScenarioStep): void {
    if (this.#done.has(step)) return;
    this.#done.add(step);
    this.#act(step);
  }
}

function describeTime({ at, after, of }: ScenarioStep): string {
  if (at !== undefined) return `at ${toDuration(at)}`;
  return `after ${after} ${after === 1 ? 'call' : 'calls'}${of === undefined ? '' : ` of ${of}`}`;
}

function describeChange({ note, at: _at, after: _after, of: _of, ...change }: ScenarioStep): string {
  return note ?? Object.keys(change).join(', ');
}
