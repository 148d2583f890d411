import * as v from 'valibot';
import { ECOSYSTEMS, type Ecosystem } from '../model/ecosystem.ts';
import type { PackageVersion } from '../model/package-version.ts';
import { FORGES } from '../model/repository.ts';
import { issueText } from '../model/schema-issue.ts';

/**
 * Everything that crosses a process on a queue, as JSON with a `version`. A reader accepts what it knows and refuses the rest by
 * throwing `MessageError`: the message stays on its queue and reaches the dead-letter queue, it is never dropped.
 */
export class MessageError extends Error {
  override readonly name = 'MessageError';
}

/** `live` for what a person waits for, `background` for rescans, onboarding and backfills. */
const LANES = ['live', 'background'] as const;
export type Lane = (typeof LANES)[number];

const refIdSchema = v.object({
  tenant: v.string(),
  forge: v.picklist(FORGES),
  host: v.string(),
  repositoryId: v.string(),
  ref: v.string(),
});

const packageVersionSchema = v.object({
  ecosystem: v.picklist(Object.keys(ECOSYSTEMS) as [Ecosystem, ...Ecosystem[]]),
  name: v.string(),
  version: v.string(),
});

const pushHintSchema = v.object({
  version: v.literal(1),
  kind: v.literal('push'),
  ref: refIdSchema,
  /** Name at the time of the push: for people, and for APIs that want it. Never an identity. */
  repositoryName: v.string(),
  /** The forge's id of the delivery; empty where there was none. */
  deliveryId: v.string(),
  lane: v.picklist(LANES),
  receivedAtMs: v.number(),
});
/** "This ref changed": a hint, never the state itself. */
export type PushHint = v.InferOutput<typeof pushHintSchema>;

const lookupBatchSchema = v.object({
  version: v.literal(1),
  kind: v.literal('lookups'),
  lane: v.picklist(LANES),
  /** Whose scan waits for this batch; absent for a rescan, which nobody waits for. */
  scan: v.optional(v.object({ ref: refIdSchema, generation: v.number(), batchNumber: v.number() })),
  packages: v.array(packageVersionSchema),
});
export type LookupBatch = v.InferOutput<typeof lookupBatchSchema>;

const evaluateSchema = v.object({
  version: v.literal(1),
  kind: v.literal('evaluate'),
  ref: refIdSchema,
  /** Only these package versions; absent for the whole ref. */
  packages: v.optional(v.array(packageVersionSchema)),
});
export type Evaluate = v.InferOutput<typeof evaluateSchema>;

const answerChangedSchema = v.object({
  version: v.literal(1),
  kind: v.literal('answer-changed'),
  packageVersion: packageVersionSchema,
  /** Digest of the answer that is fanned out. */
  digest: v.string(),
  /** Where the reading of the reverse entries goes on; absent at the start. */
  cursor: v.optional(v.string()),
});
export type AnswerChanged = v.InferOutput<typeof answerChangedSchema>;

const evaluationSchema = v.variant('kind', [evaluateSchema, answerChangedSchema]);
/** What the queue `evaluations` carries. */
export type Evaluation = Evaluate | AnswerChanged;

const reportRequestSchema = v.object({
  version: v.literal(1),
  kind: v.literal('report'),
  ref: refIdSchema,
  repositoryName: v.string(),
  generation: v.number(),
  commit: v.string(),
  /** When an operator asked for all of it, whatever was told before: done once. Absent for what changed. */
  wholeAskedAtMs: v.optional(v.number()),
});
export type ReportRequest = v.InferOutput<typeof reportRequestSchema>;

function parser<T>(name: string, schema: v.GenericSchema<unknown, T>): (body: string) => T {
  return (body) => {
    let document: unknown;
    try {
      document = JSON.parse(body);
    } catch {
      throw new MessageError(`${name}: the body is not JSON`);
    }
    const result = v.safeParse(schema, document);
    if (result.success) return result.output;
    throw new MessageError(`${name}: ${issueText(result.issues[0])}`);
  };
}

export const parsePushHint = parser('push', pushHintSchema);
export const parseLookupBatch = parser('lookups', lookupBatchSchema);
export const parseEvaluation: (body: string) => Evaluation = parser('evaluation', evaluationSchema);
export const parseReportRequest = parser('report', reportRequestSchema);

/** 200 KB a message at most: a fifth of SQS's limit, so that fair batching and whole batches stay possible (design, section 4). */
export const MESSAGE_MAX_BYTES = 200 * 1024;
export const LOOKUP_BATCH_MAX_PACKAGES = 64;

/**
 * Divides sorted distinct package versions into the batches of a scan: the n-th slice is always the same, so that anyone can
 * make a batch again. At most 64 packages and `MESSAGE_MAX_BYTES` a batch, counted with room for the message's other fields.
 */
export function toBatches(packages: readonly PackageVersion[]): PackageVersion[][] {
  const ENVELOPE_BYTES = 8 * 1024;
  const batches: PackageVersion[][] = [];
  let current: PackageVersion[] = [];
  let bytes = ENVELOPE_BYTES;
  for (const packageVersion of packages) {
    const size = Buffer.byteLength(JSON.stringify(packageVersion)) + 1;
    if (current.length > 0 && (current.length === LOOKUP_BATCH_MAX_PACKAGES || bytes + size > MESSAGE_MAX_BYTES)) {
      batches.push(current);
      current = [];
      bytes = ENVELOPE_BYTES;
    }
    current.push(packageVersion);
    bytes += size;
  }
  if (current.length > 0) batches.push(current);
  return batches;
}
