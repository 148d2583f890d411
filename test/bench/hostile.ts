import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { formatOnRequest } from '../../shared/manifests/registry.ts';
import { samplePaths } from '../shared/manifests/hostile-payloads.ts';
import type { HostileRun } from './hostile-process.ts';
import { type Row, report, seconds } from './verdicts.ts';

/** Bars of issue 5: time and memory of one hostile file. */
const MS_MAX = 5_000;
const MEGABYTES_MAX = 256;
/** A file that is ended at its limit of time ends a little after it: the thread is taken down. */
const ENDING_MS = 250;

const PROCESS = fileURLToPath(new URL('./hostile-process.ts', import.meta.url));

async function runsOf(path: string): Promise<HostileRun[]> {
  const child = spawn(process.execPath, ['--expose-gc', PROCESS, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const runs: HostileRun[] = [];
  for await (const line of createInterface({ input: child.stdout })) runs.push(JSON.parse(line) as HostileRun);
  return runs;
}

/** `npm run bench -- hostile [--path PATH]`: every hostile payload at the largest size that each format reads. */
export async function run(): Promise<boolean> {
  const { values } = parseArgs({ args: process.argv.slice(3), options: { path: { type: 'string', multiple: true } } });
  const rows: Row[] = [];
  for (const path of values.path ?? samplePaths()) {
    const runs = await runsOf(path);
    const slowest = runs.reduce((a, b) => (b.ms > a.ms ? b : a));
    const largest = runs.reduce((a, b) => (b.peakMegabytes > a.peakMegabytes ? b : a));
    const ended = runs.filter(({ end }) => end === 'ended');
    const lost = runs.filter(({ isNeighbourRead }) => !isNeighbourRead);
    const said = [
      `${seconds(slowest.ms)} (${slowest.payload})`,
      `${largest.peakMegabytes.toFixed(0)} MB (${largest.payload})`,
      `${ended.length} of ${runs.length} ended by a limit${ended.length > 0 ? `: ${ended.map(({ payload }) => payload).join(', ')}` : ''}`,
      ...(lost.length > 0 ? [`neighbour lost after ${lost.map(({ payload }) => payload).join(', ')}`] : []),
    ];
    rows.push({
      what: `${formatOnRequest(path)?.name ?? ''} ${path}, up to ${(Math.max(...runs.map(({ bytes }) => bytes)) / 1024 ** 2).toFixed(0)} MiB`,
      measured: said.join('; '),
      passes: slowest.ms <= MS_MAX + ENDING_MS && largest.peakMegabytes <= MEGABYTES_MAX && lost.length === 0,
    });
    process.stderr.write(`${path}: ${said.join('; ')}\n`);
  }
  return report(`hostile: each file <= ${MS_MAX / 1000} s and <= ${MEGABYTES_MAX} MB, its neighbour unaffected`, rows);
}
