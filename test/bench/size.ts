import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { FUNCTION_NAMES } from '../../infra/aws/bundle.ts';
import { functionLogicalId } from '../../infra/aws/constructs/logical-id.ts';
import { synthesise } from '../../infra/aws/synthesise.ts';
import { readTemplate } from '../../infra/local/engines/read-template.ts';
import { median, type Row, report } from './verdicts.ts';

const PROCESSES = 20;
const BYTES_MAX = 600_000;
const IMPORT_MAX_MS = 120;

const execute = promisify(execFile);

/** Milliseconds that a fresh process takes to import a module, by its own clock. */
async function importTimeMs(url: string, environment: NodeJS.ProcessEnv): Promise<number> {
  const script = `const start = performance.now(); await import(${JSON.stringify(url)}); console.log(performance.now() - start); process.exit();`;
  const { stdout } = await execute(process.execPath, ['--input-type=module', '--eval', script], { env: environment });
  return Number(stdout.trim().split('\n').at(-1));
}

async function importTimesMs(url: string, environment: NodeJS.ProcessEnv): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < PROCESSES; index += 1) times.push(await importTimeMs(url, environment));
  return times;
}

/** `npm run bench -- size`: what a cold start loads, without a compile cache. */
export async function run(): Promise<boolean> {
  const { stackName, template, assets } = await synthesise();
  const plan = readTemplate([{ stackName, template, assets }]);
  // What the local mode fills in; nothing is called while a module loads.
  const given = { AWS_REGION: 'us-east-1', SAFEDEP_ANSWERS: 'stand-in', SAFEDEP_DATA_PLANE_URL: 'http://127.0.0.1:9' };
  const empty = await importTimesMs('data:text/javascript,', {});
  const rows: Row[] = [{ what: 'no-op: an empty module', measured: `${median(empty).toFixed(1)} ms` }];
  for (const name of FUNCTION_NAMES) {
    const planned = plan.functions.find(({ logicalId }) => logicalId === functionLogicalId(name));
    const folder = assets[functionLogicalId(name)] ?? '';
    const file = join(folder, 'index.mjs');
    const sizes = await Promise.all((await readdir(folder)).map((entry) => stat(join(folder, entry))));
    const size = sizes.reduce((sum, entry) => sum + entry.size, 0);
    const times = await importTimesMs(pathToFileURL(file).href, { ...planned?.environment, ...given });
    const importMs = median(times);
    rows.push({
      what: name,
      measured: `${(size / 1000).toFixed(0)} kB, ${importMs.toFixed(0)} ms (${Math.min(...times).toFixed(0)}-${Math.max(...times).toFixed(0)})`,
      bar: `<= ${BYTES_MAX / 1000} kB, <= ${IMPORT_MAX_MS} ms`,
      passes: size <= BYTES_MAX && importMs <= IMPORT_MAX_MS,
    });
  }
  return report(`size: bundle, and median time of its import in ${PROCESSES} fresh processes, Node ${process.version}`, rows);
}
