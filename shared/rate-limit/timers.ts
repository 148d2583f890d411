/** Timers as an argument, so that a simulation can run the same code on its own time. */
export interface Timers {
  /** Calls back once after `delayMs`; returns what cancels it. */
  start(callback: () => void, delayMs: number): () => void;
}

export const wallTimers: Timers = {
  start(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
