import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App } from 'aws-cdk-lib';
import { FUNCTION_NAMES, type FunctionName } from '../../../infra/aws/bundle.ts';
import { makeApp } from '../../../infra/aws/make-app.ts';
import { mergeTemplates, type Template, type TemplateResource } from '../../../infra/aws/merge-templates.ts';
import type { PipelineOptions } from '../../../infra/aws/stacks/pipeline.ts';

export interface Stacks {
  readonly app: App;
  readonly state: Template;
  readonly pipeline: Template;
  /** Both, with imports resolved. */
  readonly merged: Template;
}

/** The real stacks around a handler that does nothing: what a template says does not depend on the code of its assets. */
export function synthesiseStacks(options: PipelineOptions): Stacks {
  const bundle = mkdtempSync(join(tmpdir(), 'safedep-watch-bundle-'));
  const outdir = mkdtempSync(join(tmpdir(), 'safedep-watch-out-'));
  try {
    writeFileSync(join(bundle, 'index.mjs'), 'export const handler = () => undefined;\n');
    const bundles = Object.fromEntries(FUNCTION_NAMES.map((name) => [name, bundle])) as Record<FunctionName, string>;
    const app = makeApp({ bundles, options, outdir });
    const [state, pipeline] = app.synth().stacks.map(({ template }) => template as Template);
    if (!state || !pipeline) throw new Error('expected two stacks');
    return { app, state, pipeline, merged: mergeTemplates([state, pipeline]) };
  } finally {
    rmSync(bundle, { recursive: true });
    rmSync(outdir, { recursive: true });
  }
}

export interface FoundResource {
  readonly logicalId: string;
  readonly resource: TemplateResource;
  /** Untyped, as a template is. */
  // biome-ignore lint/suspicious/noExplicitAny: a template's properties have no type worth writing down for an assertion
  readonly properties: any;
}

/** Throws where there is none: a rule over no resources would hold for ever. */
export function resourcesOfType(template: Template, type: string): FoundResource[] {
  const found = Object.entries(template.Resources)
    .filter(([, resource]) => resource.Type === type)
    .map(([logicalId, resource]) => ({ logicalId, resource, properties: resource.Properties ?? {} }));
  if (found.length === 0) throw new Error(`the template has no ${type}`);
  return found;
}

export function byId(resources: readonly FoundResource[], logicalId: string): FoundResource {
  const found = resources.find((resource) => resource.logicalId === logicalId);
  if (!found) throw new Error(`no ${logicalId} among ${resources.map((resource) => resource.logicalId).join(', ')}`);
  return found;
}
