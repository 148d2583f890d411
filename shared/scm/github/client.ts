// Octokit's own client on top of it brings a JSON parser, GraphQL and hooks, which a function would load at every start.
import { endpoint } from '@octokit/endpoint';
import * as v from 'valibot';
import { issueText } from '../../model/schema-issue.ts';

/** GitHub answers or gives up within 10 s; a blob of 50 MB takes longer than that on a slow line. */
const CALL_TIMEOUT_MS = 30_000;
/** Before the one retry of a call that an outage ended. */
const RETRY_DELAY_MS = 500;
const USER_AGENT = 'safedep-watch';

/** The path parameters of every call below a repository. */
export type RepositoryPath = { readonly owner: string; readonly repo: string };

export interface GitHubClientPorts {
  /** The current token; `refresh` asks for one that was not cached, after a refusal. */
  token(options?: { readonly refresh: boolean }): Promise<string>;
  readonly nowMs: () => number;
}

/** An answer of the shape that was asked for, or why there is none. `status` is 0 where GitHub did not answer. */
export type GitHubAnswer<T> =
  | { readonly ok: true; readonly data: T }
  | { readonly ok: false; readonly status: number; readonly reason: string; readonly retryable: boolean };

export interface GitHubClient {
  /** `route` as GitHub documents it: `/repos/{owner}/{repo}`; parameters without a place in it become the query. */
  get<T>(route: string, parameters: Readonly<Record<string, string>>, schema: v.GenericSchema<unknown, T>): Promise<GitHubAnswer<T>>;
}

interface Failure {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
  readonly message: string;
}

/** Reads GitHub's REST API. An outage is retried once, a refused token once with a fresh one; nothing else. Never throws. */
export function createGitHubClient(apiUrl: string, { token, nowMs }: GitHubClientPorts): GitHubClient {
  const requestOf = endpoint.defaults({
    baseUrl: apiUrl.replace(/\/+$/, ''),
    headers: { accept: 'application/vnd.github+json', 'user-agent': USER_AGENT, 'x-github-api-version': '2022-11-28' },
  });

  async function once(route: string, parameters: Readonly<Record<string, string>>, refresh: boolean): Promise<{ data: unknown } | Failure> {
    let authorization: string;
    try {
      authorization = `Bearer ${await token({ refresh })}`;
    } catch (error) {
      return { status: 0, headers: {}, message: `the token could not be read: ${errorMessage(error)}` };
    }
    try {
      const { url, headers } = requestOf(`GET ${route}`, { ...parameters, headers: { authorization } });
      const answer = await fetch(url, { headers: headers as Record<string, string>, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
      const data = parseBody(await answer.text());
      if (answer.ok) return { data };
      return { status: answer.status, headers: Object.fromEntries(answer.headers), message: toldBy(data) };
    } catch (error) {
      return { status: 0, headers: {}, message: whyNoAnswer(error) };
    }
  }

  return {
    async get(route, parameters, schema) {
      let outcome = await once(route, parameters, false);
      if ('status' in outcome && isOutage(outcome.status)) {
        await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
        outcome = await once(route, parameters, false);
      } else if ('status' in outcome && outcome.status === 401) {
        outcome = await once(route, parameters, true);
      }
      if ('status' in outcome) return { ok: false, status: outcome.status, ...meaning(outcome, nowMs()) };
      const parsed = v.safeParse(schema, outcome.data);
      if (parsed.success) return { ok: true, data: parsed.output };
      // A body that was cut off reaches us as text, or as nothing.
      const what = typeof outcome.data === 'string' ? 'no JSON' : issueText(parsed.issues[0]);
      return { ok: false, status: 0, reason: `GitHub answered something it does not document (${what})`, retryable: true };
    },
  };
}

const isOutage = (status: number): boolean => status === 0 || status >= 500;

/** JSON, or the text as it is: what was cut off is none. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** GitHub's own message of an error. */
function toldBy(data: unknown): string {
  const { message } = (typeof data === 'object' && data !== null ? data : {}) as { readonly message?: unknown };
  return errorMessage(typeof message === 'string' ? message : 'it gave no reason');
}

/** Behind `fetch failed` stands what the connection said. */
function whyNoAnswer(error: unknown): string {
  const { cause } = (error instanceof Error ? error : {}) as { readonly cause?: unknown };
  return errorMessage(cause instanceof Error && cause.message !== '' ? cause : error);
}

function errorMessage(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]?.slice(0, 200) ?? '';
}

/** What a failed call means for the reader, and whether to ask again later. */
function meaning({ status, headers, message }: Failure, nowMs: number): { readonly reason: string; readonly retryable: boolean } {
  if (status === 0) return { reason: `GitHub did not answer: ${message}`, retryable: true };
  if (status >= 500) return { reason: `GitHub answered ${status}`, retryable: true };
  if (status === 429 || (status === 403 && (headers['retry-after'] !== undefined || String(headers['x-ratelimit-remaining']) === '0'))) {
    const resetAtMs =
      headers['retry-after'] === undefined ? Number(headers['x-ratelimit-reset']) * 1000 : nowMs + Number(headers['retry-after']) * 1000;
    const until = Number.isFinite(resetAtMs) ? ` until ${isoTime(resetAtMs)}` : '';
    return { reason: `GitHub's rate limit is used up${until}`, retryable: true };
  }
  if (status === 401) return { reason: 'GitHub refused the token (401); renew it in its secret', retryable: false };
  if (status === 403) return { reason: `GitHub refused the call (403): ${firstSentence(message)}`, retryable: false };
  if (status === 404) return { reason: 'GitHub does not show it to this token (404)', retryable: false };
  return { reason: `GitHub answered ${status}: ${firstSentence(message)}`, retryable: false };
}

/** A header may hold any number, and a date cannot. */
function isoTime(atMs: number): string {
  const date = new Date(atMs);
  return Number.isNaN(date.getTime()) ? 'an unknown time' : date.toISOString();
}

/** GitHub's own message without the address of its documentation. */
function firstSentence(message: string): string {
  return message.split(' - https://')[0]?.slice(0, 200) ?? '';
}
