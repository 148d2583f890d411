import { readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ResultDocument } from '../../../../infra/local/scan/result-document.ts';
import type { Run } from '../../../../infra/local/scan/run-state.ts';
import { scanOnce } from '../../../../infra/local/scan/scan-once.ts';
import { createFunctionLog } from '../../../../infra/local/terminal/function-log.ts';
import { resolveRepositories } from '../../../../infra/local/watch/resolve-repository.ts';
import type { Finding } from '../../../../shared/model/finding.ts';
import type { RefId } from '../../../../shared/model/repository.ts';
import { DEFAULT_SETTINGS } from '../../../../shared/model/settings/settings.ts';
import { readGitPush } from '../../../../shared/scm/git/push.ts';
import { commitFiles, initRepository, temporaryFolder } from '../../../fakes/temporary-repository.ts';

/**
 * One run over several repositories, in front of a pipeline that takes or refuses their pushes and has, or never gets, their scans.
 * Its clock stands until what can be scanned is read, and then goes fast: a push may wait for minutes.
 */

const SCHEMA = new URL('../../../../infra/local/scan/result.schema.json', import.meta.url);
const CLOCK_STEP_MS = 5_000;

/** What becomes of the pushes of a repository, by its name. */
type Fate = 'scanned' | 'never scanned' | 'refused';

const folder = temporaryFolder();
let fates: Record<string, Fate>;
let rejects: boolean;
let alerts: unknown[];
/** Repositories whose push was taken and is scanned, by id. */
let scanned: Map<string, { name: string; commit: string }>;
let commits: Map<string, string>;
/** Names of the repositories whose result is still to be read. */
let unread: Set<string>;
let server: Server;
let count = 0;

beforeEach(async () => {
  fates = {};
  rejects = false;
  alerts = [];
  scanned = new Map();
  commits = new Map();
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const headers = request.headers as Record<string, string>;
    const reading = readGitPush(
      { headers, document: JSON.parse(Buffer.concat(chunks).toString()) },
      { tenant: 'default', receivedAtMs: 0 },
    );
    if (reading.kind !== 'push') throw new Error(`not a push: ${reading.kind}`);
    const { repositoryName: name, ref } = reading.hint;
    const commit = commits.get(name) ?? '';
    if (fates[name] === 'scanned') {
      scanned.set(ref.repositoryId, { name, commit });
      alerts.push({ data: { repository: { repositoryId: ref.repositoryId, ref: ref.ref, commit } } });
    }
    response.writeHead(fates[name] === 'refused' ? 500 : 202).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});
afterAll(() => folder.remove());

const FINDING: Finding = {
  id: 'f1',
  factId: 'f1',
  kind: 'malware',
  severity: 'critical',
  packageVersion: { ecosystem: 'NPM', name: 'evil', version: '1.0.0' },
  primaryId: 'A1',
  title: 'steals',
  decision: 'reject',
  decisionReason: 'malware, verified',
  lockFiles: ['package-lock.json'],
};

const stores = {
  inventory: {
    readRef: async ({ repositoryId }: RefId) => {
      const found = scanned.get(repositoryId);
      const facts = {
        generation: 1,
        readingDigest: '',
        pageCount: 1,
        problems: [],
        deleted: false,
        repositoryUrl: '',
        isDefaultBranch: true,
      };
      return found && { snapshot: { ...facts, commit: found.commit, repositoryName: found.name } };
    },
    readLockFiles: async () => [],
  },
  scans: { read: async () => ({ startedAtMs: 0, batchCount: 0, openBatches: new Set(), outcome: { status: 'complete', reasons: [] } }) },
  insights: { read: async () => new Map() },
  findings: {
    readAll: async ({ repositoryId }: RefId) => {
      unread.delete(scanned.get(repositoryId)?.name ?? '');
      return rejects ? [{ finding: FINDING, state: 'open' }] : [];
    },
  },
};

/** Makes a repository for each fate, runs, and resolves to what came out. */
async function scan(wanted: Record<string, Fate>, beforeScan: (paths: readonly string[]) => void = () => undefined) {
  fates = wanted;
  unread = new Set(Object.keys(wanted).filter((name) => wanted[name] === 'scanned'));
  count += 1;
  const paths = Object.keys(wanted).map((name) => {
    const path = initRepository(join(folder.path, String(count), name));
    commits.set(name, commitFiles(path, { a: name }));
    return path;
  });
  const repositories = await resolveRepositories(paths);
  beforeScan(paths);
  const lines: string[] = [];
  let text = '';
  let clockMs = Date.now();
  const nowMs = () => {
    if (unread.size === 0) clockMs += CLOCK_STEP_MS;
    return clockMs;
  };
  const screen = {
    line: (line: string) => void lines.push(line),
    progress: () => undefined,
    clearProgress: () => undefined,
    paint: (_: unknown, line: string) => line,
  };
  const run = {
    screen,
    writeDocument: (document: string) => {
      text += document;
    },
    variables: {},
    signal: new AbortController().signal,
    nowMs,
    options: { once: true, json: true, report: false, paths },
    repositories,
    safedep: { answers: 'community' },
    pipeline: { webhookUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/git`, webhookSecret: 'secret', stores },
    settings: DEFAULT_SETTINGS,
    callsPerSecond: 20,
    functionLog: createFunctionLog(screen, nowMs),
    alerts,
  } as unknown as Run;
  const code = await scanOnce(run);
  const document = JSON.parse(text) as ResultDocument;
  const validate = new Ajv2020({ strict: false }).compile(JSON.parse(readFileSync(SCHEMA, 'utf8')));
  expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
  return { code, document, lines };
}

describe('one run over several repositories', () => {
  it('prints them all, in the order in which they were named', async () => {
    const { code, document } = await scan({ shop: 'scanned', api: 'scanned' });
    expect(document.repositories).toMatchObject([
      { repository: 'shop', status: 'complete', reasons: [], commit: commits.get('shop') },
      { repository: 'api', status: 'complete', reasons: [], commit: commits.get('api') },
    ]);
    expect(code).toBe(0);
  });

  it('calls a repository whose push became no scan incomplete, with the reason, beside the results of the others', async () => {
    const { code, document, lines } = await scan({ shop: 'never scanned', api: 'scanned' });
    expect(document.repositories).toMatchObject([
      {
        repository: 'shop',
        ref: 'refs/heads/main',
        commit: commits.get('shop'),
        status: 'incomplete',
        reasons: [expect.stringMatching(/^not scanned: the push was not read within 120 s/)],
        lockFiles: [],
        packages: [],
        findings: [],
      },
      { repository: 'api', status: 'complete' },
    ]);
    expect(lines.join('\n')).toMatch(/^shop main [0-9a-f]{7}: INCOMPLETE, not scanned: the push was not read/m);
    expect(code).toBe(2);
  });

  it('calls a repository whose push is refused incomplete, with what the webhook said', async () => {
    const { code, document } = await scan({ shop: 'scanned', api: 'refused' });
    expect(document.repositories).toMatchObject([
      { repository: 'shop', status: 'complete' },
      {
        repository: 'api',
        ref: 'refs/heads/main',
        commit: commits.get('api'),
        status: 'incomplete',
        reasons: [expect.stringMatching(/^not scanned: the push of refs\/heads\/main of api was not taken by the webhook: 500/)],
      },
    ]);
    expect(code).toBe(2);
  });

  it('calls a repository that can no longer be read incomplete, also where nothing of it is known', async () => {
    const { code, document, lines } = await scan({ shop: 'scanned', api: 'never scanned' }, ([, api]) =>
      rmSync(api ?? '', { recursive: true }),
    );
    expect(document.repositories).toMatchObject([
      { repository: 'shop', status: 'complete' },
      { repository: 'api', ref: 'HEAD', commit: '', status: 'incomplete', reasons: [expect.stringMatching(/^not scanned: /)] },
    ]);
    expect(lines.join('\n')).not.toContain('deleted');
    expect(document.seconds).toBeGreaterThanOrEqual(0);
    expect(code).toBe(2);
  });

  it('prints its document, with seconds, where not one repository was scanned', async () => {
    const { code, document } = await scan({ api: 'never scanned' }, ([api]) => rmSync(api ?? '', { recursive: true }));
    expect(document.repositories).toMatchObject([{ repository: 'api', status: 'incomplete' }]);
    expect(code).toBe(2);
  });

  it('exits by what the policy rejects also where another repository was not scanned', async () => {
    rejects = true;
    const { code, document } = await scan({ shop: 'scanned', api: 'refused' });
    expect(document.repositories.map(({ status }) => status)).toEqual(['complete', 'incomplete']);
    expect(code).toBe(1);
  });
});
