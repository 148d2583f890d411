import { describe, expect, it } from 'vitest';
import { parseScheduleExpression, ScheduleExpressionError } from '../../../../infra/local/engines/schedule-expression.ts';

const NOW = Date.parse('2030-01-30T10:02:30Z'); // a Wednesday

const firings = (expression: string, count: number, timeZone = 'UTC'): string[] => {
  const next = parseScheduleExpression(expression, timeZone, NOW);
  const times: string[] = [];
  let at: number | undefined = NOW;
  while (times.length < count) {
    at = next(at);
    if (at === undefined) break;
    times.push(new Date(at).toISOString().replace('.000Z', 'Z'));
  }
  return times;
};

describe('parseScheduleExpression', () => {
  it('counts a rate from the start', () => {
    expect(firings('rate(1 minute)', 2)).toEqual(['2030-01-30T10:03:30Z', '2030-01-30T10:04:30Z']);
    expect(firings('rate(5 minutes)', 2)).toEqual(['2030-01-30T10:07:30Z', '2030-01-30T10:12:30Z']);
    expect(firings('rate(2 days)', 1)).toEqual(['2030-02-01T10:02:30Z']);
  });

  it('starts a step where AWS lets it start', () => {
    expect(firings('cron(0/5 * * * ? *)', 2)).toEqual(['2030-01-30T10:05:00Z', '2030-01-30T10:10:00Z']);
    expect(firings('cron(3/20 * * * ? *)', 3)).toEqual(['2030-01-30T10:03:00Z', '2030-01-30T10:23:00Z', '2030-01-30T10:43:00Z']);
  });

  it('counts the days of the week from Sunday as 1', () => {
    expect(firings('cron(0 3 ? * 1 *)', 1)).toEqual(['2030-02-03T03:00:00Z']);
    expect(firings('cron(0 3 ? * SUN *)', 1)).toEqual(['2030-02-03T03:00:00Z']);
    expect(firings('cron(0 3 ? * 2-6 *)', 3)).toEqual(['2030-01-31T03:00:00Z', '2030-02-01T03:00:00Z', '2030-02-04T03:00:00Z']);
  });

  it('knows last days, numbered weekdays and years', () => {
    expect(firings('cron(15 12 L * ? *)', 2)).toEqual(['2030-01-31T12:15:00Z', '2030-02-28T12:15:00Z']);
    expect(firings('cron(0 8 ? * 2#1 *)', 1)).toEqual(['2030-02-04T08:00:00Z']);
    expect(firings('cron(0 0 1 1 ? 2032)', 2)).toEqual(['2032-01-01T00:00:00Z']);
  });

  it('fires in the time zone of the schedule', () => {
    expect(firings('cron(0 9 * * ? *)', 1, 'Asia/Kolkata')).toEqual(['2030-01-31T03:30:00Z']);
    expect(firings('at(2030-06-01T12:00:00)', 2, 'Europe/Berlin')).toEqual(['2030-06-01T10:00:00Z']);
  });

  it('has no firing left after the one time of at()', () => {
    expect(firings('at(2030-02-01T00:00:00)', 5)).toEqual(['2030-02-01T00:00:00Z']);
    expect(firings('at(2020-02-01T00:00:00)', 1)).toEqual([]);
  });

  for (const expression of [
    '5 * * * *',
    'rate(0 minutes)',
    'rate(1 minutes)',
    'rate(5 minute)',
    'rate(5 seconds)',
    'cron(* * * * *)',
    'cron(0 3 * * * *)',
    'cron(0 3 ? * ? *)',
    'cron(61 3 * * ? *)',
    'at(tomorrow)',
  ]) {
    it(`refuses ${expression}`, () => {
      expect(() => parseScheduleExpression(expression, 'UTC', NOW)).toThrow(ScheduleExpressionError);
    });
  }
});
