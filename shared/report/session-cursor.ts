import * as z from 'zod/mini';

/**
 * How far the report of a scan has come: kept on the scan row, because a session of many thousand messages takes several invocations.
 *
 * - `running`: an invocation is sending, until `untilMs` at the latest. After that it died, and nobody knows what it had sent.
 * - `paused`: everything below `next` is acknowledged, or refused for good, but for `open`; the session goes on from there.
 * - `completing`: everything is acknowledged and the session is being completed.
 * - `sent`: done; a redelivery opens no second session.
 */
const cursorSchema = z.discriminatedUnion('state', [
  z.object({ state: z.literal('running'), untilMs: z.number(), sessionId: z.optional(z.string()) }),
  z.object({
    state: z.literal('paused'),
    sessionId: z.string(),
    /** The plan's digest. */
    plan: z.string(),
    next: z.number(),
    open: z.array(z.number()),
    /** Messages that the service refused for good. */
    refusedCount: z.number(),
  }),
  z.object({ state: z.literal('completing'), sessionId: z.string() }),
  z.object({ state: z.literal('sent') }),
]);

export type SessionCursor = z.infer<typeof cursorSchema>;

/** `undefined` where no session was begun. Throws on what is no cursor of ours. */
export function parseSessionCursor(text: string | undefined): SessionCursor | undefined {
  return text === undefined ? undefined : z.parse(cursorSchema, JSON.parse(text));
}

export function formatSessionCursor(cursor: SessionCursor): string {
  return JSON.stringify(cursor);
}
