import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readManifest } from '../../shared/manifests/read-manifest.ts';
import { formatOnRequest } from '../../shared/manifests/registry.ts';
import { DEFAULT_SETTINGS } from '../../shared/model/settings/settings.ts';
import { type BareParse, bareParseOf } from './bare-parse.ts';
import { median, type Row, report } from './verdicts.ts';

/** Real lock files of public repositories, in a folder for each format. */
const CORPUS = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url));
/** A group of less says more about the first call than about the reader. */
const GROUP_MIN_BYTES = 100_000;
const WARM_UP_MS = 400;
const SAMPLES = 5;
const SAMPLE_MS = 120;

interface CorpusFile {
  /** Its path in a repository of its own. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

interface Group {
  readonly name: string;
  readonly format: string;
  readonly files: readonly CorpusFile[];
  readonly sizeBytes: number;
}

interface Measured extends Omit<Group, 'files'> {
  readonly packages: number;
  readonly megabytesPerSecond: number;
  readonly packagesPerSecond: number;
  /** Absent for a format of lines, of which there is no parser to compare with. */
  readonly bare?: { readonly parser: string; readonly megabytesPerSecond: number; readonly ratio: number; readonly bar: number };
}

/** The folders of the corpus whose files some format reads, large enough to measure. */
async function groupsOf(corpus: string, wanted: readonly string[]): Promise<Group[]> {
  const groups: Group[] = [];
  for (const folder of (await readdir(corpus, { withFileTypes: true })).filter((entry) => entry.isDirectory())) {
    const files: CorpusFile[] = [];
    const formats = new Set<string>();
    const root = join(corpus, folder.name);
    for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
      if (!entry.isFile() || entry.name.endsWith('.tsv')) continue;
      const file = join(entry.parentPath, entry.name);
      // The first folder is the name of the repository, as the corpus has it.
      const path = file.slice(root.length + 1).replace(/^[^/]*\//, '');
      const format = formatOnRequest(path);
      if (!format) continue;
      formats.add(format.name);
      files.push({ path, bytes: await readFile(file) });
    }
    const sizeBytes = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const group = { name: folder.name, format: [...formats].join(', '), files, sizeBytes };
    if (folder.name === 'hostile' || sizeBytes < GROUP_MIN_BYTES) continue;
    if (wanted.length === 0 || wanted.some((text) => folder.name.includes(text))) groups.push(group);
  }
  return groups;
}

/** Reads every file of the group once; how many packages that gives. */
async function readAll({ files }: Group): Promise<number> {
  let packages = 0;
  for (const { path, bytes } of files) {
    const { content } = await readManifest(path, async (asked) => (asked === path ? bytes : undefined), DEFAULT_SETTINGS.reading);
    if (content.status === 'read') packages += content.packages.length;
  }
  return packages;
}

/**
 * Milliseconds of one pass of each, by passes in turns that take long enough together to be measured: whatever else the machine does
 * meets all of them alike.
 */
async function sample(passes: readonly (() => unknown)[], forMs: number): Promise<number[]> {
  const tookMs = passes.map(() => 0);
  for (let turns = 1; ; turns++) {
    for (const [index, pass] of passes.entries()) {
      const startMs = performance.now();
      await pass();
      tookMs[index] = (tookMs[index] ?? 0) + performance.now() - startMs;
    }
    if (tookMs.reduce((sum, ms) => sum + ms, 0) >= forMs) return tookMs.map((ms) => ms / turns);
  }
}

async function measure(group: Group, bare: BareParse | undefined): Promise<Measured> {
  const { files, ...facts } = group;
  const packages = await readAll(group);
  const parseAll = (): void => {
    for (const { path, bytes } of files) bare?.parse(bytes, path);
  };
  const passes = [() => readAll(group), ...(bare ? [parseAll] : [])];
  await sample(passes, WARM_UP_MS * passes.length);
  const samples: number[][] = [];
  for (let index = 0; index < SAMPLES; index++) samples.push(await sample(passes, SAMPLE_MS * passes.length));
  const oursMs = samples.map(([ms = Number.NaN]) => ms);
  const bareMs = samples.map(([, ms = Number.NaN]) => ms);
  const megabytes = group.sizeBytes / 1e6;
  const megabytesPerSecond = megabytes / (median(oursMs) / 1000);
  const measured = { ...facts, packages, megabytesPerSecond, packagesPerSecond: packages / (median(oursMs) / 1000) };
  if (!bare) return measured;
  const { parser, bar } = bare;
  const ofBare = megabytes / (median(bareMs) / 1000);
  return {
    ...measured,
    bare: { parser, megabytesPerSecond: ofBare, ratio: median(bareMs.map((ms, index) => ms / (oursMs[index] ?? Number.NaN))), bar },
  };
}

function rowOf({ name, format, sizeBytes, packages, megabytesPerSecond, packagesPerSecond, bare }: Measured): Row {
  const speed = `${megabytesPerSecond.toFixed(1).padStart(6)} MB/s  ${(packagesPerSecond / 1000).toFixed(0).padStart(5)} k packages/s`;
  const what = `${name}${name === format ? '' : ` (${format})`}, ${(sizeBytes / 1000).toFixed(0)} kB, ${packages} packages`;
  if (!bare) return { what, measured: `${speed}  lines: no parser to compare with` };
  const { parser, megabytesPerSecond: ofBare, ratio, bar } = bare;
  return {
    what,
    measured: `${speed}  ${ratio.toFixed(2).padStart(5)} x ${parser} (${ofBare.toFixed(1)} MB/s)`,
    bar: `>= ${bar} x`,
    passes: ratio >= bar,
  };
}

/** `npm run bench -- manifests [--format TEXT] [--json]`: how fast each format is read, beside a bare parse of the same bytes. */
export async function run(): Promise<boolean> {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: { format: { type: 'string', multiple: true }, json: { type: 'boolean' } },
  });
  if (!existsSync(CORPUS)) {
    process.stderr.write(`Nothing measured: this bench reads real lock files from ${CORPUS}, and there is no such folder.\n`);
    return false;
  }
  const results: Measured[] = [];
  for (const group of await groupsOf(CORPUS, values.format ?? [])) {
    results.push(await measure(group, bareParseOf(group.files)));
    process.stderr.write(`${group.name}\n`);
  }
  if (results.length === 0) {
    process.stderr.write(`Nothing measured: no folder of ${CORPUS} has ${GROUP_MIN_BYTES / 1000} kB that a format reads.\n`);
    return false;
  }
  const holds = results.every(({ bare }) => bare === undefined || bare.ratio >= bare.bar);
  if (!values.json) return report(`manifests: median of ${SAMPLES} after warm-up, Node ${process.version}`, results.map(rowOf));
  process.stdout.write(`${JSON.stringify({ node: process.version, formats: results }, null, 2)}\n`);
  return holds;
}
