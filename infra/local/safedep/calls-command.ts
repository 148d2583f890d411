import { parseArgs } from 'node:util';
import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import { type Section, sections, summary } from './page/sections.ts';
import type { StandInState } from './page/state.ts';
import { REMOTE_PATH } from './remote-control.ts';
import type { ServeSurroundings } from './serve.ts';

const USAGE = `usage: safedep calls [--url URL] [--json]

What a running stand-in was asked, and how it stands: calls by method, the last errors that it sent, report sessions, keys, sign-ins and
the steps of its scenario. Never a key or a token. The same as a page: its address in a browser.

  --url URL  where it runs; SAFEDEP_DATA_PLANE_URL where it is left out
  --json     the same as JSON, for programs

Exit codes: 0 done, 2 no stand-in there, 3 usage`;

/** It is on this machine, so that it answers soon or not at all, in milliseconds. */
const ANSWER_MAX_MS = 5_000;

/** `safedep calls`. Resolves to the exit code. */
export async function showCalls(
  args: readonly string[],
  { out, err }: Pick<ServeSurroundings, 'out' | 'err'>,
  variables: NodeJS.ProcessEnv,
): Promise<number> {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    err(`safedep calls: ${(error as Error).message.split('. ')[0]}\n\n${USAGE}`);
    return 3;
  }
  if (values.help) {
    out(USAGE);
    return 0;
  }
  const url = values.url ?? variables['SAFEDEP_DATA_PLANE_URL'];
  if (url === undefined || !URL.canParse(url)) {
    err(`safedep calls: ${url === undefined ? '--url is missing' : '--url is no address'}\n\n${USAGE}`);
    return 3;
  }
  const state = await fetchState(url);
  if (typeof state === 'string') {
    err(`safedep calls: no stand-in answers at ${new URL(url).origin}: ${state}. Start one: npm run cli -- safedep serve --port 9900`);
    return 2;
  }
  if (values.json) out(JSON.stringify(state, null, 2));
  else for (const line of ['Made up: a stand-in for SafeDep.', summary(state), ...sections(state).flatMap(toLines)]) out(line);
  return 0;
}

function parse(args: readonly string[]) {
  const options = { url: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } } as const;
  return parseArgs({ args: [...args], allowPositionals: false, options }).values;
}

/** The state, or why there is none. */
async function fetchState(url: string): Promise<StandInState | string> {
  try {
    const response = await fetch(new URL(`${REMOTE_PATH}state`, url), { signal: AbortSignal.timeout(ANSWER_MAX_MS) });
    const state = (await response.json()) as Partial<StandInState>;
    return state.madeUp ? (state as StandInState) : 'what answers there is something else';
  } catch (error) {
    const { cause, message } = error as Error;
    return cause instanceof Error ? cause.message : message;
  }
}

function toLines({ title, columns, rows, empty }: Section): string[] {
  const table = [columns.map(({ name }) => name), ...rows.map((row) => row.map(toTerminalText))];
  const widths = columns.map((_, index) => Math.max(...table.map((row) => row[index]?.length ?? 0)));
  const toLine = (row: readonly string[]) => {
    const cells = row.map((cell, index) => {
      const width = widths[index] ?? 0;
      return columns[index]?.kind === 'number' ? cell.padStart(width) : cell.padEnd(width);
    });
    return `  ${cells.join('  ')}`.trimEnd();
  };
  return ['', title, ...(rows.length === 0 ? [`  ${empty}`] : table.map(toLine))];
}
