import * as v from 'valibot';

/**
 * How the reports of one ref stand. One item, moved by condition: two invocations never send for the same ref. What a session has
 * acknowledged so far stands apart, and so does what the last completed one left behind at SafeDep (`ReportStore`).
 */

/** `whole`: every message of the snapshot. `changed`: those that the last completed session and its predecessors did not tell. */
const scopeSchema = v.picklist(['changed', 'whole']);

const sessionSchema = v.object({
  /** SafeDep's id. */
  id: v.string(),
  generation: v.number(),
  commit: v.string(),
  scope: scopeSchema,
  startedAtMs: v.number(),
  /** How many messages were to be sent when it began. */
  plannedCount: v.number(),
  /** Set once every message is settled and what is reported then is written: only SafeDep's word on the end is missing. */
  completing: v.optional(
    v.object({ recordPageCount: v.number(), publishedCount: v.number(), refusedCount: v.number(), lackingCount: v.number() }),
  ),
});

const completedSchema = v.object({
  id: v.string(),
  generation: v.number(),
  commit: v.string(),
  scope: scopeSchema,
  completedAtMs: v.number(),
  /** Messages that SafeDep acknowledged in it. */
  publishedCount: v.number(),
  /** Messages that SafeDep refused for good in it. */
  refusedCount: v.number(),
  /** What SafeDep lacks of the snapshot since then: refused now or earlier, not served, or outside its limits. */
  lackingCount: v.number(),
  recordPageCount: v.number(),
});

const stateSchema = v.object({
  version: v.literal(1),
  /** For people: the name at the time of the last report. */
  repositoryName: v.string(),
  /** Who sends now, as the id of the queue's message, and until when at the latest. */
  lease: v.optional(v.object({ holder: v.string(), untilMs: v.number() })),
  /** The session that is open at SafeDep. */
  session: v.optional(sessionSchema),
  last: v.optional(completedSchema),
  /** When the last session began that told everything and completed. */
  lastWholeAtMs: v.optional(v.number()),
  /** The highest generation whose report needs nothing more. */
  settledGeneration: v.optional(v.number()),
  /** Why nothing is sent at the moment. */
  waiting: v.optional(v.object({ sinceMs: v.number(), reason: v.string() })),
});

export type ReportState = v.InferOutput<typeof stateSchema>;
export type OpenSession = v.InferOutput<typeof sessionSchema>;
export type SessionScope = v.InferOutput<typeof scopeSchema>;

/** Throws on what is no state of ours: a report is not begun again because its state cannot be read. */
export function parseReportState(text: string): ReportState {
  return v.parse(stateSchema, JSON.parse(text));
}

export function formatReportState(state: ReportState): string {
  return JSON.stringify(state);
}

/** Whether the report of this generation, or of a later one, needs nothing more. */
export function isReportSettled(state: ReportState | undefined, generation: number): boolean {
  return (state?.settledGeneration ?? -1) >= generation;
}
