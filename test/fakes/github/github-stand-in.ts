import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type GitTree, listRefs, objectType, readBlob, readTree } from './bare-git.ts';
import { type GitHubContract, loadGitHubContract } from './contract.ts';
import { pushPayload, signedDelivery } from './push-payload.ts';
import { repositoryDocument, type StandInRepository } from './repository-document.ts';

/** What the stand-in does wrong on purpose. All may be changed at any time. */
interface GitHubFaults {
  /** Calls whose path matches get this status, `times` times (for ever where absent). These answers are not held to the description. */
  answers: { path: RegExp; status: number; body?: unknown; headers?: Record<string, string>; times?: number }[];
  /** A recursive tree with more entries than this is cut there, and says so. */
  treeMaxEntries: number;
  /** A tree of one folder is cut there as well. */
  folderMaxEntries: number;
  /** Blobs that are answered with 200 and without their content. */
  blobsWithoutContent: Set<string>;
  /** Blobs that are answered with these bytes instead. */
  wrongBlobs: Map<string, Buffer>;
}

export interface GitHubStandIn {
  readonly apiUrl: string;
  /** Host in the addresses of repositories. */
  readonly host: string;
  /** The only token that it takes. */
  readonly token: string;
  readonly faults: GitHubFaults;
  /** Every call so far: `GET /repos/a/b 200`. */
  readonly calls: readonly string[];
  /** Where an exchange contradicted GitHub's own description. Hold it to `[]`. */
  readonly contractProblems: readonly string[];
  /** The old name redirects from now on. */
  rename(fullName: string, newFullName: string): void;
  /** Another repository takes a name. */
  add(repository: StandInRepository): void;
  /** Sends a push to a webhook as GitHub does, signed. */
  deliverPush(push: PushDelivery): Promise<{ readonly status: number; readonly body: string }>;
  close(): Promise<void>;
}

interface PushDelivery {
  readonly webhookUrl: string;
  readonly secret: string;
  readonly fullName: string;
  readonly ref: string;
  readonly before: string;
  readonly after: string;
  readonly deliveryId?: string;
}

export interface GitHubStandInOptions {
  readonly repositories: readonly StandInRepository[];
  readonly token: string;
  /** Address to listen on; default loopback. */
  readonly address?: string;
}

const HOST = 'github.example';

/** Its schemas are compiled at their first use: once for all stand-ins of a process. */
let description: Promise<GitHubContract | undefined> | undefined;

const isObjectName = (name: string): boolean => /^[0-9a-f]{40}$/.test(name);

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const problem = (status: number, message: string): Answer => ({
  status,
  body: { message, documentation_url: 'https://docs.github.example/rest', status: String(status) },
});

/** A real HTTP server that answers GitHub's REST calls out of bare git repositories, held to GitHub's own description where that is at hand. */
export async function startGitHubStandIn({ repositories, token, address = '127.0.0.1' }: GitHubStandInOptions): Promise<GitHubStandIn> {
  description ??= loadGitHubContract();
  const contract = await description;
  const known: StandInRepository[] = repositories.map((repository) => ({ ...repository }));
  const redirects = new Map<string, number>();
  const trees = new Map<string, GitTree>();
  const calls: string[] = [];
  const contractProblems: string[] = [];
  const faults: GitHubFaults = {
    answers: [],
    treeMaxEntries: 100_000,
    folderMaxEntries: 100_000,
    blobsWithoutContent: new Set(),
    wrongBlobs: new Map(),
  };
  let apiUrl = '';

  function find(fullName: string): StandInRepository | undefined {
    return known.find((repository) => repository.fullName.toLowerCase() === fullName.toLowerCase());
  }

  async function respond(request: IncomingMessage): Promise<Answer & { readonly isFault?: boolean }> {
    const url = new URL(request.url ?? '', apiUrl);
    const fault = faults.answers.find(({ path, times }) => path.test(url.pathname) && times !== 0);
    if (fault) {
      if (fault.times !== undefined) fault.times -= 1;
      return {
        ...problem(fault.status, 'Made to fail'),
        ...(fault.body === undefined ? {} : { body: fault.body }),
        headers: fault.headers ?? {},
        isFault: true,
      };
    }
    const { authorization } = request.headers;
    if (authorization === undefined) return problem(404, 'Not Found');
    if (authorization !== `Bearer ${token}`) return { ...problem(401, 'Bad credentials'), isFault: true };

    const byId = /^\/repositories\/(\d+)(\/.*)?$/.exec(url.pathname);
    const byName = /^\/repos\/([^/]+\/[^/]+)(\/.*)?$/.exec(url.pathname);
    const movedTo = byName?.[1] && !find(byName[1]) ? redirects.get(byName[1]) : undefined;
    if (movedTo !== undefined) {
      const location = `${apiUrl}/repositories/${movedTo}${byName?.[2] ?? ''}`;
      return { status: 301, headers: { location }, body: { message: 'Moved Permanently', url: location } };
    }
    const repository = byId ? known.find(({ id }) => id === Number(byId[1])) : find(byName?.[1] ?? '');
    if (!repository) return problem(404, 'Not Found');
    return answerBelow(repository, decodeURIComponent(byId?.[2] ?? byName?.[2] ?? ''), url.searchParams);
  }

  async function answerBelow(repository: StandInRepository, path: string, query: URLSearchParams): Promise<Answer> {
    const api = `${apiUrl}/repos/${repository.fullName}`;
    if (path === '') return { status: 200, body: repositoryDocument(apiUrl, HOST, repository) };
    const [, area, rest = ''] = /^\/git\/(ref|matching-refs|trees|blobs)\/(.*)$/.exec(path) ?? [];
    if (area === undefined) return problem(404, 'Not Found');
    if (area === 'ref' || area === 'matching-refs') {
      const all = await listRefs(repository.path);
      if (all.length === 0) return problem(409, 'Git Repository is empty.');
      const matching = all.filter(({ ref }) => ref.startsWith(`refs/${rest}`));
      const refs = matching.map(({ ref, type, sha }) => ({
        ref,
        node_id: `REF_${sha}`,
        url: `${api}/git/${encodeURIComponent(ref)}`,
        object: { type, sha, url: `${api}/git/${type}s/${sha}` },
      }));
      if (area === 'matching-refs') return { status: 200, body: refs };
      const exact = refs.find(({ ref }) => ref === `refs/${rest}`);
      return exact ? { status: 200, body: exact } : problem(404, 'Not Found');
    }
    return area === 'trees' ? answerTree(repository, api, rest, query) : answerBlob(repository, api, rest);
  }

  async function answerTree({ path }: StandInRepository, api: string, name: string, query: URLSearchParams): Promise<Answer> {
    const recursive = query.has('recursive');
    // What an object name names never changes.
    const key = `${path} ${name} ${recursive}`;
    const found = trees.get(key) ?? (await readTree(path, name, recursive));
    if (!found) return problem(404, 'Not Found');
    if (isObjectName(name)) trees.set(key, found);
    const { sha, lines } = found;
    const limit = recursive ? faults.treeMaxEntries : faults.folderMaxEntries;
    const tree = lines.slice(0, limit).map((line) => ({ ...line, url: `${api}/git/${line.type}s/${line.sha}` }));
    return { status: 200, body: { sha, url: `${api}/git/trees/${sha}`, tree, truncated: lines.length > limit } };
  }

  async function answerBlob({ path }: StandInRepository, api: string, sha: string): Promise<Answer & { readonly isFault?: boolean }> {
    if (!/^[0-9a-f]{40}$/.test(sha))
      return { status: 422, body: { message: 'The sha parameter must be exactly 40 characters', documentation_url: '' } };
    if ((await objectType(path, sha)) !== 'blob') return problem(404, 'Not Found');
    const bytes = faults.wrongBlobs.get(sha) ?? (await readBlob(path, sha));
    const facts = { sha, node_id: `B_${sha}`, size: bytes.byteLength, url: `${api}/git/blobs/${sha}` };
    if (faults.blobsWithoutContent.has(sha)) return { status: 200, body: { ...facts, content: null, encoding: null }, isFault: true };
    // GitHub breaks the lines of base64 after 60 characters.
    const content = bytes.toString('base64').replaceAll(/(.{60})/g, '$1\n');
    return { status: 200, body: { ...facts, content, encoding: 'base64' } };
  }

  function hold(request: IncomingMessage, { status, body }: Answer): void {
    // The address by id is real but stands in no description; it answers what the address by name does.
    const url = (request.url ?? '').replace(
      /^\/repositories\/(\d+)/,
      (_, id) => `/repos/${known.find((repository) => repository.id === Number(id))?.fullName}`,
    );
    const method = request.method ?? '';
    for (const each of contract?.exchange({ method, url, status, body }) ?? [])
      contractProblems.push(`${method} ${url} ${status}: ${each}`);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await respond(request);
    calls.push(`${request.method} ${request.url} ${answer.status}`);
    if (!answer.isFault) hold(request, answer);
    const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    response.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8', ...answer.headers }).end(text);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      contractProblems.push(`the stand-in failed: ${String(error)}`);
      response.writeHead(500).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    apiUrl,
    host: HOST,
    token,
    faults,
    calls,
    contractProblems,
    rename(fullName, newFullName) {
      const repository = find(fullName);
      if (!repository) throw new Error(`the stand-in has no repository ${fullName}`);
      redirects.set(fullName, repository.id);
      repository.fullName = newFullName;
    },
    add(repository) {
      known.push({ ...repository });
    },
    async deliverPush({ webhookUrl, secret, fullName, ref, before, after, deliveryId }) {
      const repository = find(fullName);
      if (!repository) throw new Error(`the stand-in has no repository ${fullName}`);
      const payload = pushPayload({
        host: HOST,
        repositoryId: repository.id,
        fullName,
        defaultBranch: repository.defaultBranch,
        ref,
        before,
        after,
      });
      const { headers, body } = signedDelivery('push', JSON.stringify(payload), secret, deliveryId);
      const response = await fetch(webhookUrl, { method: 'POST', headers, body, redirect: 'manual' });
      return { status: response.status, body: await response.text() };
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
