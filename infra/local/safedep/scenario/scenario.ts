import { readFileSync } from 'node:fs';
import { CORE_SCHEMA, loadAll, YAMLException } from 'js-yaml';
import * as v from 'valibot';
import { toSchemaIssue } from '../../../../shared/model/schema-issue.ts';
import { changeFields, durationMs } from './change.ts';
import { lineOf } from './line-of.ts';

/** One sentence for the reader: what is wrong with a scenario, and where. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
}

/** `5 calls`, `1 call`. */
const callCount = v.pipe(
  v.string(),
  v.regex(/^[1-9]\d{0,8} calls?$/, 'must read "5 calls"'),
  v.transform((text: string) => Number.parseInt(text, 10)),
);

const stepSchema = v.pipe(
  v.strictObject({
    note: v.optional(v.string()),
    /** Since the start. */
    at: v.optional(durationMs),
    /** So many calls since the start, of any method or of one. */
    after: v.optional(callCount),
    of: v.optional(v.string()),
    ...changeFields,
  }),
  v.check(({ at, after }) => (at === undefined) !== (after === undefined), 'needs either at: (30s) or after: (5 calls)'),
  v.check(({ after, of }) => of === undefined || after !== undefined, 'of: goes with after:'),
);

const scenarioSchema = v.strictObject({
  note: v.optional(v.string()),
  /** Domains of further tenants, beside the first. */
  tenants: v.optional(v.array(v.pipe(v.string(), v.minLength(1)))),
  ...changeFields,
  steps: v.optional(v.array(stepSchema)),
});

/** How the stand-in is at its start, and what changes when. */
export type Scenario = v.InferOutput<typeof scenarioSchema>;
export type ScenarioStep = v.InferOutput<typeof stepSchema>;

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
  const result = v.safeParse(scenarioSchema, documents[0] ?? {});
  if (result.success) return result.output;
  const { path, message } = toSchemaIssue(result.issues[0]);
  const line = lineOf(text, path);
  const where = path.length === 0 ? 'at the top' : `at ${path.join('.')}`;
  throw new ScenarioError(`the scenario ${name}${line === undefined ? '' : `, line ${line}`} is wrong ${where}: ${message}`);
}
