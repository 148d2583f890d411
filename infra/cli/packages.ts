import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { toTerminalText } from '../../shared/alerts/inert-text.ts';
import { formatOf, readManifest, whyTooLarge } from '../../shared/manifests/registry.ts';
import { ECOSYSTEMS } from '../../shared/model/ecosystem.ts';
import type { ManifestContent, ManifestGap } from '../../shared/model/manifest.ts';
import type { PackageVersion } from '../../shared/model/package-version.ts';
import { DEFAULT_SETTINGS } from '../../shared/model/settings/settings.ts';

const USAGE = `usage: npm run cli -- packages FILE... [--json]
       npm run cli -- packages --batch        paths on stdin, one a line; one JSON object for each on stdout

Prints what is read from lock files: ecosystem, name and version of each registry package on stdout; what is no registry
package, and what is suspicious, on stderr. Files beside a lock file are read where it names them, those above its folder's
parent are not. Exit: 0 all read, 2 a file could not be read, 3 wrong use.`;

interface FileReport {
  readonly path: string;
  readonly format: string;
  /** `incomplete`: read, with gaps. */
  readonly status: 'ok' | 'incomplete' | 'error';
  readonly packages: readonly (readonly [ecosystem: string, name: string, version: string])[];
  readonly gaps: readonly ManifestGap[];
  readonly warnings: readonly string[];
  readonly reason?: string;
}

/** What we read from lock files on this machine. Settings are not applied. Returns the exit code. */
export async function run(args: string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(USAGE);
    return 0;
  }
  const parsed = parseOptions(args);
  if (typeof parsed === 'string') {
    console.error(`${parsed}\n${USAGE}`);
    return 3;
  }
  const { files, json, batch } = parsed;
  if (batch) return runBatch();
  const unknown = files.find((file) => !formatOf(manifestPathOf(file)));
  if (unknown !== undefined) {
    console.error(`${unknown} is no lock file that is read here: its name says no known format.`);
    return 3;
  }
  const reports: FileReport[] = [];
  for (const file of files) reports.push(await reportOn(file));
  if (json) console.log(JSON.stringify({ version: 1, files: reports }, null, 2));
  else for (const report of reports) print(report);
  return reports.some(({ status }) => status === 'error') ? 2 : 0;
}

function parseOptions(args: string[]): { files: string[]; json: boolean; batch: boolean } | string {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: 'boolean' }, batch: { type: 'boolean' } },
    });
    const { json = false, batch = false } = values;
    if (batch && (json || positionals.length > 0)) return '--batch takes its paths from stdin, and no other option.';
    if (!batch && positionals.length === 0) return 'Name at least one lock file.';
    return { files: positionals, json, batch };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function runBatch(): Promise<number> {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line === '') continue;
    const { path, status, packages, warnings, gaps, reason } = await reportOn(line);
    const reasons = gaps.map(({ name, requirement, reason: why }) => `${name} ${requirement}: ${why}`);
    console.log(
      JSON.stringify({ path, status, packages, warnings: [...warnings, ...reasons], ...(reason === undefined ? {} : { error: reason }) }),
    );
  }
  return 0;
}

/** The folder above that of the file is taken for the repository: enough for `requirements/dev.txt` and its `-r ../base.txt`. */
function manifestPathOf(file: string): string {
  const path = resolve(file);
  return `${basename(dirname(path))}/${basename(path)}`;
}

async function reportOn(file: string): Promise<FileReport> {
  const path = manifestPathOf(file);
  const format = formatOf(path);
  if (!format) return failed(file, 'none', 'its name says no known format');
  const root = dirname(dirname(resolve(file)));
  try {
    const tooLarge = whyTooLarge(format, (await stat(file)).size);
    if (tooLarge !== undefined) return failed(file, format.name, tooLarge);
    const { content } = await readManifest(path, (asked) => readIfThere(resolve(root, asked)), DEFAULT_SETTINGS.reading);
    return toReport(file, format.name, content);
  } catch (error) {
    if (isAbsence(error)) return failed(file, format.name, 'there is no such file');
    return failed(file, format.name, error instanceof Error ? error.message : String(error));
  }
}

function isAbsence(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

function toReport(path: string, format: string, content: ManifestContent): FileReport {
  if (content.status === 'error') return failed(path, format, content.reason);
  const { gaps, warnings } = content;
  return { path, format, status: gaps.length > 0 ? 'incomplete' : 'ok', packages: content.packages.map(toRow), gaps, warnings };
}

function toRow({ ecosystem, name, version }: PackageVersion): readonly [string, string, string] {
  return [ECOSYSTEMS[ecosystem].osvName, name, version];
}

function failed(path: string, format: string, reason: string): FileReport {
  return { path, format, status: 'error', packages: [], gaps: [], warnings: [], reason };
}

function print({ path, packages, gaps, warnings, reason }: FileReport): void {
  for (const row of packages) console.log(row.join('\t'));
  for (const { state, name, requirement, reason: why } of gaps)
    console.error(toTerminalText(`${path}: ${state}: ${[name, requirement].filter(Boolean).join(' ')}: ${why}`));
  for (const warning of warnings) console.error(toTerminalText(`${path}: warning: ${warning}`));
  if (reason !== undefined) console.error(toTerminalText(`${path}: not read: ${reason}`));
}
