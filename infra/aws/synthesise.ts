import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type BundleOptions, bundleFunctions, FUNCTION_NAMES, type FunctionName } from './bundle.ts';
import { functionLogicalId } from './constructs/logical-id.ts';
import { InputDigests, ownInputs, REPOSITORY_ROOT, readIfThere, toInput } from './content-digest.ts';
import { mergeTemplates, type Template } from './merge-templates.ts';

export type { Template, TemplateOutput, TemplateResource } from './merge-templates.ts';

/** The deployed thing, for who runs it without AWS. */
export interface Synthesised {
  readonly stackName: string;
  /**
   * Both stacks as one template, without parameters, conditions and imports. Intrinsic functions in it are `Ref`, `Fn::GetAtt` and
   * `Fn::Join`, and the pseudo parameters `AWS::Partition`, `AWS::Region` and `AWS::AccountId`.
   */
  readonly template: Template;
  /** Folder with the bundled `index.mjs`, by the `S3Key` of a function's code. */
  readonly assets: Readonly<Record<string, string>>;
}

export interface SynthesiseOptions extends Pick<BundleOptions, 'functionsFolder'> {
  /** @default - `.cache` in the repository */
  readonly cacheFolder?: string;
}

interface TemplateRecord {
  readonly digest: string;
  readonly inputs: readonly string[];
  readonly template: Template;
}

/**
 * Bundles the functions and synthesises the template, each only where something that it was made from has changed: an unchanged
 * repository costs the reading of its sources, and loads neither esbuild nor the CDK. Throws `BundleError` as `bundleFunctions` does.
 */
export async function synthesise(options: SynthesiseOptions = {}): Promise<Synthesised> {
  const cacheFolder = resolve(options.cacheFolder ?? join(REPOSITORY_ROOT, '.cache'));
  const bundles = await bundleFunctions({ ...options, cacheFolder: join(cacheFolder, 'bundles') });
  const recordPath = join(cacheFolder, 'template.json');
  const template = (await cachedTemplate(recordPath)) ?? (await makeTemplate(bundles, cacheFolder, recordPath));
  return {
    stackName: 'safedep-watch',
    template,
    assets: Object.fromEntries(FUNCTION_NAMES.map((name) => [functionLogicalId(name), bundles[name]])),
  };
}

async function cachedTemplate(path: string): Promise<Template | undefined> {
  const text = await readIfThere(path);
  if (!text) return undefined;
  const record = JSON.parse(text.toString()) as TemplateRecord;
  return (await new InputDigests().of(record.inputs)) === record.digest ? record.template : undefined;
}

async function makeTemplate(bundles: Readonly<Record<FunctionName, string>>, cacheFolder: string, recordPath: string): Promise<Template> {
  const inputs = await templateInputs();
  // Before the synthesis: what changes during it makes the record stale, never wrong.
  const digest = await new InputDigests().of(inputs);
  const template = withCodeByLogicalId(mergeTemplates(await synthesiseStacks(bundles)));
  if (digest) {
    await mkdir(cacheFolder, { recursive: true });
    const aside = `${recordPath}.${process.pid}`;
    await writeFile(aside, JSON.stringify({ digest, inputs, template } satisfies TemplateRecord));
    await rename(aside, recordPath);
  }
  return template;
}

const WORKER_URL = new URL('./synthesise-worker.ts', import.meta.url);

async function templateInputs(): Promise<string[]> {
  const { build } = await import('esbuild');
  const worker = toInput(fileURLToPath(WORKER_URL));
  const { metafile } = await build({
    absWorkingDir: REPOSITORY_ROOT,
    entryPoints: [worker, toInput(import.meta.filename)],
    outdir: REPOSITORY_ROOT,
    write: false,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    metafile: true,
  });
  return [...new Set([...ownInputs(metafile, worker), ...ownInputs(metafile, toInput(import.meta.filename))])];
}

/** In a thread of its own: the CDK takes seconds and some hundred megabytes, which go with the thread. */
async function synthesiseStacks(bundles: Readonly<Record<FunctionName, string>>): Promise<Template[]> {
  const outdir = await mkdtemp(join(tmpdir(), 'safedep-watch-synth-'));
  try {
    return await new Promise<Template[]>((done, fail) => {
      const worker = new Worker(WORKER_URL, { workerData: { bundles, outdir } });
      worker.once('message', done);
      worker.once('error', fail);
      worker.once('exit', (code) => fail(new Error(`the synthesis ended with code ${code} and without a template`)));
    });
  } finally {
    await rm(outdir, { recursive: true, force: true });
  }
}

/** An asset's own key is a hash of the code: with it every change of a handler would be a change of the template. */
function withCodeByLogicalId(template: Template): Template {
  const resources = Object.entries(template.Resources).map(([logicalId, resource]) => {
    if (resource.Type !== 'AWS::Lambda::Function') return [logicalId, resource] as const;
    const code = { S3Bucket: 'bundles', S3Key: logicalId };
    return [logicalId, { ...resource, Properties: { ...resource.Properties, Code: code } }] as const;
  });
  return { ...template, Resources: Object.fromEntries(resources) };
}
