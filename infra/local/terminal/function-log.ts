import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import type { LogLine } from '../engines/lambda-environment.ts';
import type { Screen } from './screen.ts';

/** The rate is told over this span: shorter ones jump, longer ones lag. */
const RATE_SPAN_MS = 2_000;
/** The same trouble is shown once in this time: what fails is tried again, and says so each time. */
const REPEAT_AFTER_MS = 10_000;

interface LogEntry {
  readonly level?: unknown;
  readonly message?: unknown;
  readonly error?: unknown;
  readonly reason?: unknown;
  readonly insight?: unknown;
  readonly malware?: unknown;
}

/** Reads what the functions write: counts SafeDep calls, and shows a person what is wrong. */
export function createFunctionLog(screen: Screen, nowMs: () => number) {
  const calls = { insight: 0, malware: 0 };
  const recent: { atMs: number; calls: number }[] = [];
  const shownAtMs = new Map<string, number>();
  let lastTrouble: string | undefined;

  function showTrouble(functionName: string, text: string): void {
    const line = `${functionName}: ${toTerminalText(text)}`;
    lastTrouble = line;
    if (nowMs() - (shownAtMs.get(line) ?? Number.NEGATIVE_INFINITY) < REPEAT_AFTER_MS) return;
    shownAtMs.set(line, nowMs());
    screen.line(screen.paint('dim', line));
  }

  return {
    calls,
    read({ functionName, stream, line }: Pick<LogLine, 'functionName' | 'stream' | 'line'>): void {
      const entry = parse(line);
      if (!entry) {
        // Not ours: the runtime's own word on a time-out or a crash.
        if (stream === 'stderr' && line.trim() !== '') showTrouble(functionName, line);
      } else if (entry.message === 'calls' && typeof entry.insight === 'number' && typeof entry.malware === 'number') {
        calls.insight += entry.insight;
        calls.malware += entry.malware;
        recent.push({ atMs: nowMs(), calls: entry.insight + entry.malware });
      } else if (entry.level === 'warn' || entry.level === 'error') {
        showTrouble(functionName, [entry.message, entry.error, entry.reason].filter((part) => typeof part === 'string').join(': '));
      }
    },
    /** Calls a second, of late. */
    ratePerSecond(): number {
      const from = nowMs() - RATE_SPAN_MS;
      while (recent[0] && recent[0].atMs < from) recent.shift();
      return recent.reduce((sum, entry) => sum + entry.calls, 0) / (RATE_SPAN_MS / 1000);
    },
    /** What a function last complained of. */
    lastTrouble: (): string | undefined => lastTrouble,
  };
}

function parse(line: string): LogEntry | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as LogEntry;
  } catch {
    return undefined; // cut, or somebody else's
  }
}
