import * as z from 'zod/mini';
import { ANSWER_SOURCES } from '../../../shared/messages/bus-events.ts';
import { SEVERITIES } from '../../../shared/model/facts.ts';
import { DECISIONS, FINDING_KINDS } from '../../../shared/model/finding.ts';

/** The one document that `--json` prints. Its JSON Schema is made from this (`npm run generate`). */

const count = z.int().check(z.nonnegative());
const checkState = z.enum(['known', 'not-analysed', 'unsupported', 'unresolved', 'throttled', 'failed']);
const check = z.strictObject({ state: checkState, reason: z.optional(z.string()) });

const lockFile = z.strictObject({
  path: z.string(),
  format: z.string(),
  status: z.enum(['read', 'error']),
  reason: z.optional(z.string()),
  packages: count,
  /** What the file declares and what cannot be asked about, each with its reason; absent where there is none. */
  gaps: z.optional(
    z.array(
      z.strictObject({ name: z.string(), requirement: z.string(), state: z.enum(['unsupported', 'unresolved']), reason: z.string() }),
    ),
  ),
  /** What is odd about the file though it could be read; absent where nothing is. */
  warnings: z.optional(z.array(z.string())),
});

const packageEntry = z.strictObject({
  purl: z.string(),
  outcome: z.enum(['finding', 'failed', 'throttled', 'unresolved', 'unsupported', 'not-analysed', 'benign']),
  checks: z.strictObject({ vulnerabilities: check, malware: check }),
  lockFiles: z.array(z.string()),
});

const finding = z.strictObject({
  id: z.string(),
  kind: z.enum(FINDING_KINDS),
  severity: z.enum(SEVERITIES),
  purl: z.string(),
  title: z.string(),
  decision: z.enum(DECISIONS),
  lockFiles: z.array(z.string()),
  /** How many lock files there are, where `lockFiles` does not list them all: of a finding whose package the snapshot has no more. */
  lockFileCount: z.optional(count),
});

const repository = z.strictObject({
  repository: z.string(),
  /** `HEAD` where it is detached, or where not even what it names could be read. */
  ref: z.string(),
  /** Empty for a deleted branch, and where it could not be read. */
  commit: z.string(),
  status: z.enum(['complete', 'incomplete']),
  reasons: z.array(z.string()),
  gaps: z.strictObject({ 'not-analysed': count, unsupported: count, unresolved: count }),
  lockFiles: z.array(lockFile),
  packages: z.array(packageEntry),
  findings: z.array(finding),
});

export const resultDocumentSchema = z.strictObject({
  version: z.literal(1),
  answers: z.enum(ANSWER_SOURCES),
  /** From the first push seen to the summary. */
  seconds: z.number(),
  calls: z.strictObject({ insight: count, malware: count }),
  repositories: z.array(repository),
});

export type ResultDocument = z.infer<typeof resultDocumentSchema>;
export type RepositoryResult = z.infer<typeof repository>;
