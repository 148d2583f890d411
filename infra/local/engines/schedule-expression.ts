import { Cron } from 'croner';

/** A schedule expression that EventBridge Scheduler would refuse. */
export class ScheduleExpressionError extends Error {
  override readonly name = 'ScheduleExpressionError';
}

const UNIT_MS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** Gives the first time after `afterMs` at which a schedule fires; `undefined` when there is none. */
export type NextFiring = (afterMs: number) => number | undefined;

/**
 * Reads `rate(...)`, `cron(...)` or `at(...)` of EventBridge Scheduler. A rate counts from `createdAtMs` and first fires one period later.
 * Throws `ScheduleExpressionError`.
 */
export function parseScheduleExpression(expression: string, timeZone: string, createdAtMs: number): NextFiring {
  const [, kind, argument] = /^(rate|cron|at)\((.*)\)$/.exec(expression.trim()) ?? [];
  if (argument === undefined) throw new ScheduleExpressionError(`${expression} is neither rate(...), cron(...) nor at(...)`);
  if (kind === 'rate') return parseRate(argument, expression, createdAtMs);
  try {
    if (kind === 'at') {
      const date = new Cron(argument, { timezone: timeZone, paused: true, allowPast: true });
      return (afterMs) => date.nextRun(new Date(afterMs))?.getTime();
    }
    const cron = new Cron(toCronerPattern(argument), {
      timezone: timeZone,
      paused: true,
      mode: '7-part',
      alternativeWeekdays: true,
      sloppyRanges: true,
    });
    return (afterMs) => cron.nextRun(new Date(afterMs))?.getTime();
  } catch (error) {
    if (error instanceof ScheduleExpressionError) throw error;
    throw new ScheduleExpressionError(`${expression}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parseRate(argument: string, expression: string, createdAtMs: number): NextFiring {
  const [, count, unit, plural] = /^(\d+) (minute|hour|day)(s?)$/.exec(argument) ?? [];
  const periodMs = Number(count) * (UNIT_MS[unit ?? ''] ?? Number.NaN);
  if (!(periodMs > 0) || (plural === '') !== (Number(count) === 1)) {
    throw new ScheduleExpressionError(`${expression}: a rate is a number and a unit, as in rate(1 minute) or rate(5 minutes)`);
  }
  return (afterMs) => createdAtMs + (Math.floor(Math.max(0, afterMs - createdAtMs) / periodMs) + 1) * periodMs;
}

/**
 * AWS writes minute, hour, day of month, month, day of week (1 is Sunday) and year, wants `?` for one of the two days, and lets a step
 * start anywhere (`0/5`). croner puts seconds first and reads `?` as the present value.
 */
function toCronerPattern(argument: string): string {
  const fields = argument.trim().split(/\s+/);
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = '', year = ''] = fields;
  if (fields.length !== 6) throw new ScheduleExpressionError(`cron(${argument}) has ${fields.length} fields in place of 6`);
  if ((dayOfMonth === '?') === (dayOfWeek === '?')) {
    throw new ScheduleExpressionError(`cron(${argument}): one of day of month and day of week is ?, and only one`);
  }
  const openDay = (field: string): string => (field === '?' ? '*' : field);
  return ['0', minute, hour, openDay(dayOfMonth), month, openDay(dayOfWeek), year].join(' ');
}
