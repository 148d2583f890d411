import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import { InputDigests, ownInputs, REPOSITORY_ROOT, readIfThere, toInput } from './content-digest.ts';

/**
 * Bundles each function's handler into one ES module, the same bytes for AWS and for local mode.
 *
 * A bundle's folder is named by a digest of what went into it: the files that esbuild read outside `node_modules`, the lock file for
 * those within, and this script. So an unchanged function is found without esbuild, a changed one never overwrites the folder that
 * a running `npm start` takes its children from, and the asset's hash in the template moves only when the code does.
 */

export const FUNCTION_NAMES = ['webhook', 'extract', 'worker', 'results', 'report', 'alert', 'rescan', 'sweep', 'rotate'] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];

/** What a function runs in threads of their own: bundled beside its handler, under the name of the file. */
const THREADS: Readonly<Partial<Record<FunctionName, string>>> = { extract: 'shared/manifests/isolated/reader-thread.ts' };

/** Bar of the design, section 9: what Lambda has to load at a cold start. */
export const BUNDLE_MAX_BYTES = 600_000;

/** A bundle that has not been current for this long is deleted; younger ones may belong to a pipeline that still runs. */
const UNUSED_BUNDLE_MAX_AGE_MS = 7 * 24 * 3600 * 1000;

/**
 * Where the SDK looks for credentials when the environment has none. It imports them only then, and Lambda's environment always has
 * some; with them come clients of further services, a sixth of a bundle.
 */
const CREDENTIAL_SOURCES_OUTSIDE_LAMBDA = [
  '@aws-sdk/credential-provider-http',
  '@aws-sdk/credential-provider-ini',
  '@aws-sdk/credential-provider-process',
  '@aws-sdk/credential-provider-sso',
  '@aws-sdk/credential-provider-web-identity',
  '@smithy/credential-provider-imds',
];

/**
 * What answers and requests of event streams are read and written with. The SDK imports it only for an operation that has one, which
 * no service here does; and what is imported that way is kept whole by esbuild, with everything that it imports itself.
 */
const EVENT_STREAMS = '@smithy/core/event-streams';

const THIS_SCRIPT = toInput(fileURLToPath(import.meta.url));

export class BundleError extends Error {
  override readonly name = 'BundleError';
}

export interface BundleOptions {
  /** @default - the repository's `functions` */
  readonly functionsFolder?: string;
  /** @default - `.cache/bundles` in the repository */
  readonly cacheFolder?: string;
}

/** What a bundle was made of, beside it, so that the next call can tell whether it still holds. */
interface BundleRecord {
  readonly digest: string;
  readonly inputs: readonly string[];
}

/**
 * The folder of each function's bundle (`index.mjs`, handler `index.handler`), made where it is missing or stale. Throws `BundleError`
 * with esbuild's own messages where a handler does not compile, and names every handler that does not exist.
 */
export async function bundleFunctions(options: BundleOptions = {}): Promise<Record<FunctionName, string>> {
  const functionsFolder = resolve(options.functionsFolder ?? join(REPOSITORY_ROOT, 'functions'));
  const cacheFolder = resolve(options.cacheFolder ?? join(REPOSITORY_ROOT, '.cache', 'bundles'));

  const missing = FUNCTION_NAMES.filter((name) => !existsSync(entryPoint(functionsFolder, name)));
  if (missing.length > 0) {
    throw new BundleError(`no handler to bundle for ${missing.join(', ')}: expected ${join(functionsFolder, 'NAME', 'handler.ts')}`);
  }

  const digests = new InputDigests();
  const folders: Partial<Record<FunctionName, string>> = {};
  const stale: FunctionName[] = [];
  for (const name of FUNCTION_NAMES) {
    const folder = await currentBundle(join(cacheFolder, name), entryPoint(functionsFolder, name), digests);
    if (folder) folders[name] = folder;
    else stale.push(name);
  }
  if (stale.length > 0) Object.assign(folders, await build(stale, functionsFolder, cacheFolder));
  return folders as Record<FunctionName, string>;
}

function entryPoint(functionsFolder: string, name: FunctionName): string {
  return join(functionsFolder, name, 'handler.ts');
}

/** The files of a function's bundle as `NAME/FILE` without ending, and what each is made from: the handler first. */
function entryPoints(functionsFolder: string, name: FunctionName): (readonly [output: string, entry: string])[] {
  const thread = THREADS[name];
  return [
    [`${name}/index`, entryPoint(functionsFolder, name)],
    ...(thread === undefined ? [] : [[`${name}/${basename(thread, '.ts')}`, join(REPOSITORY_ROOT, thread)] as const]),
  ];
}

async function currentBundle(folder: string, entry: string, digests: InputDigests): Promise<string | undefined> {
  const text = await readIfThere(join(folder, 'current.json'));
  if (!text) return undefined;
  const record = JSON.parse(text.toString()) as BundleRecord;
  // Of another functions folder with the same cache: says nothing about this handler.
  if (!record.inputs.includes(toInput(entry))) return undefined;
  const bundle = join(folder, record.digest);
  if ((await digests.of(record.inputs)) !== record.digest || !existsSync(join(bundle, 'index.mjs'))) return undefined;
  return bundle;
}

/**
 * Node's own modules by `require`: an `import` of one makes Node gather the names of all its exports, which for the thirty of a
 * bundle takes a tenth of its time to load.
 */
const builtInsByRequire: Plugin = {
  name: 'built-ins-by-require',
  setup(build) {
    const namespace = 'built-in';
    build.onResolve({ filter: /./ }, ({ path, kind }) =>
      kind !== 'require-call' && isBuiltin(path) ? { path, namespace, sideEffects: false } : undefined,
    );
    build.onLoad({ filter: /./, namespace }, ({ path }) => ({ contents: `module.exports = require(${JSON.stringify(path)});` }));
  },
};

async function build(
  names: readonly FunctionName[],
  functionsFolder: string,
  cacheFolder: string,
): Promise<Partial<Record<FunctionName, string>>> {
  const esbuild = await import('esbuild');
  const result = await esbuild
    .build({
      absWorkingDir: REPOSITORY_ROOT,
      entryPoints: Object.fromEntries(names.flatMap((name) => entryPoints(functionsFolder, name))),
      outdir: REPOSITORY_ROOT,
      outExtension: { '.js': '.mjs' },
      write: false,
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'node',
      target: 'node24',
      // The SDK's ES modules shake to two thirds of the size of what `main` brings.
      mainFields: ['module', 'main'],
      conditions: ['module', 'node'],
      external: [...CREDENTIAL_SOURCES_OUTSIDE_LAMBDA, EVENT_STREAMS],
      plugins: [builtInsByRequire],
      // CommonJS dependencies call require() for Node's own modules, which an ES module does not have.
      banner: { js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);" },
      charset: 'utf8',
      legalComments: 'none',
      metafile: true,
      logLevel: 'silent',
    })
    .catch((error: unknown) => {
      const messages = (error as { errors?: Parameters<typeof esbuild.formatMessagesSync>[0] }).errors;
      if (!messages) throw error;
      throw new BundleError(`the handlers do not bundle:\n${esbuild.formatMessagesSync(messages, { kind: 'error' }).join('').trim()}`);
    });

  // Fresh: a file may have changed between the look at the cache and the build.
  const digests = new InputDigests();
  const folders: Partial<Record<FunctionName, string>> = {};
  for (const name of names) {
    const files = new Map<string, Uint8Array>();
    const inputs = new Set([THIS_SCRIPT]);
    for (const [output, entry] of entryPoints(functionsFolder, name)) {
      const file = result.outputFiles.find(({ path }) => path === join(REPOSITORY_ROOT, `${output}.mjs`));
      if (!file) throw new BundleError(`esbuild made no output for ${entry}`);
      files.set(`${output.slice(name.length + 1)}.mjs`, file.contents);
      for (const input of ownInputs(result.metafile, toInput(entry))) inputs.add(input);
    }
    const digest = await digests.of([...inputs]);
    if (!digest) throw new BundleError(`a file that ${name} imports was deleted during the build; run it again`);
    folders[name] = await store(join(cacheFolder, name), { digest, inputs: [...inputs] }, files);
  }
  return folders;
}

/** Whole or not there: written aside and renamed, so that a second process never meets half a bundle. */
async function store(folder: string, record: BundleRecord, files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  const bundle = join(folder, record.digest);
  // A folder of this name holds the same bytes already, and a running pipeline may be reading them.
  if (!existsSync(join(bundle, 'index.mjs'))) {
    const aside = join(folder, `.${record.digest}.${process.pid}`);
    await mkdir(aside, { recursive: true });
    for (const [name, contents] of files) await writeFile(join(aside, name), contents);
    await rename(aside, bundle).catch(async (error: NodeJS.ErrnoException) => {
      await rm(aside, { recursive: true, force: true });
      // Another process was faster.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  }
  const recordAside = join(folder, `.current.${process.pid}`);
  await writeFile(recordAside, JSON.stringify(record));
  await rename(recordAside, join(folder, 'current.json'));
  await deleteUnused(folder, record.digest);
  return bundle;
}

async function deleteUnused(folder: string, current: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === current) continue;
    const path = join(folder, entry.name);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > UNUSED_BUNDLE_MAX_AGE_MS) await rm(path, { recursive: true, force: true });
  }
}
