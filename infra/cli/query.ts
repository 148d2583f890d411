import { toTerminalText } from '../../shared/alerts/inert-text.ts';
import type { ControlPlaneClient } from '../../shared/safedep/control-plane-client.ts';
import { PAGE_MAX_ENTRIES, REPEATED_PAGE } from '../../shared/safedep/pages.ts';
import type { SqlPage, SqlSchema } from '../../shared/safedep/sql-query-client.ts';
import { openCredentialStore } from './auth/credential-store.ts';
import { controlPlane } from './auth/environment.ts';
import { profileName } from './auth/profile.ts';
import { signInForTenant } from './auth/sign-in.ts';
import { callError, parseLine, print, runCommand, say, terminalWidth, UsageError, wholeNumber } from './command.ts';
import { textTable } from './text-table.ts';

const USAGE = `usage: npm run cli -- query "SQL" [--json] [--page-size N] [--all | --page TOKEN] [--tenant T] [--profile NAME]
       npm run cli -- query --schema [--json] [--tenant T] [--profile NAME]

Asks SafeDep what it knows of your tenant, in its own SQL, by your sign-in (npm run cli -- auth login); an API key does not do.

On a terminal the rows are a table as wide as it; on a pipe they are JSON, one row a line; --json makes one document of them, with the
columns and the token of the next page. A page has N rows (1 to ${PAGE_MAX_ENTRIES}, as the default); --page goes on where another ended, --all asks for
all of them, one after another. --schema says which tables and columns there are, and SafeDep's rules for queries, such as:

  npm run cli -- query "SELECT packages.name, packages.version FROM packages WHERE packages.name = 'left-pad'"

Columns are written as table.column. What SafeDep finds wrong with a query is shown in its own words.

Exit codes: 0 done, 2 SafeDep not reachable, 3 usage, no sign-in or a refused query, 130 interrupted`;

const OPTIONS = {
  json: { type: 'boolean' },
  'page-size': { type: 'string' },
  all: { type: 'boolean' },
  page: { type: 'string' },
  schema: { type: 'boolean' },
  tenant: { type: 'string' },
  profile: { type: 'string' },
} as const;

/** `cli query`: resolves to the exit code. */
export function run(args: string[]): Promise<number> {
  return runCommand(USAGE, args, async (signal) => {
    const { values, positionals } = parseLine({ args, allowPositionals: true, options: OPTIONS });
    const { all = false, page, schema = false, json = false } = values;
    const [query, ...rest] = positionals;
    if (rest.length > 0) throw new UsageError('The query is one argument: put it in quotes.');
    if (schema === (query !== undefined)) throw new UsageError('query takes a query, or --schema.');
    if (schema && (all || page !== undefined || values['page-size'] !== undefined)) throw new UsageError('--schema has no pages.');
    if (all && page !== undefined) throw new UsageError('--all and --page do not go together.');
    const pageSize = values['page-size'] === undefined ? PAGE_MAX_ENTRIES : wholeNumber(values['page-size'], 'page-size', PAGE_MAX_ENTRIES);

    const store = await openCredentialStore(profileName(values.profile, process.env), process.env);
    const { accessToken, tenantId } = await signInForTenant(store, process.env, values.tenant);
    const client = controlPlane(process.env, accessToken, tenantId);
    try {
      if (query === undefined) return await showSchema(client, json, signal);
      const pages = pagesOf(client, { query, pageSize, pageToken: page ?? '', all }, signal);
      if (json) await printDocument(pages);
      else if (process.stdout.isTTY) await printTable(pages);
      else await printLines(pages);
      return 0;
    } finally {
      client.close();
    }
  });
}

interface PagesRequest {
  readonly query: string;
  readonly pageSize: number;
  readonly pageToken: string;
  readonly all: boolean;
}

/** One page, or all of them. Throws `CommandError`. */
async function* pagesOf(client: ControlPlaneClient, { all, ...request }: PagesRequest, signal: AbortSignal): AsyncGenerator<SqlPage> {
  const asked = new Set<string>();
  for (let pageToken = request.pageToken; ; ) {
    asked.add(pageToken);
    const result = await client.queryBySql({ ...request, pageToken }, signal);
    if (result.kind !== 'answered') throw callError('The query was not answered', result);
    yield result.response;
    pageToken = result.response.nextPageToken;
    if (!all || pageToken === '') return;
    if (asked.has(pageToken)) throw callError('The query was not answered', REPEATED_PAGE);
  }
}

/** One JSON row a line, as they come. */
async function printLines(pages: AsyncIterable<SqlPage>): Promise<void> {
  let nextPageToken = '';
  for await (const page of pages) {
    for (const row of page.rows) print(JSON.stringify(row));
    nextPageToken = page.nextPageToken;
  }
  sayMore(nextPageToken);
}

async function printDocument(pages: AsyncIterable<SqlPage>): Promise<void> {
  const { columns, rows, last } = await collected(pages);
  const generatedAt = last?.generatedAtMs === undefined ? null : new Date(last.generatedAtMs).toISOString();
  print(JSON.stringify({ version: 1, columns, rows, nextPageToken: last?.nextPageToken || null, generatedAt }, null, 2));
}

async function printTable(pages: AsyncIterable<SqlPage>): Promise<void> {
  const { columns, rows, last } = await collected(pages);
  const names = columns.map(({ name }) => name);
  const cells = rows.map((row) => names.map((name) => cellText(row[name])));
  if (rows.length > 0) for (const line of textTable(names.map(toTerminalText), cells, terminalWidth())) print(line);
  say(rows.length === 1 ? '1 row' : `${rows.length} rows`);
  sayMore(last?.nextPageToken ?? '');
}

async function collected(pages: AsyncIterable<SqlPage>) {
  const columns = new Map<string, SqlPage['columns'][number]>();
  const rows: SqlPage['rows'][number][] = [];
  let last: SqlPage | undefined;
  for await (const page of pages) {
    for (const column of page.columns) if (!columns.has(column.name)) columns.set(column.name, column);
    rows.push(...page.rows);
    last = page;
  }
  return { columns: [...columns.values()], rows, last };
}

function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return toTerminalText(typeof value === 'string' ? value : JSON.stringify(value));
}

function sayMore(nextPageToken: string): void {
  if (nextPageToken === '') return;
  // To be copied, so whole or not at all.
  const isPlain = /^[\x21-\x7e]+$/.test(nextPageToken);
  say(`There is more: ${isPlain ? `--page ${nextPageToken}` : '--page with the token that --json shows'} for the next page, or --all.`);
}

async function showSchema(client: ControlPlaneClient, json: boolean, signal: AbortSignal): Promise<number> {
  const asked = await client.getSqlSchema(signal);
  if (asked.kind !== 'answered') throw callError('SafeDep did not say what there is to query', asked);
  if (json) print(JSON.stringify(asked.response, null, 2));
  else for (const line of schemaLines(asked.response)) print(line);
  return 0;
}

function schemaLines({ tables, edges, rules, exampleQueries }: SqlSchema): string[] {
  const lines: string[] = [];
  for (const { name, description, columns, timeColumn, timeWindowMaxDays } of tables) {
    if (lines.length > 0) lines.push('');
    lines.push(toTerminalText(description === '' ? name : `${name}: ${description}`));
    if (timeColumn) lines.push(toTerminalText(`  time: ${timeColumn}${timeWindowMaxDays ? `, ${timeWindowMaxDays} days at most` : ''}`));
    const rows = columns.map((column) =>
      [`  ${column.name}`, column.type.toLowerCase(), usesOf(column), column.description].map(toTerminalText),
    );
    lines.push(...textTable(['  column', 'type', 'may be', 'what it is'], rows, terminalWidth()));
  }
  if (edges.length > 0)
    lines.push('', 'Joins', ...edges.map(({ from, to, cardinality }) => `  ${toTerminalText(`${from} - ${to}  ${cardinality}`)}`));
  if (rules.length > 0) lines.push('', 'Rules', ...rules.map((rule) => `  ${toTerminalText(rule)}`));
  if (exampleQueries.length > 0) lines.push('', 'Examples', ...exampleQueries.map((example) => `  ${toTerminalText(example)}`));
  return lines;
}

function usesOf(column: SqlSchema['tables'][number]['columns'][number]): string {
  const uses = { selected: column.selectable, filtered: column.filterable, grouped: column.groupable, aggregated: column.aggregatable };
  const named = Object.entries(uses).flatMap(([use, may]) => (may ? [use] : []));
  if (column.required) named.push('must be filtered');
  if (column.indexed) named.push('indexed');
  return named.join(', ');
}
