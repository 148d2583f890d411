import { readFileSync } from 'node:fs';
import { CORE_SCHEMA, loadAll, YAMLException } from 'js-yaml';
import * as z from 'zod/mini';
import { changeFields, durationMs } from './change.ts';
import { lineOf } from './line-of.ts';

/** One sentence for the reader: what is wrong with a scenario, and where. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
}

/** `5 calls`, `1 call`. */
const callCount = z.pipe(
  z.string().check(z.regex(/^[1-9]\d{0,8} calls?$/, 'must read "5 calls"')),
  z.transform((text: string) => Number.parseInt(text, 10)),
);

const stepSchema = z
  .strictObject({
    note: z.optional(z.string()),
    /** Since the start. */
    at: z.optional(durationMs),
    /** So many calls since the start, of any method or of one. */
    after: z.optional(callCount),
    of: z.optional(z.string()),
    ...changeFields,
  })
  .check(
    z.refine(({ at, after }) => (at === undefined) !== (after === undefined), 'needs either at: (30s) or after: (5 calls)'),
    z.refine(({ after, of }) => of === undefined || after !== undefined, 'of: goes with after:'),
  );

const scenarioSchema = z.strictObject({
  note: z.optional(z.string()),
  /** Domains of further tenants, beside the first. */
  tenants: z.optional(z.array(z.string().check(z.minLength(1)))),
  ...changeFields,
  steps: z.optional(z.array(stepSchema)),
});

/** How the stand-in is at its start, and what changes when. */
export type Scenario = z.output<typeof scenarioSchema>;
export type ScenarioStep = z.output<typeof stepSchema>;

/**
 * Reads a scenario: YAML, of which JSON is a part.
 *
 * @throws ScenarioError for a file that is not there or wrong, with the line where that can be told.
 */
export function readScenario(path: string | URL): Scenario {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ScenarioError(`the scenario ${path} cannot be read: ${(error as Error).message}`);
  }
  return parseScenario(text, String(path));
}

/** As `readScenario`, of text; `name` is what sentences call it. */
export function parseScenario(text: string, name: string): Scenario {
  let documents: unknown[];
  try {
    documents = loadAll(text, { schema: CORE_SCHEMA });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const line = error.mark === undefined ? '' : `, line ${error.mark.line + 1}`;
    throw new ScenarioError(`the scenario ${name}${line} is not valid YAML: ${error.reason}`);
  }
  if (documents.length > 1) throw new ScenarioError(`the scenario ${name} must be one YAML document, not ${documents.length}`);
  const result = z.safeParse(scenarioSchema, documents[0] ?? {}, { error: z.locales.en().localeError });
  if (result.success) return result.data;
  const { path, message } = finest(result.error.issues);
  const line = lineOf(text, path);
  const where = path.length === 0 ? 'at the top' : `at ${path.join('.')}`;
  throw new ScenarioError(`the scenario ${name}${line === undefined ? '' : `, line ${line}`} is wrong ${where}: ${message}`);
}

/** The first of the issues; of a value that may be one of several things, what is wrong with the thing that it comes nearest to. */
function finest(
  issues: readonly z.core.$ZodIssue[],
  around: readonly PropertyKey[] = [],
): { path: readonly PropertyKey[]; message: string } {
  const [issue] = issues;
  if (issue === undefined) return { path: around, message: 'it cannot be read' };
  const path = [...around, ...issue.path];
  if (issue.code === 'invalid_union') {
    const near = issue.errors.toSorted((a, b) => (b[0]?.path.length ?? 0) - (a[0]?.path.length ?? 0))[0];
    if (near?.[0] !== undefined && near[0].path.length > 0) return finest(near, path);
  }
  if (issue.code === 'unrecognized_keys') return { path: [...path, ...issue.keys.slice(0, 1)], message: 'there is no such key' };
  return { path, message: issue.message };
}
