import * as z from 'zod/mini';
import { SEVERITIES } from '../model/facts.ts';
import { DECISIONS, FINDING_KINDS } from '../model/finding.ts';
import { FORGES } from '../model/repository.ts';

/**
 * What the bus carries, for our own sinks and for anyone else's rules. Versioned and additive: a field is never taken away or
 * given another meaning within version 1.
 */
export const EVENT_SOURCE = 'safedep-watch';

/** Where the answers behind an event come from. `stand-in` answers are made up: such an event goes to loopback sinks only. */
export const ANSWER_SOURCES = ['cloud', 'community', 'stand-in'] as const;
export type AnswerSource = (typeof ANSWER_SOURCES)[number];

/** Reads a function's `SAFEDEP_ANSWERS`. Throws for anything else: an unknown source must not pass for a real one. */
export function parseAnswerSource(value: string): AnswerSource {
  const source = ANSWER_SOURCES.find((known) => known === value);
  if (!source) throw new Error(`SAFEDEP_ANSWERS is ${JSON.stringify(value)}; it must be one of ${ANSWER_SOURCES.join(', ')}`);
  return source;
}

const repositorySchema = z.object({
  tenant: z.string(),
  forge: z.enum(FORGES),
  host: z.string(),
  repositoryId: z.string(),
  name: z.string(),
  ref: z.string(),
  isDefaultBranch: z.boolean(),
  commit: z.string(),
});

const eventBase = {
  version: z.literal(1),
  /** The same for every resend of the same transition: what a consumer de-duplicates on. */
  eventId: z.string(),
  /** RFC 3339, UTC. */
  occurredAt: z.string(),
  answers: z.enum(ANSWER_SOURCES),
  repository: repositorySchema,
};

const findingEventSchema = z.object({
  ...eventBase,
  detailType: z.enum(['finding opened', 'finding resolved', 'finding reopened']),
  /** Belongs to the first scan of its ref: sinks get that scan's summary instead of one alert each. */
  baseline: z.boolean(),
  finding: z.object({
    id: z.string(),
    factId: z.string(),
    transition: z.number(),
    kind: z.enum(FINDING_KINDS),
    severity: z.enum(SEVERITIES),
    purl: z.string(),
    primaryId: z.string(),
    title: z.string(),
    decision: z.enum(DECISIONS),
    decisionReason: z.string(),
    /** Sorted; of more than 50, or of very long paths, the first. */
    lockFiles: z.array(z.string()),
    /** How many lock files there are, where `lockFiles` does not list them all. */
    lockFileCount: z.optional(z.number()),
  }),
  /** Why a finding was resolved: the package left, the answer changed, the ref was deleted. */
  reason: z.optional(z.string()),
});
export type FindingEvent = z.infer<typeof findingEventSchema>;

const scanEventSchema = z.object({
  ...eventBase,
  detailType: z.enum(['scan complete', 'scan incomplete']),
  generation: z.number(),
  baseline: z.boolean(),
  /** Why the scan is incomplete, one sentence each; empty for a complete one. */
  reasons: z.array(z.string()),
  counts: z.object({
    lockFiles: z.number(),
    packages: z.number(),
    /** Open findings by decision. */
    findings: z.record(z.enum(DECISIONS), z.number()),
    gaps: z.object({ 'not-analysed': z.number(), unsupported: z.number(), unresolved: z.number() }),
    failures: z.object({ throttled: z.number(), failed: z.number() }),
  }),
  /** Up to 20 open findings, the worst first: enough for a summary. */
  worst: z.array(
    z.object({
      kind: z.enum(FINDING_KINDS),
      severity: z.enum(SEVERITIES),
      purl: z.string(),
      title: z.string(),
      decision: z.enum(DECISIONS),
    }),
  ),
});
export type ScanEvent = z.infer<typeof scanEventSchema>;

const busEventSchema = z.discriminatedUnion('detailType', [findingEventSchema, scanEventSchema]);
/** The `detail` of a bus event; its `detailType` is repeated as the event's own detail type, for rules. */
export type BusEvent = FindingEvent | ScanEvent;

export function parseBusEvent(detail: unknown): BusEvent {
  return z.parse(busEventSchema, detail);
}

/** The events as JSON Schema, for consumers. */
export function busEventJsonSchema(): unknown {
  return { title: 'safedep-watch bus event, version 1', ...z.toJSONSchema(busEventSchema) };
}
