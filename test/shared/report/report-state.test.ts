import { describe, expect, it } from 'vitest';
import { formatReportState, isReportSettled, parseReportState, type ReportState } from '../../../shared/report/report-state.ts';

const session = { id: 's', generation: 2, commit: 'c', scope: 'changed', startedAtMs: 5, plannedCount: 7 } as const;
const counts = { recordPageCount: 1, publishedCount: 6, refusedCount: 1, lackingCount: 2 };

describe('the report state', () => {
  const states: ReportState[] = [
    { version: 1, repositoryName: 'acme/shop' },
    { version: 1, repositoryName: 'acme/shop', lease: { holder: 'm', untilMs: 9 }, session },
    { version: 1, repositoryName: 'acme/shop', session: { ...session, completing: counts }, waiting: { sinceMs: 3, reason: 'no answer' } },
    {
      version: 1,
      repositoryName: '',
      last: { id: 's', generation: 2, commit: '', scope: 'whole', completedAtMs: 8, ...counts },
      lastWholeAtMs: 5,
      settledGeneration: 2,
    },
  ];

  it.each(states)('comes back as it was written: %j', (state) => {
    expect(parseReportState(formatReportState(state))).toEqual(state);
  });

  it.each(['', '{}', '{"version":2,"repositoryName":"a"}', '{"version":1,"repositoryName":"a","session":{}}'])(
    'refuses %j: a report is not begun again because its state cannot be read',
    (text) => expect(() => parseReportState(text)).toThrow(),
  );

  it('is settled up to its generation, and for none before the first report', () => {
    expect(isReportSettled(undefined, 0)).toBe(false);
    const state: ReportState = { version: 1, repositoryName: 'a', settledGeneration: 3 };
    expect([2, 3, 4].map((generation) => isReportSettled(state, generation))).toEqual([true, true, false]);
  });
});
