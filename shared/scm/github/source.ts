import * as v from 'valibot';
import type { RepositoryId } from '../../model/repository.ts';
import { BLOB_MAX_BYTES, isObjectName, tooLarge, verifyBlob } from '../blob.ts';
import { type Head, type RepositorySource, SourceError, toUnreadable, unreadable } from '../source.ts';
import type { GitHubAnswer, GitHubClient, RepositoryPath } from './client.ts';
import { readTree } from './tree.ts';

const repositorySchema = v.object({
  id: v.pipe(v.number(), v.safeInteger()),
  full_name: v.string(),
  html_url: v.string(),
  default_branch: v.string(),
});
const refSchema = v.object({ ref: v.string(), object: v.object({ type: v.string(), sha: v.string() }) });
const blobSchema = v.object({
  sha: v.string(),
  size: v.nullable(v.pipe(v.number(), v.safeInteger())),
  content: v.nullable(v.string()),
  encoding: v.nullable(v.string()),
});

type Repository = v.InferOutput<typeof repositorySchema>;

/**
 * A repository on GitHub, through its REST API. The name only finds it; what counts is the numeric id, which is checked before
 * anything is read, and calls after that use the name that the repository has now.
 */
export function openGitHubSource(id: RepositoryId, repositoryName: string, client: GitHubClient): RepositorySource {
  let found: Promise<Repository> | undefined;

  function repository(): Promise<Repository> {
    found ??= findRepository(id, repositoryName, client);
    return found;
  }

  async function path(): Promise<RepositoryPath> {
    return divideName((await repository()).full_name);
  }

  return {
    async describe() {
      try {
        const { full_name, html_url, default_branch } = await repository();
        return { kind: 'repository', name: full_name, url: html_url, defaultBranch: `refs/heads/${default_branch}` };
      } catch (error) {
        return toUnreadable(error);
      }
    },

    async head(ref) {
      try {
        return await readHead(await path(), ref, client);
      } catch (error) {
        return toUnreadable(error);
      }
    },

    async tree(commit) {
      try {
        return await readTree(await path(), commit, client);
      } catch (error) {
        const { reason, retryable } = toUnreadable(error);
        return { complete: false, reason, retryable, entries: [], skipped: [] };
      }
    },

    async blob(sha) {
      if (!isObjectName(sha)) throw new SourceError(`${JSON.stringify(sha.slice(0, 100))} is not an object name`, false);
      const answer = await client.get('/repos/{owner}/{repo}/git/blobs/{file_sha}', { ...(await path()), file_sha: sha }, blobSchema);
      const { size, content, encoding } = take(answer, `blob ${sha}`);
      if (size !== null && size > BLOB_MAX_BYTES) throw tooLarge(sha, size);
      // Some servers leave the content of a large file out and still answer 200: that is no empty file.
      if (content === null || encoding !== 'base64') {
        throw new SourceError(`blob ${sha} came without its content (${size ?? 'unknown'} bytes, encoding ${encoding ?? 'null'})`, false);
      }
      const bytes = Buffer.from(content, 'base64');
      verifyBlob(sha, bytes);
      return bytes;
    },

    async close() {},
  };
}

function take<T>(answer: GitHubAnswer<T>, what: string): T {
  if (answer.ok) return answer.data;
  throw new SourceError(`${what} could not be read: ${answer.reason}`, answer.retryable);
}

function divideName(name: string): RepositoryPath {
  const [owner, repo, ...rest] = name.split('/');
  const isName = (part: string | undefined): part is string => part !== undefined && part !== '' && part !== '.' && part !== '..';
  if (!isName(owner) || !isName(repo) || rest.length > 0) {
    throw new SourceError(`${JSON.stringify(name.slice(0, 200))} is not the name of a GitHub repository`, false);
  }
  return { owner, repo };
}

async function findRepository(id: RepositoryId, name: string, client: GitHubClient): Promise<Repository> {
  // A renamed repository answers under its old name too, through a redirect that the client follows.
  const repository = take(await client.get('/repos/{owner}/{repo}', divideName(name), repositorySchema), `the repository ${name}`);
  if (String(repository.id) !== id.repositoryId) {
    throw new SourceError(`${name} is another repository by now (id ${repository.id}, expected ${id.repositoryId})`, false);
  }
  return repository;
}

async function readHead(path: RepositoryPath, ref: string, client: GitHubClient): Promise<Head> {
  const name = `${path.owner}/${path.repo}`;
  if (!ref.startsWith('refs/heads/')) return unreadable(`${JSON.stringify(ref.slice(0, 200))} is not a branch of ${name}`, false);
  const parameters = { ...path, ref: ref.slice('refs/'.length) };
  const answer = await client.get('/repos/{owner}/{repo}/git/ref/{ref}', parameters, refSchema);
  if (answer.ok && answer.data.ref === ref) return toHead(answer.data, name);
  if (!answer.ok && answer.status !== 404 && answer.status !== 409) {
    return unreadable(`${ref} of ${name} could not be read: ${answer.reason}`, answer.retryable);
  }
  // 404 is also what a token without the right to the contents sees. That the ref is absent needs an answer that says so: a list
  // without it, or that the repository is empty (409).
  const matching = await client.get('/repos/{owner}/{repo}/git/matching-refs/{ref}', parameters, v.array(refSchema));
  if (matching.ok) {
    const exact = matching.data.find((candidate) => candidate.ref === ref);
    return exact ? toHead(exact, name) : { kind: 'absent' };
  }
  if (matching.status === 409) return { kind: 'absent' };
  return unreadable(`${ref} of ${name} could not be read: ${matching.reason}`, matching.retryable);
}

function toHead({ ref, object }: v.InferOutput<typeof refSchema>, name: string): Head {
  if (object.type !== 'commit') return unreadable(`${ref} of ${name} points to a ${object.type}, not to a commit`, false);
  return { kind: 'commit', commit: object.sha };
}
