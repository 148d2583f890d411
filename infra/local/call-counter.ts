import type { LogLine } from './engines/lambda-environment.ts';

/** The rate is told over this span: shorter ones jump, longer ones lag. */
const RATE_SPAN_MS = 2_000;

/** Counts SafeDep calls by what the workers log of them. */
export function createCallCounter(nowMs: () => number) {
  const calls = { insight: 0, malware: 0 };
  const recent: { atMs: number; calls: number }[] = [];
  return {
    calls,
    /** Reads one line of a function's log; anything but the workers' count is passed over. */
    read({ line }: Pick<LogLine, 'line'>): void {
      if (!line.startsWith('{')) return;
      let entry: { message?: unknown; insight?: unknown; malware?: unknown };
      try {
        entry = JSON.parse(line);
      } catch {
        return; // somebody else's line
      }
      if (entry.message !== 'calls' || typeof entry.insight !== 'number' || typeof entry.malware !== 'number') return;
      calls.insight += entry.insight;
      calls.malware += entry.malware;
      recent.push({ atMs: nowMs(), calls: entry.insight + entry.malware });
    },
    /** Calls a second, of late. */
    ratePerSecond(): number {
      const from = nowMs() - RATE_SPAN_MS;
      while (recent[0] && recent[0].atMs < from) recent.shift();
      return recent.reduce((sum, entry) => sum + entry.calls, 0) / (RATE_SPAN_MS / 1000);
    },
  };
}
