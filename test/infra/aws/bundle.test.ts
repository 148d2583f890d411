import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BUNDLE_MAX_BYTES, BundleError, bundleFunctions, FUNCTION_NAMES } from '../../../infra/aws/bundle.ts';
import { packagesLoadedBy, writeSource, writeTinyFunctions } from './tiny-functions.ts';

const BUNDLE_MODULE = new URL('../../../infra/aws/bundle.ts', import.meta.url).href;

let folder: string;
let functionsFolder: string;
let cacheFolder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'safedep-watch-bundle-test-'));
  functionsFolder = join(folder, 'functions');
  cacheFolder = join(folder, 'cache');
  writeTinyFunctions(functionsFolder);
});

afterEach(() => rmSync(folder, { recursive: true }));

const bundle = (cache = cacheFolder) => bundleFunctions({ functionsFolder, cacheFolder: cache });
const call = async (bundleFolder: string): Promise<unknown> => {
  const module = (await import(join(bundleFolder, 'index.mjs'))) as { handler: () => Promise<unknown> };
  return module.handler();
};

describe('bundleFunctions', () => {
  it('makes one module per function that exports its handler', async () => {
    const folders = await bundle();
    expect(Object.keys(folders)).toEqual([...FUNCTION_NAMES]);
    for (const name of FUNCTION_NAMES) expect(await call(folders[name])).toBe(`this is ${name}`);
  });

  it('makes the same bytes again', async () => {
    const [first, second] = [await bundle(), await bundle(join(folder, 'other-cache'))];
    for (const name of FUNCTION_NAMES) {
      expect(readFileSync(join(second[name], 'index.mjs')).equals(readFileSync(join(first[name], 'index.mjs')))).toBe(true);
    }
  });

  it('finds unchanged bundles without esbuild', async () => {
    const statements = `
      const { bundleFunctions } = await import(${JSON.stringify(BUNDLE_MODULE)});
      await bundleFunctions(${JSON.stringify({ functionsFolder, cacheFolder })});`;
    expect(await packagesLoadedBy(statements, ['esbuild'])).toEqual(['esbuild']);
    expect(await packagesLoadedBy(statements, ['esbuild'])).toEqual([]);
  });

  it('makes the function anew of which a file has changed, and leaves the others and its earlier bundle', async () => {
    const before = await bundle();
    writeSource(functionsFolder, 'worker/name.ts', "export const name = 'somebody else';\n");
    const after = await bundle();
    expect(await call(after.worker)).toBe('this is somebody else');
    expect(await call(before.worker)).toBe('this is worker');
    for (const name of FUNCTION_NAMES) expect([name, after[name] === before[name]]).toEqual([name, name !== 'worker']);
  });

  it('makes every function anew when a file changes that only passes something on', async () => {
    await bundle();
    writeSource(functionsFolder, 'shared/index.ts', "export { name as greeting } from '../worker/name.ts';\n");
    const after = await bundle();
    expect(await call(after.sweep)).toBe('worker sweep');
  });

  it('takes up the earlier bundle when a change is taken back', async () => {
    const before = await bundle();
    writeSource(functionsFolder, 'worker/name.ts', "export const name = 'somebody else';\n");
    await bundle();
    const writtenAtMs = statSync(join(before.worker, 'index.mjs')).mtimeMs;
    writeSource(functionsFolder, 'worker/name.ts', "export const name = 'worker';\n");
    expect((await bundle()).worker).toBe(before.worker);
    expect(statSync(join(before.worker, 'index.mjs')).mtimeMs).toBe(writtenAtMs);
  });

  it('makes a bundle again that somebody deleted', async () => {
    const { alert } = await bundle();
    rmSync(alert, { recursive: true });
    expect(await call((await bundle()).alert)).toBe('this is alert');
  });

  it('lets bundled CommonJS require what Node brings', async () => {
    writeSource(functionsFolder, 'worker/legacy.cjs', "module.exports = require('os').EOL + require('node:path').sep;\n");
    writeSource(functionsFolder, 'worker/handler.ts', "import legacy from './legacy.cjs';\nexport const handler = async () => legacy;\n");
    expect(await call((await bundle()).worker)).toBe('\n/');
  });

  it('refuses a functions folder without some handlers, and names them all', async () => {
    rmSync(join(functionsFolder, 'worker'), { recursive: true });
    rmSync(join(functionsFolder, 'sweep', 'handler.ts'));
    await expect(bundle()).rejects.toThrow(
      `no handler to bundle for worker, sweep: expected ${join(functionsFolder, 'NAME', 'handler.ts')}`,
    );
  });

  it('refuses a handler that does not compile, with the place, and keeps nothing of it', async () => {
    writeSource(functionsFolder, 'worker/handler.ts', "import { nothing } from './nowhere.ts';\nexport const handler = nothing;\n");
    const failure: unknown = await bundle().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BundleError);
    expect(String(failure)).toMatch(/Could not resolve "\.\/nowhere\.ts"[\s\S]*worker\/handler\.ts:1/);
    expect(existsSync(join(cacheFolder, 'worker'))).toBe(false);
  });
});

describe('the bundles of the repository', () => {
  it(`have at most ${BUNDLE_MAX_BYTES / 1000} kB each`, async () => {
    const folders = await bundleFunctions({ cacheFolder });
    const sizes = FUNCTION_NAMES.map((name) => ({ name, bytes: statSync(join(folders[name], 'index.mjs')).size }));
    expect(sizes.filter(({ bytes }) => bytes > BUNDLE_MAX_BYTES)).toEqual([]);
  });
});
