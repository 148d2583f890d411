import * as z from 'zod/mini';
import { ECOSYSTEMS, type Ecosystem } from '../model/ecosystem.ts';
import type { PackageVersion } from '../model/package-version.ts';
import { FORGES } from '../model/repository.ts';

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

const refIdSchema = z.object({ tenant: z.string(), forge: z.enum(FORGES), host: z.string(), repositoryId: z.string(), ref: z.string() });

const packageVersionSchema = z.object({
  ecosystem: z.enum(Object.keys(ECOSYSTEMS) as [Ecosystem, ...Ecosystem[]]),
  name: z.string(),
  version: z.string(),
});

const pushHintSchema = z.object({
  version: z.literal(1),
  kind: z.literal('push'),
  ref: refIdSchema,
  /** Name at the time of the push: for people, and for APIs that want it. Never an identity. */
  repositoryName: z.string(),
  /** The forge's id of the delivery; empty where there was none. */
  deliveryId: z.string(),
  lane: z.enum(LANES),
  receivedAtMs: z.number(),
});
/** "This ref changed": a hint, never the state itself. */
export type PushHint = z.infer<typeof pushHintSchema>;

const lookupBatchSchema = z.object({
  version: z.literal(1),
  kind: z.literal('lookups'),
  lane: z.enum(LANES),
  /** Whose scan waits for this batch; absent for a rescan, which nobody waits for. */
  scan: z.optional(z.object({ ref: refIdSchema, generation: z.number(), batchNumber: z.number() })),
  packages: z.array(packageVersionSchema),
});
export type LookupBatch = z.infer<typeof lookupBatchSchema>;

const evaluateSchema = z.object({
  version: z.literal(1),
  kind: z.literal('evaluate'),
  ref: refIdSchema,
  /** Only these package versions; absent for the whole ref. */
  packages: z.optional(z.array(packageVersionSchema)),
});
export type Evaluate = z.infer<typeof evaluateSchema>;

const answerChangedSchema = z.object({
  version: z.literal(1),
  kind: z.literal('answer-changed'),
  packageVersion: packageVersionSchema,
  /** Digest of the answer that is fanned out. */
  digest: z.string(),
  /** Where the reading of the reverse entries goes on; absent at the start. */
  cursor: z.optional(z.string()),
});
export type AnswerChanged = z.infer<typeof answerChangedSchema>;

const evaluationSchema = z.discriminatedUnion('kind', [evaluateSchema, answerChangedSchema]);
/** What the queue `evaluations` carries. */
export type Evaluation = Evaluate | AnswerChanged;

const reportRequestSchema = z.object({
  version: z.literal(1),
  kind: z.literal('report'),
  ref: refIdSchema,
  repositoryName: z.string(),
  generation: z.number(),
  commit: z.string(),
  /** When an operator asked for all of it, whatever was told before: done once. Absent for what changed. */
  wholeAskedAtMs: z.optional(z.number()),
});
export type ReportRequest = z.infer<typeof reportRequestSchema>;

function parser<T>(name: string, schema: z.ZodMiniType<T>): (body: string) => T {
  return (body) => {
    let document: unknown;
    try {
      document = JSON.parse(body);
    } catch {
      throw new MessageError(`${name}: the body is not JSON`);
    }
    const result = z.safeParse(schema, document);
    if (result.success) return result.data;
    const issue = result.error.issues[0];
    throw new MessageError(`${name}: ${issue?.path.join('.') || 'document'}: ${issue?.message ?? 'refused'}`);
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
