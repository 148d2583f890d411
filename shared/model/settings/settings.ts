import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import english from 'zod/v4/locales/en.js';
import { ECOSYSTEMS, type Ecosystem } from '../ecosystem.ts';
import { SEVERITIES } from '../facts.ts';
import { DECISIONS } from '../finding.ts';
import { POISONING_RULES } from '../manifest.ts';

/**
 * The settings document, `safedep-watch.json`. Unknown keys are refused, so that a misspelt one is not silently ignored.
 * Secrets never stand in it, only their names in Secrets Manager.
 */

// The small build of zod says only "Invalid input" without a language.
z.config(english());

const secretName = z.string().check(z.minLength(1), z.maxLength(512));
const positiveInteger = z.int().check(z.positive());

const gitHubSource = z.strictObject({
  forge: z.literal('github'),
  /** Host name as it stands in repository addresses. */
  host: z._default(z.string().check(z.minLength(1)), 'github.com'),
  /** Base of the REST API; GitHub Enterprise Server has `https://HOST/api/v3`. */
  apiUrl: z._default(z.url(), 'https://api.github.com'),
  tokenSecret: secretName,
});

/** A git repository on this machine. Refused everywhere but in local mode and tests. */
const gitSource = z.strictObject({
  forge: z.literal('git'),
  host: z._default(z.string(), 'localhost'),
  repositories: z.array(z.strictObject({ repositoryId: z.string(), name: z.string(), path: z.string() })),
});

/** An endpoint that takes events as signed HTTP POSTs (Standard Webhooks). */
const webhookSink = z.strictObject({
  name: z.string().check(z.regex(/^[a-z0-9-]{1,40}$/)),
  kind: z.literal('webhook'),
  url: z.url(),
  /** Holds `whsec_…`; several, separated by spaces, while one is being replaced. */
  signingSecret: secretName,
  refs: z._default(z.enum(['default-branch', 'all']), 'default-branch'),
});

const windowLimit = z.strictObject({ requests: positiveInteger, perSeconds: positiveInteger });
/** SafeDep has had two for one key: by the minute and by the hour. */
const WINDOWS_MAX = 3;

/** One window, or several that hold together: `{requests, perSeconds}` or a list of them. */
const windowLimits = z.pipe(
  z.union([
    windowLimit,
    z.array(windowLimit).check(
      z.minLength(1),
      z.maxLength(WINDOWS_MAX),
      z.refine((windows) => new Set(windows.map(({ perSeconds }) => perSeconds)).size === windows.length, 'two windows are equally long'),
      z.refine(
        (windows) => windows.length === 1 || windows.every(({ requests }) => requests > 1),
        'beside others a window needs 2 requests',
      ),
    ),
  ]),
  z.transform((limits): readonly WindowLimit[] => (Array.isArray(limits) ? limits : [limits])),
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

export const settingsSchema = z.strictObject({
  $schema: z.optional(z.string()),
  version: z.literal(1),
  sources: z._default(z.array(z.discriminatedUnion('forge', [gitHubSource, gitSource])), []),
  reading: z._default(
    z.strictObject({
      /** Lock files below these folders are not read: repository-relative, `vendor/fixtures`. */
      ignoredFolders: z._default(z.array(z.string()), []),
      /** Package names that no public registry serves, by ecosystem: exact, or a prefix that ends in `*`. */
      privateNames: z._default(z.partialRecord(z.enum(Object.keys(ECOSYSTEMS) as [Ecosystem, ...Ecosystem[]]), z.array(z.string())), {}),
      /** Hosts of private registries, `npm.internal.example`: what a lock file has from them is never asked about anywhere. */
      privateRegistries: z._default(z.array(z.string()), []),
      /** Hosts of the registries that lock files may name. Empty: any, and one that hardly any entry of a file uses is warned of. */
      registryHosts: z._default(z.array(z.string()), []),
      limits: z._default(
        z.strictObject({
          /** Replaces each format's own limit for the size of a file, which is what still reads within the memory below. */
          fileBytes: z.optional(z.int().check(z.positive())),
          /** Time to read one file, without the waiting for files that it names. */
          seconds: z._default(z.number().check(z.positive(), z.maximum(READING_MAX_SECONDS)), READING_SECONDS),
          /** Memory to read one file. */
          heapMegabytes: z._default(z.int().check(z.minimum(32), z.maximum(READING_MAX_HEAP_MEGABYTES)), READING_HEAP_MEGABYTES),
        }),
        { seconds: READING_SECONDS, heapMegabytes: READING_HEAP_MEGABYTES },
      ),
    }),
    DEFAULT_READING,
  ),
  policy: z._default(
    z.strictObject({
      malware: z._default(z.enum(DECISIONS), 'reject'),
      suspicious: z._default(z.enum(DECISIONS), 'warn'),
      vulnerability: z._default(z.partialRecord(z.enum(SEVERITIES), z.enum(DECISIONS)), {}),
      poisonedLockFile: z._default(z.partialRecord(z.enum(POISONING_RULES), z.enum(DECISIONS)), {}),
    }),
    { malware: 'reject', suspicious: 'warn', vulnerability: {}, poisonedLockFile: {} },
  ),
  sinks: z._default(z.array(webhookSink), []),
  reports: z._default(
    z.strictObject({
      /** What a report session tells SafeDep: what changed since the last one of its ref that completed, or all of it each time. */
      publish: z._default(z.enum(['changed', 'all']), 'changed'),
      /** All of it is told again once the last time is so long ago. */
      wholeEveryDays: z._default(z.int().check(z.positive(), z.maximum(REPORTS_WHOLE_MAX_DAYS)), REPORTS_WHOLE_EVERY_DAYS),
    }),
    { publish: 'changed', wholeEveryDays: REPORTS_WHOLE_EVERY_DAYS },
  ),
  limits: z.prefault(
    z.strictObject({
      dataPlane: z.prefault(windowLimits, DEFAULT_LIMITS.dataPlane),
      controlPlane: z.prefault(windowLimits, DEFAULT_LIMITS.controlPlane),
      community: z.prefault(windowLimits, DEFAULT_LIMITS.community),
    }),
    DEFAULT_LIMITS,
  ),
});

export type Settings = z.infer<typeof settingsSchema>;
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
  const result = z.safeParse(settingsSchema, document);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `  ${issue.path.length > 0 ? issue.path.join('.') : 'document'}: ${issue.message}`);
  throw new SettingsError(`${origin} is not a settings document:\n${lines.join('\n')}`);
}

export const DEFAULT_SETTINGS: Settings = parseSettings({ version: 1 }, 'the default');

/** Digest of what changes how lock files are read: only a change here makes a new snapshot of an unchanged commit. */
export function readingDigest(settings: Settings): string {
  return createHash('sha256').update(JSON.stringify(settings.reading)).digest('hex').slice(0, 16);
}
