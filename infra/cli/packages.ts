import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { toTerminalText } from '../../shared/alerts/inert-text.ts';
import { createIsolatedReader, type IsolatedReader } from '../../shared/manifests/isolated/isolated-reader.ts';
import { formatOnRequest } from '../../shared/manifests/registry.ts';
import { DEFAULT_SETTINGS, type Settings, SettingsError } from '../../shared/model/settings/settings.ts';
import { judgePoisoning } from '../../shared/policy/default-policy.ts';
import { readSettingsFile } from '../local/settings-file.ts';
import { createScreen } from '../local/terminal/screen.ts';
import { toCycloneDx } from './packages/cyclonedx-output.ts';
import { type FileReport, reportOn } from './packages/file-report.ts';
import { type FoundFile, findBelow, namedFile } from './packages/find-files.ts';
import { toJsonDocument, toJsonText, toPathAnswer } from './packages/json-output.ts';
import { purlLines, remarksOn, tableLines, tsvLines } from './packages/text-output.ts';

const OUTPUT_FORMATS = ['table', 'tsv', 'json', 'purl', 'cyclonedx'] as const;
type OutputFormat = (typeof OUTPUT_FORMATS)[number];

const USAGE = `usage: npm run cli -- packages FILE|FOLDER... [--format ${OUTPUT_FORMATS.join('|')}] [--config FILE]
       npm run cli -- packages --stdin-paths [--config FILE]

Shows what safedep-watch reads from lock files: every package version that a registry serves, and what is not looked up, with the
reason. It asks nobody and changes nothing.

  FILE           a lock file, an SBOM (CycloneDX, SPDX); also what only people ask for: go.sum, Dockerfile, any workflow file
  FOLDER         every lock file below it that the pipeline would read, and every manifest that none resolves; .git and
                 node_modules are left out, a link in place of one is not followed and counts as not read
  --format       table      for a person; the default on a terminal
                 tsv        ecosystem, name, version, file; remarks on stderr; the default on a pipe
                 json       everything that was read, in one document
                 purl       each package version once, as a package URL; remarks on stderr
                 cyclonedx  a CycloneDX 1.6 document; remarks on stderr
  --config FILE  the settings, safedep-watch.json: private names, ignored folders, limits, which signs of poisoning are rejected
  --stdin-paths  paths on stdin, one a line; for each one line of JSON on stdout:
                 {"path", "status": "ok"|"incomplete"|"error", "packages": [[ecosystem, name, version], ...], "warnings": [...], "error"?}

Remarks: unresolved (no exact version), unsupported (git, addresses), local (our own code), not looked up (SafeDep does not serve
the ecosystem), poisoning, warning, not read. Ecosystems go by OSV's labels. What a lock file names beside it is read, never from
outside its repository: the nearest folder above with .git, else the FOLDER given, else the folder above that of the FILE.

Examples
  npm run cli -- packages .
  npm run cli -- packages package-lock.json --format purl
  npm run cli -- packages ~/src/shop --format cyclonedx > bom.json

Exit codes: 0 everything was read; 1 a lock file shows signs of poisoning that the settings reject; 2 something could not be read;
3 usage, or a settings document that is none. With --stdin-paths 0: each answer has its own status.`;

const EXIT_POISONED = 1;
const EXIT_NOT_READ = 2;
const EXIT_USAGE = 3;

class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface Command {
  readonly paths: readonly string[];
  readonly outputFormat: OutputFormat;
  readonly stdinPaths: boolean;
  readonly configPath: string | undefined;
}

/** `cli packages`: shows what is read from lock files. Resolves to the exit code. */
export async function run(args: string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  try {
    const command = parseCommand(args);
    const settings = command.configPath === undefined ? DEFAULT_SETTINGS : await readSettingsFile(command.configPath);
    const reader = createIsolatedReader();
    try {
      return command.stdinPaths ? await answerPaths(reader, settings) : await show(command, reader, settings);
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof SettingsError)) throw error;
    process.stderr.write(`${error.message}${error instanceof UsageError ? '\n\nnpm run cli -- packages --help says more.' : ''}\n`);
    return EXIT_USAGE;
  }
}

/** Throws `UsageError`. */
function parseCommand(args: string[]): Command {
  const { values, positionals } = parseLine(args);
  const { format, config, 'stdin-paths': stdinPaths = false } = values;
  if (stdinPaths && (format !== undefined || positionals.length > 0))
    throw new UsageError('--stdin-paths takes its paths from stdin and has a format of its own: it goes with --config only.');
  if (!stdinPaths && positionals.length === 0) throw new UsageError('Name at least one lock file or folder.');
  const outputFormat = OUTPUT_FORMATS.find((known) => known === (format ?? (process.stdout.isTTY ? 'table' : 'tsv')));
  if (!outputFormat) throw new UsageError(`--format is one of ${OUTPUT_FORMATS.join(', ')}.`);
  return { paths: positionals, outputFormat, stdinPaths, configPath: config };
}

function parseLine(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { format: { type: 'string' }, config: { type: 'string' }, 'stdin-paths': { type: 'boolean' } },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Answers each path before it reads the next one. */
async function answerPaths(reader: IsolatedReader, settings: Settings): Promise<number> {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line === '') continue;
    const report = await reportOn(namedFile(line), reader, settings.reading);
    process.stdout.write(`${toJsonText(toPathAnswer(report))}\n`);
  }
  return 0;
}

async function show({ paths, outputFormat }: Command, reader: IsolatedReader, settings: Settings): Promise<number> {
  const screen = createScreen(process.stderr, Date.now);
  const progress = (text: string): void => {
    if (process.stderr.isTTY) screen.progress(toTerminalText(text));
  };
  const { files, notes, failures } = await findAll(paths, settings, progress);
  const reports: FileReport[] = [];
  for (const file of files) {
    progress(`${reports.length + 1} of ${files.length}: ${file.shown}`);
    reports.push(await reportOn(file, reader, settings.reading));
  }
  screen.clearProgress();
  const { out, aside } = await render(outputFormat, reports, notes, failures);
  process.stdout.write(out);
  for (const line of aside) process.stderr.write(`${toTerminalText(line)}\n`);
  return exitCodeOf(reports, failures, settings);
}

interface Found {
  readonly files: FoundFile[];
  readonly notes: string[];
  readonly failures: string[];
}

/** Throws `UsageError` on a file whose name says no known format. */
async function findAll(paths: readonly string[], settings: Settings, progress: (text: string) => void): Promise<Found> {
  const found: Found = { files: [], notes: [], failures: [] };
  for (const path of paths) {
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isDirectory()) {
      const below = await findBelow(path, settings.reading, (folder) => progress(`looking into ${folder}`));
      if (below.files.length === 0 && below.failures.length === 0) found.failures.push(`${path}: no lock file that is read here`);
      found.files.push(...below.files);
      found.notes.push(...below.notes);
      found.failures.push(...below.failures);
    } else {
      const file = namedFile(path);
      if (!formatOnRequest(file.path)) {
        const reason = stats ? 'is no lock file that is read here: its name says no known format' : 'is not there';
        throw new UsageError(`${path} ${reason}.`);
      }
      found.files.push(file);
    }
  }
  return found;
}

/** What goes to stdout, as it is, and the lines that stand beside it on stderr. */
async function render(
  outputFormat: OutputFormat,
  reports: readonly FileReport[],
  notes: readonly string[],
  failures: readonly string[],
): Promise<{ readonly out: string; readonly aside: readonly string[] }> {
  const beside = [...failures, ...notes];
  const remarks = reports.flatMap((report) => remarksOn(report).map((remark) => `${report.path}: ${remark}`));
  const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
  switch (outputFormat) {
    case 'table':
      return { out: text(tableLines(reports)), aside: beside };
    case 'tsv':
      return { out: text(tsvLines(reports)), aside: [...remarks, ...beside] };
    case 'purl':
      return { out: text(purlLines(reports)), aside: [...remarks, ...beside] };
    case 'json':
      return { out: `${toJsonText(toJsonDocument(reports, notes, failures), 2)}\n`, aside: [] };
    case 'cyclonedx': {
      const { default: manifest } = await import('../../package.json', { with: { type: 'json' } });
      const facts = { serialNumber: randomUUID(), writtenAt: new Date(), toolVersion: manifest.version, notes: beside };
      return { out: `${toJsonText(toCycloneDx(reports, facts), 2)}\n`, aside: [...remarks, ...beside] };
    }
  }
}

function exitCodeOf(reports: readonly FileReport[], failures: readonly string[], { policy }: Settings): number {
  const poisonings = reports.flatMap(({ content }) => (content.status === 'read' ? content.poisonings : []));
  if (poisonings.some(({ rule }) => judgePoisoning(rule, policy).decision === 'reject')) return EXIT_POISONED;
  return failures.length > 0 || reports.some(({ content }) => content.status === 'error') ? EXIT_NOT_READ : 0;
}
