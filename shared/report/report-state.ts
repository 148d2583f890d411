import * as z from 'zod/mini';

/**
 * How the reports of one ref stand. One item, moved by condition: two invocations never send for the same ref. What a session has
 * acknowledged so far stands apart, and so does what the last completed one left behind at SafeDep (`ReportStore`).
 */

/** `whole`: every message of the snapshot. `changed`: those that the last completed session and its predecessors did not tell. */
const scopeSchema = z.enum(['changed', 'whole']);

const sessionSchema = z.object({
  /** SafeDep's id. */
  id: z.string(),
  generation: z.number(),
  commit: z.string(),
  scope: scopeSchema,
  startedAtMs: z.number(),
  /** How many messages were to be sent when it began. */
  plannedCount: z.number(),
  /** Set once every message is settled and what is reported then is written: only SafeDep's word on the end is missing. */
  completing: z.optional(
    z.object({ recordPageCount: z.number(), publishedCount: z.number(), refusedCount: z.number(), lackingCount: z.number() }),
  ),
});

const completedSchema = z.object({
  id: z.string(),
  generation: z.number(),
  commit: z.string(),
  scope: scopeSchema,
  completedAtMs: z.number(),
  /** Messages that SafeDep acknowledged in it. */
  publishedCount: z.number(),
  /** Messages that SafeDep refused for good in it. */
  refusedCount: z.number(),
  /** What SafeDep lacks of the snapshot since then: refused now or earlier, not served, or outside its limits. */
  lackingCount: z.number(),
  recordPageCount: z.number(),
});

const stateSchema = z.object({
  version: z.literal(1),
  /** For people: the name at the time of the last report. */
  repositoryName: z.string(),
  /** Who sends now, as the id of the queue's message, and until when at the latest. */
  lease: z.optional(z.object({ holder: z.string(), untilMs: z.number() })),
  /** The session that is open at SafeDep. */
  session: z.optional(sessionSchema),
  last: z.optional(completedSchema),
  /** When the last session began that told everything and completed. */
  lastWholeAtMs: z.optional(z.number()),
  /** The highest generation whose report needs nothing more. */
  settledGeneration: z.optional(z.number()),
  /** Why nothing is sent at the moment. */
  waiting: z.optional(z.object({ sinceMs: z.number(), reason: z.string() })),
});

export type ReportState = z.infer<typeof stateSchema>;
export type OpenSession = z.infer<typeof sessionSchema>;
export type SessionScope = z.infer<typeof scopeSchema>;

/** Throws on what is no state of ours: a report is not begun again because its state cannot be read. */
export function parseReportState(text: string): ReportState {
  return z.parse(stateSchema, JSON.parse(text));
}

export function formatReportState(state: ReportState): string {
  return JSON.stringify(state);
}

/** Whether the report of this generation, or of a later one, needs nothing more. */
export function isReportSettled(state: ReportState | undefined, generation: number): boolean {
  return (state?.settledGeneration ?? -1) >= generation;
}
