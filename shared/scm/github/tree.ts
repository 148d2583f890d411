import * as v from 'valibot';
import type { Tree } from '../source.ts';
import { type RawTreeEntry, sortEntries } from '../tree-entries.ts';
import type { GitHubClient, RepositoryPath } from './client.ts';

/**
 * A recursive tree ends at 100,000 entries or 7 MB (GitHub's description of `git/trees`). Where it was cut, folders are asked one by
 * one, with at most this many calls: 4 % of the smallest hourly limit of an installation (5,000), and enough for some ten million
 * files in even folders.
 */
const TREE_MAX_CALLS = 200;
/** GitHub allows 100 at once for everything that a token does. */
const CALLS_AT_ONCE = 4;

const treeSchema = v.object({
  truncated: v.boolean(),
  tree: v.array(v.object({ path: v.string(), mode: v.string(), sha: v.string(), size: v.optional(v.pipe(v.number(), v.safeInteger())) })),
});
type TreeAnswer = v.InferOutput<typeof treeSchema>;

interface Folder {
  /** Of the commit's root: empty. Else with a `/` at its end. */
  readonly prefix: string;
  readonly sha: string;
}

/** All files of a commit, as far as GitHub tells them within `TREE_MAX_CALLS`. Whatever is missing makes the tree incomplete. */
export async function readTree(path: RepositoryPath, commit: string, client: GitHubClient): Promise<Tree> {
  const raw: RawTreeEntry[] = [];
  const problems: { readonly reason: string; readonly retryable: boolean }[] = [];
  let calls = 0;
  let unasked = 0;

  async function ask({ prefix, sha }: Folder, recursive: boolean): Promise<TreeAnswer | undefined> {
    if (calls === TREE_MAX_CALLS) {
      unasked += 1;
      return undefined;
    }
    calls += 1;
    const parameters = { ...path, tree_sha: sha, ...(recursive ? { recursive: '1' } : {}) };
    const answer = await client.get('/repos/{owner}/{repo}/git/trees/{tree_sha}', parameters, treeSchema);
    if (answer.ok) return answer.data;
    problems.push({ reason: `${prefix || 'the root folder'}: ${answer.reason}`, retryable: answer.retryable });
    return undefined;
  }

  function take({ prefix }: Folder, { tree }: TreeAnswer): void {
    for (const { path: name, mode, sha, size } of tree) {
      raw.push({ path: prefix + name, mode, sha, ...(size === undefined ? {} : { sizeBytes: size }) });
    }
  }

  /** Reads a folder whole, or its own files, and returns the folders in it that are still to be read. */
  async function readFolder(folder: Folder): Promise<readonly Folder[]> {
    const whole = await ask(folder, true);
    if (!whole) return [];
    if (!whole.truncated) {
      take(folder, whole);
      return [];
    }
    const level = await ask(folder, false);
    if (!level) return [];
    take(folder, level);
    if (level.truncated)
      problems.push({ reason: `${folder.prefix || 'the root folder'}: GitHub does not list it whole`, retryable: false });
    return level.tree.filter(({ mode }) => mode === '040000').map(({ path: name, sha }) => ({ prefix: `${folder.prefix}${name}/`, sha }));
  }

  const open: Folder[] = [{ prefix: '', sha: commit }];
  while (open.length > 0) {
    const found = await Promise.all(open.splice(0, CALLS_AT_ONCE).map(readFolder));
    open.push(...found.flat());
  }

  if (unasked > 0) problems.push({ reason: `${unasked} folder(s) were not asked for after ${TREE_MAX_CALLS} calls`, retryable: false });
  const sorted = sortEntries(raw);
  if (problems.length === 0) return { ...sorted, complete: true };
  const reason = `commit ${commit} of ${path.owner}/${path.repo}: ${problems
    .slice(0, 3)
    .map((problem) => problem.reason)
    .join('; ')}`;
  const more = problems.length > 3 ? `; and ${problems.length - 3} more` : '';
  return { ...sorted, complete: false, reason: reason + more, retryable: problems.some(({ retryable }) => retryable) };
}
