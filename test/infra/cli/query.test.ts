import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { QueryService } from '#safedep-api/safedep/services/controltower/v2/query_pb.js';
import { run as auth } from '../../../infra/cli/auth.ts';
import { run } from '../../../infra/cli/query.ts';
import { authSurroundings, startControlPlane } from './auth-surroundings.ts';

const surroundings = authSurroundings();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  Object.defineProperty(process.stdout, 'isTTY', { value: undefined, configurable: true });
});

const ROWS = Array.from({ length: 5 }, (_, index) => ({ 'packages.name': `package-${index}`, 'packages.malware': index % 2 === 0 }));
const REFUSED = 'unknown column packages.nam: did you mean packages.name?';

/** Signed in at a control plane that pages through `ROWS`; resolves to what it was asked. */
async function queryable(nextPageToken: (end: number) => string = (end) => `after-${end}`) {
  const asked: { query: string; pageSize: number; pageToken: string }[] = [];
  const controlPlane = await startControlPlane(['one.example'], (router) => {
    router.service(QueryService, {
      queryBySql: ({ query, pageSize, pageToken }) => {
        asked.push({ query, pageSize, pageToken });
        if (query.includes('packages.nam ')) throw new ConnectError(REFUSED, Code.InvalidArgument);
        const from = Number(pageToken.replace(/\D/g, '') || 0);
        const rows = ROWS.slice(from, from + pageSize);
        const columns = ['packages.name', 'packages.malware'].map((name) => ({ name, type: 'COLUMN_TYPE_STRING' }));
        return { columns, rows, nextPageToken: from + pageSize < ROWS.length ? nextPageToken(from + pageSize) : '' };
      },
    });
  });
  closers.push(controlPlane.close);
  vi.stubEnv('SAFEDEP_CONTROL_PLANE_URL', controlPlane.url);
  await signIn();
  return asked;
}

async function signIn(): Promise<void> {
  expect(await auth(['login']), surroundings.output.stderr).toBe(0);
  surroundings.taken('stdout');
  surroundings.taken('stderr');
}

describe('cli query', () => {
  it('writes one JSON row a line on a pipe, and how to go on', async () => {
    const asked = await queryable();
    expect(await run(['SELECT packages.name FROM packages', '--page-size', '2']), surroundings.output.stderr).toBe(0);
    const lines = surroundings.taken('stdout').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(ROWS.slice(0, 2));
    expect(surroundings.taken('stderr')).toContain('--page after-2 ');
    expect(await run(['SELECT packages.name FROM packages', '--page-size', '2', '--page', 'after-4'])).toBe(0);
    expect(JSON.parse(surroundings.output.stdout)).toEqual(ROWS[4]);
    expect(surroundings.output.stderr).toBe('');
    expect(asked.map(({ pageSize, pageToken }) => [pageSize, pageToken])).toEqual([
      [2, ''],
      [2, 'after-4'],
    ]);
  });

  it('makes one document of all pages', async () => {
    await queryable();
    expect(await run(['SELECT packages.name FROM packages', '--page-size', '2', '--all', '--json'])).toBe(0);
    expect(JSON.parse(surroundings.output.stdout)).toEqual({
      version: 1,
      columns: [
        { name: 'packages.name', type: 'STRING' },
        { name: 'packages.malware', type: 'STRING' },
      ],
      rows: ROWS,
      nextPageToken: null,
      generatedAt: null,
    });
  });

  it('draws a table as wide as the terminal', async () => {
    await queryable();
    Object.defineProperty(process.stdout, 'isTTY', { value: true, configurable: true });
    Object.defineProperty(process.stdout, 'columns', { value: 23, configurable: true });
    expect(await run(['SELECT packages.name FROM packages', '--page-size', '1'])).toBe(0);
    expect(surroundings.output.stdout).toBe('packages.n…  packages.…\npackage-0    true\n');
    expect(surroundings.output.stderr).toContain('1 row');
  });

  it('ends where a server hands out page tokens in a circle', async () => {
    await queryable((end) => (end === 2 ? 'after-2' : 'after-0'));
    expect(await run(['SELECT packages.name FROM packages', '--page-size', '2', '--all'])).toBe(2);
    expect(surroundings.output.stderr).toContain('the list would never end');
  });

  it('shows what SafeDep finds wrong with a query in its own words', async () => {
    await queryable();
    expect(await run(['SELECT packages.nam FROM packages'])).toBe(3);
    expect(surroundings.output.stderr).toContain(REFUSED);
    expect(surroundings.output.stdout).toBe('');
  });

  it('shows tables and columns, of the stand-in too', async () => {
    await signIn();
    expect(await run(['--schema']), surroundings.output.stderr).toBe(0);
    expect(surroundings.taken('stdout')).toMatch(/column +type +may be +what it is/);
    expect(await run(['--schema', '--json'])).toBe(0);
    expect(JSON.parse(surroundings.output.stdout).tables.length).toBeGreaterThan(0);
  });

  it('refuses an API key in place of a sign-in', async () => {
    vi.stubEnv('SAFEDEP_API_KEY', surroundings.standIn.apiKey);
    vi.stubEnv('SAFEDEP_TENANT_ID', surroundings.standIn.tenantId);
    expect(await run(['SELECT packages.name FROM packages'])).toBe(3);
    expect(surroundings.output.stderr).toContain('auth login');
    vi.stubEnv('SAFEDEP_API_KEY', undefined);
    vi.stubEnv('SAFEDEP_TENANT_ID', undefined);
  });

  it.each([
    [[]],
    [['a', 'b']],
    [['a', '--schema']],
    [['a', '--all', '--page', 'x']],
    [['a', '--page-size', '101']],
    [['--schema', '--all']],
  ])('refuses %j as usage', async (args) => {
    expect(await run(args)).toBe(3);
    expect(surroundings.output.stderr).toContain('usage: npm run cli -- query');
  });
});
