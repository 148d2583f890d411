import { describe, expect, it } from 'vitest';
import { formatSessionCursor, parseSessionCursor, type SessionCursor } from '../../../shared/report/session-cursor.ts';

describe('the report cursor', () => {
  const cursors: SessionCursor[] = [
    { state: 'running', untilMs: 5 },
    { state: 'running', untilMs: 5, sessionId: 's' },
    { state: 'paused', sessionId: 's', plan: 'p', next: 7, open: [1, 3], refusedCount: 2 },
    { state: 'completing', sessionId: 's' },
    { state: 'sent' },
  ];

  it.each(cursors)('comes back as it was written: $state', (cursor) => {
    expect(parseSessionCursor(formatSessionCursor(cursor))).toEqual(cursor);
  });

  it('is absent before the first session', () => expect(parseSessionCursor(undefined)).toBeUndefined());

  it.each(['', '{}', '{"state":"paused"}', '{"state":"later"}'])(
    'refuses %j: a report is not begun again because its mark cannot be read',
    (text) => expect(() => parseSessionCursor(text)).toThrow(),
  );
});
