import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import { PERMITS_USED, type PermitsUsed } from '../../../shared/aws/metrics.ts';
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

/** How the shared limit was used for a while, by all functions together. */
export interface LimitUse {
  readonly calls: number;
  /** Slots that were booked and passed unused. */
  readonly slotsDropped: number;
  /** From wanting to call to being allowed to: the mean of all calls. */
  readonly meanWaitMs: number;
  /** Calls that SafeDep refused because there were too many. */
  readonly refusals: number;
  /** From the first look-up's begin to the last one's end. */
  readonly spanMs: number;
  /** Slots a second that were in force, the fewest and the most; absent where no function knew. */
  readonly slotsPerSecond?: readonly [number, number];
}

/** Reads what the functions write: counts SafeDep calls, and shows a person what is wrong. */
export function createFunctionLog(screen: Screen, nowMs: () => number) {
  const calls = { insight: 0, malware: 0 };
  const recent: { atMs: number; calls: number }[] = [];
  const shownAtMs = new Map<string, number>();
  let lastTrouble: string | undefined;
  const limit = followLimit();

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
      } else if (entry.message === PERMITS_USED) {
        limit.read(entry as unknown as PermitsLine);
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
    /** Begins to follow the limit; the returned function ends it, and tells the last who ends it what all had of it. */
    followLimit: limit.begin,
    /** What a function last complained of. */
    lastTrouble: (): string | undefined => lastTrouble,
  };
}

type PermitsLine = PermitsUsed & { readonly durationMs: number; readonly _aws: { readonly Timestamp: number } };

/** Who calls at the same time shares the limit: what is followed at the same time has one use of it, told at its end. */
function followLimit() {
  let following = 0;
  let lines: PermitsLine[] = [];
  return {
    read(line: PermitsLine): void {
      if (following > 0) lines.push(line);
    },
    begin(): () => LimitUse | undefined {
      following += 1;
      return () => {
        following -= 1;
        if (following > 0) return undefined;
        const use = toLimitUse(lines);
        lines = [];
        return use;
      };
    },
  };
}

function toLimitUse(lines: readonly PermitsLine[]): LimitUse | undefined {
  const used = lines.filter(({ permitsGranted }) => permitsGranted > 0);
  const sum = (of: (line: PermitsLine) => number): number => lines.reduce((total, line) => total + of(line), 0);
  const calls = sum(({ permitsGranted }) => permitsGranted);
  if (calls === 0) return undefined;
  const rates = lines.flatMap(({ slotsPerSecond }) => slotsPerSecond ?? []);
  const ends = used.map(({ _aws }) => _aws.Timestamp);
  const begins = used.map(({ _aws, durationMs }) => _aws.Timestamp - durationMs);
  return {
    calls,
    slotsDropped: sum(({ slotsDropped }) => slotsDropped),
    meanWaitMs: sum(({ waitedMs }) => waitedMs) / calls,
    refusals: sum(({ refusals }) => refusals),
    spanMs: Math.max(...ends) - Math.min(...begins),
    ...(rates.length > 0 ? { slotsPerSecond: [Math.min(...rates), Math.max(...rates)] as const } : {}),
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
