import type { Advance, LimitState, LimitStore, LimitWrite, WriteResult } from '../../../shared/rate-limit/store.ts';

/** The item's new arrival time, or `undefined` where the condition fails: the meaning of the expressions that DynamoDB gets. */
function advanced(current: number | undefined, advance: Advance, mayBeMissing: boolean): number | undefined {
  if (current === undefined) return mayBeMissing && advance.form === 'idle' ? advance.toMicros : undefined;
  if (advance.form === 'idle') return current < advance.belowMicros ? advance.toMicros : undefined;
  return current >= advance.fromMicros && current <= advance.toMicros ? current + advance.byMicros : undefined;
}

function after(current: LimitState, write: Exclude<LimitWrite, { kind: 'create' }>): LimitState | undefined {
  if (current.version !== write.version) return undefined;
  if (write.kind === 'set-policy') {
    const { policySpacingMicros: _policy, slowdown: _slowdown, ...rest } = current;
    const policy = write.policySpacingMicros === undefined ? {} : { policySpacingMicros: write.policySpacingMicros };
    return { ...rest, ...policy, version: current.version + 1 };
  }
  if (write.kind === 'slow-down') {
    const pause = write.pauseUntilMicros;
    if (pause !== undefined && current.nextSlotMicros >= pause) return undefined;
    return {
      ...current,
      version: current.version + 1,
      slowdown: write.slowdown,
      stampMicros: write.stampMicros,
      nextSlotMicros: pause ?? current.nextSlotMicros,
    };
  }
  const nextSlotMicros = advanced(current.nextSlotMicros, write.pace, false);
  if (nextSlotMicros === undefined) return undefined;
  const longWindows: Record<number, number> = { ...current.longWindows };
  for (const { seconds, advance } of write.longWindows) {
    const arrival = advanced(current.longWindows[seconds], advance, true);
    if (arrival === undefined) return undefined;
    longWindows[seconds] = arrival;
  }
  return { ...current, nextSlotMicros, longWindows, stampMicros: write.stampMicros, spacingMicros: write.spacingMicros };
}

/** DynamoDB's semantics for one table, at once and synchronously: who wraps it decides on delays, losses and order. */
export class MemoryLimitTable {
  readonly items = new Map<string, LimitState>();

  write(key: string, write: LimitWrite): WriteResult {
    const current = this.items.get(key);
    if (write.kind === 'create') {
      if (current) return { applied: false, current };
      this.items.set(key, write.state);
      return { applied: true };
    }
    if (!current) return { applied: false };
    const next = after(current, write);
    if (!next) return { applied: false, current };
    this.items.set(key, next);
    return { applied: true, before: current };
  }

  /** The table as a store that always answers. */
  store(): LimitStore {
    return {
      write: async (key, write) => this.write(key, write),
      read: async (key) => this.items.get(key),
    };
  }
}
