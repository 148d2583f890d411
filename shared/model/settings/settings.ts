import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { ECOSYSTEMS, type Ecosystem } from '../ecosystem.ts';
import { SEVERITIES } from '../facts.ts';
import { DECISIONS } from '../finding.ts';
import { POISONING_RULES } from '../manifest.ts';
import { issueText } from '../schema-issue.ts';

/**
 * The settings document, `safedep-watch.json`. Unknown keys are refused, so that a misspelt one is not silently ignored.
 * Secrets never stand in it, only their names in Secrets Manager.
 */

const secretName = v.pipe(v.string(), v.minLength(1), v.maxLength(512));
const positiveInteger = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

/** Some or all of these keys, and no others. */
function mapOf<const K extends string, V extends v.GenericSchema>(keys: readonly K[], value: V) {
  return v.strictObject(v.entriesFromList(keys, v.optional(value)));
}

const gitHubSource = v.strictObject({
  forge: v.literal('github'),
  /** Host name as it stands in repository addresses. */
  host: v.optional(v.pipe(v.string(), v.minLength(1)), 'github.com'),
  /** Base of the REST API; GitHub Enterprise Server has `https://HOST/api/v3`. */
  apiUrl: v.optional(v.pipe(v.string(), v.url()), 'https://api.github.com'),
  tokenSecret: secretName,
});

/** A git repository on this machine. Refused everywhere but in local mode and tests. */
const gitSource = v.strictObject({
  forge: v.literal('git'),
  host: v.optional(v.string(), 'localhost'),
  repositories: v.array(v.strictObject({ repositoryId: v.string(), name: v.string(), path: v.string() })),
});

/** An endpoint that takes events as signed HTTP POSTs (Standard Webhooks). */
const webhookSink = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,40}$/)),
  kind: v.literal('webhook'),
  url: v.pipe(v.string(), v.url()),
  /** Holds `whsec_…`; several, separated by spaces, while one is being replaced. */
  signingSecret: secretName,
  refs: v.optional(v.picklist(['default-branch', 'all']), 'default-branch'),
});

const windowLimit = v.strictObject({ requests: positiveInteger, perSeconds: positiveInteger });
/** SafeDep has had two for one key: by the minute and by the hour. */
const WINDOWS_MAX = 3;

/** One window, or several that hold together: `{requests, perSeconds}` or a list of them. */
const windowLimits = v.pipe(
  v.union([
    windowLimit,
    v.pipe(
      v.array(windowLimit),
      v.minLength(1),
      v.maxLength(WINDOWS_MAX),
      v.check((windows) => new Set(windows.map(({ perSeconds }) => perSeconds)).size === windows.length, 'two windows are equally long'),
      v.check(
        (windows) => windows.length === 1 || windows.every(({ requests }) => requests > 1),
        'beside others a window needs 2 requests',
      ),
    ),
  ]),
  v.transform((limits): readonly WindowLimit[] => (Array.isArray(limits) ? limits : [limits])),
);

/** So many requests in any window of that length. */
interface WindowLimit {
  readonly requests: number;
  readonly perSeconds: number;
}

/** SafeDep's documented figures for each API key and for management, and our own idea of fair use of the keyless host. */
const DEFAULT_LIMITS = {
  dataPlane: [{ requests: 500, perSeconds: 1 }],
  controlPlane: [{ requests: 20, perSeconds: 1 }],
  community: [{ requests: 20, perSeconds: 1 }],
};

/** What reading one file may take: a hostile one ends there, and the files beside it are read. Ours; the largest real lock files take 1 s. */
const READING_SECONDS = 5;
const READING_HEAP_MEGABYTES = 256;
/** The extract function's own memory and time leave no more, several files being read at once. */
const READING_MAX_SECONDS = 60;
const READING_MAX_HEAP_MEGABYTES = 1_024;

/** Ours: what was told and went wrong at SafeDep's end is mended within a week, at the cost of one publication a package. */
const REPORTS_WHOLE_EVERY_DAYS = 7;
const REPORTS_WHOLE_MAX_DAYS = 365;

const DEFAULT_READING = {
  ignoredFolders: [],
  privateNames: {},
  privateRegistries: [],
  registryHosts: [],
  limits: { seconds: READING_SECONDS, heapMegabytes: READING_HEAP_MEGABYTES },
};

export const settingsSchema = v.strictObject({
  $schema: v.optional(v.string()),
  version: v.literal(1),
  sources: v.optional(v.array(v.variant('forge', [gitHubSource, gitSource])), []),
  reading: v.optional(
    v.strictObject({
      /** Lock files below these folders are not read: repository-relative, `vendor/fixtures`. */
      ignoredFolders: v.optional(v.array(v.string()), []),
      /** Package names that no public registry serves, by ecosystem: exact, or a prefix that ends in `*`. */
      privateNames: v.optional(mapOf(Object.keys(ECOSYSTEMS) as Ecosystem[], v.array(v.string())), {}),
      /** Hosts of private registries, `npm.internal.example`: what a lock file has from them is never asked about anywhere. */
      privateRegistries: v.optional(v.array(v.string()), []),
      /** Hosts of the registries that lock files may name. Empty: any, and one that hardly any entry of a file uses is warned of. */
      registryHosts: v.optional(v.array(v.string()), []),
      limits: v.optional(
        v.strictObject({
          /** Replaces each format's own limit for the size of a file, which is what still reads within the memory below. */
          fileBytes: v.optional(positiveInteger),
          /** Time to read one file, without the waiting for files that it names. */
          seconds: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(READING_MAX_SECONDS)), READING_SECONDS),
          /** Memory to read one file. */
          heapMegabytes: v.optional(
            v.pipe(v.number(), v.safeInteger(), v.minValue(32), v.maxValue(READING_MAX_HEAP_MEGABYTES)),
            READING_HEAP_MEGABYTES,
          ),
        }),
        { seconds: READING_SECONDS, heapMegabytes: READING_HEAP_MEGABYTES },
      ),
    }),
    DEFAULT_READING,
  ),
  policy: v.optional(
    v.strictObject({
      malware: v.optional(v.picklist(DECISIONS), 'reject'),
      suspicious: v.optional(v.picklist(DECISIONS), 'warn'),
      vulnerability: v.optional(mapOf(SEVERITIES, v.picklist(DECISIONS)), {}),
      poisonedLockFile: v.optional(mapOf(POISONING_RULES, v.picklist(DECISIONS)), {}),
    }),
    { malware: 'reject', suspicious: 'warn', vulnerability: {}, poisonedLockFile: {} },
  ),
  sinks: v.optional(v.array(webhookSink), []),
  reports: v.optional(
    v.strictObject({
      /** What a report session tells SafeDep: what changed since the last one of its ref that completed, or all of it each time. */
      publish: v.optional(v.picklist(['changed', 'all']), 'changed'),
      /** All of it is told again once the last time is so long ago. */
      wholeEveryDays: v.optional(v.pipe(positiveInteger, v.maxValue(REPORTS_WHOLE_MAX_DAYS)), REPORTS_WHOLE_EVERY_DAYS),
    }),
    { publish: 'changed', wholeEveryDays: REPORTS_WHOLE_EVERY_DAYS },
  ),
  limits: v.optional(
    v.strictObject({
      dataPlane: v.optional(windowLimits, DEFAULT_LIMITS.dataPlane),
      controlPlane: v.optional(windowLimits, DEFAULT_LIMITS.controlPlane),
      community: v.optional(windowLimits, DEFAULT_LIMITS.community),
    }),
    DEFAULT_LIMITS,
  ),
});

export type Settings = v.InferOutput<typeof settingsSchema>;
export type SourceSettings = Settings['sources'][number];
export type WebhookSink = Settings['sinks'][number];
export type ReadingSettings = Settings['reading'];
export type ReportSettings = Settings['reports'];
export type PolicySettings = Settings['policy'];

export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** The document with every default filled in. Throws `SettingsError`, one line for each thing that is wrong, where it stands. */
export function parseSettings(document: unknown, origin: string): Settings {
  const result = v.safeParse(settingsSchema, document);
  if (result.success) return result.output;
  const lines = result.issues.map((issue) => `  ${issueText(issue)}`);
  throw new SettingsError(`${origin} is not a settings document:\n${lines.join('\n')}`);
}

export const DEFAULT_SETTINGS: Settings = parseSettings({ version: 1 }, 'the default');

/** Digest of what changes how lock files are read: only a change here makes a new snapshot of an unchanged commit. */
export function readingDigest(settings: Settings): string {
  return createHash('sha256').update(JSON.stringify(settings.reading)).digest('hex').slice(0, 16);
}
