import * as v from 'valibot';
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

const repositorySchema = v.object({
  tenant: v.string(),
  forge: v.picklist(FORGES),
  host: v.string(),
  repositoryId: v.string(),
  name: v.string(),
  ref: v.string(),
  isDefaultBranch: v.boolean(),
  commit: v.string(),
});

const eventBase = {
  version: v.literal(1),
  /** The same for every resend of the same transition: what a consumer de-duplicates on. */
  eventId: v.string(),
  /** RFC 3339, UTC. */
  occurredAt: v.string(),
  answers: v.picklist(ANSWER_SOURCES),
  repository: repositorySchema,
};

const findingEventSchema = v.object({
  ...eventBase,
  detailType: v.picklist(['finding opened', 'finding changed', 'finding resolved', 'finding reopened']),
  /** Belongs to the first scan of its ref: sinks get that scan's summary instead of one alert each. */
  baseline: v.boolean(),
  finding: v.object({
    id: v.string(),
    factId: v.string(),
    transition: v.number(),
    kind: v.picklist(FINDING_KINDS),
    severity: v.picklist(SEVERITIES),
    purl: v.string(),
    primaryId: v.string(),
    title: v.string(),
    decision: v.picklist(DECISIONS),
    decisionReason: v.string(),
    /** What was decided before, in `finding changed`. */
    formerDecision: v.optional(v.picklist(DECISIONS)),
    /** Sorted; of more than 50, or of very long paths, the first. */
    lockFiles: v.array(v.string()),
    /** How many lock files there are, where `lockFiles` does not list them all. */
    lockFileCount: v.optional(v.number()),
  }),
  /** Why a finding was resolved: the package left, the answer changed, the ref was deleted. */
  reason: v.optional(v.string()),
});
export type FindingEvent = v.InferOutput<typeof findingEventSchema>;

const scanEventSchema = v.object({
  ...eventBase,
  detailType: v.picklist(['scan complete', 'scan incomplete']),
  generation: v.number(),
  baseline: v.boolean(),
  /** Why the scan is incomplete, one sentence each; empty for a complete one. */
  reasons: v.array(v.string()),
  counts: v.object({
    lockFiles: v.number(),
    packages: v.number(),
    /** Open findings by decision. */
    findings: v.object(v.entriesFromList(DECISIONS, v.number())),
    gaps: v.object({ 'not-analysed': v.number(), unsupported: v.number(), unresolved: v.number() }),
    failures: v.object({ throttled: v.number(), failed: v.number() }),
  }),
  /** Up to 20 open findings, the worst first: enough for a summary. */
  worst: v.array(
    v.object({
      kind: v.picklist(FINDING_KINDS),
      severity: v.picklist(SEVERITIES),
      purl: v.string(),
      title: v.string(),
      decision: v.picklist(DECISIONS),
    }),
  ),
});
export type ScanEvent = v.InferOutput<typeof scanEventSchema>;

export const busEventSchema = v.variant('detailType', [findingEventSchema, scanEventSchema]);
/** The `detail` of a bus event; its `detailType` is repeated as the event's own detail type, for rules. */
export type BusEvent = FindingEvent | ScanEvent;

export function parseBusEvent(detail: unknown): BusEvent {
  return v.parse(busEventSchema, detail);
}
