import * as v from 'valibot';
import { ANSWER_SOURCES } from '../../../shared/messages/bus-events.ts';
import { SEVERITIES } from '../../../shared/model/facts.ts';
import { DECISIONS, FINDING_KINDS } from '../../../shared/model/finding.ts';

/** The one document that `--json` prints. Its JSON Schema is made from this (`npm run generate`). */

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const checkState = v.picklist(['known', 'not-analysed', 'unsupported', 'unresolved', 'throttled', 'failed']);
const check = v.strictObject({ state: checkState, reason: v.optional(v.string()) });

const lockFile = v.strictObject({
  path: v.string(),
  format: v.string(),
  status: v.picklist(['read', 'error']),
  reason: v.optional(v.string()),
  packages: count,
  /** What the file declares and what cannot be asked about, each with its reason; absent where there is none. */
  gaps: v.optional(
    v.array(
      v.strictObject({ name: v.string(), requirement: v.string(), state: v.picklist(['unsupported', 'unresolved']), reason: v.string() }),
    ),
  ),
  /** What is odd about the file though it could be read; absent where nothing is. */
  warnings: v.optional(v.array(v.string())),
});

const packageEntry = v.strictObject({
  purl: v.string(),
  outcome: v.picklist(['finding', 'failed', 'throttled', 'unresolved', 'unsupported', 'not-analysed', 'benign']),
  checks: v.strictObject({ vulnerabilities: check, malware: check }),
  lockFiles: v.array(v.string()),
});

const finding = v.strictObject({
  id: v.string(),
  kind: v.picklist(FINDING_KINDS),
  severity: v.picklist(SEVERITIES),
  purl: v.string(),
  title: v.string(),
  decision: v.picklist(DECISIONS),
  lockFiles: v.array(v.string()),
  /** How many lock files there are, where `lockFiles` does not list them all: of a finding whose package the snapshot has no more. */
  lockFileCount: v.optional(count),
});

const repository = v.strictObject({
  repository: v.string(),
  /** `HEAD` where it is detached, or where not even what it names could be read. */
  ref: v.string(),
  /** Empty for a deleted branch, and where it could not be read. */
  commit: v.string(),
  status: v.picklist(['complete', 'incomplete']),
  reasons: v.array(v.string()),
  gaps: v.strictObject({ 'not-analysed': count, unsupported: count, unresolved: count }),
  lockFiles: v.array(lockFile),
  packages: v.array(packageEntry),
  findings: v.array(finding),
});

export const resultDocumentSchema = v.strictObject({
  version: v.literal(1),
  answers: v.picklist(ANSWER_SOURCES),
  /** From the first push seen to the summary. */
  seconds: v.number(),
  calls: v.strictObject({ insight: count, malware: count }),
  repositories: v.array(repository),
});

export type ResultDocument = v.InferOutput<typeof resultDocumentSchema>;
export type RepositoryResult = v.InferOutput<typeof repository>;
