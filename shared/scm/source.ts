/**
 * What a scan needs of a forge: the head of a ref, the files of a commit, and their bytes. Whatever could not be read is said with
 * its reason; nothing is ever empty because it was not readable.
 */

/** A regular file of a commit. */
export interface TreeEntry {
  /** Repository-relative, divided by `/`. Bytes that are not UTF-8 appear as `\xNN`. A label, never a path to open. */
  readonly path: string;
  /** Object name of its blob, in hexadecimal: 40 digits, or 64 in a SHA-256 repository. */
  readonly sha: string;
  /** Absent where the provider does not tell it with the tree. */
  readonly sizeBytes?: number;
}

/** An entry that is never opened: what it points to lies elsewhere, or its path is one that no repository should have. */
export interface SkippedEntry {
  readonly path: string;
  readonly kind: 'symlink' | 'submodule' | 'unsafe-path' | 'unknown-mode';
}

export interface Unreadable {
  readonly kind: 'unreadable';
  /** One sentence for the reader: what, where, why. */
  readonly reason: string;
  /** Whether asking again later may help: an outage or a rate limit, against a refusal. */
  readonly retryable: boolean;
}

interface RepositoryDescription {
  readonly kind: 'repository';
  /** Name for people, as the forge has it now. */
  readonly name: string;
  readonly url: string;
  /** Full name; `HEAD` for a local repository whose head is detached. */
  readonly defaultBranch: string;
}

/** `absent` is a statement about the ref alone: the repository itself was readable when it was made. */
export type Head = { readonly kind: 'commit'; readonly commit: string } | { readonly kind: 'absent' } | Unreadable;

/** The files of one commit. Incomplete: some of them are missing from `entries`, and `reason` says which part and why. */
export type Tree = { readonly entries: readonly TreeEntry[]; readonly skipped: readonly SkippedEntry[] } & (
  | { readonly complete: true }
  | { readonly complete: false; readonly reason: string; readonly retryable: boolean }
);

/** One repository, open for reading. Never throws but where it is said; several calls may run at once. */
export interface RepositorySource {
  describe(): Promise<RepositoryDescription | Unreadable>;
  /** Where the ref points now. */
  head(ref: string): Promise<Head>;
  tree(commit: string): Promise<Tree>;
  /** The bytes of a blob, verified against its object name. Throws `SourceError`. */
  blob(sha: string): Promise<Uint8Array>;
  /** Ends what this source started. Nothing may be asked afterwards. */
  close(): Promise<void>;
}

/** Something that could not be read, in one sentence for the reader. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  /** Whether asking again later may help. */
  readonly retryable: boolean;

  constructor(sentence: string, retryable: boolean) {
    super(sentence);
    this.retryable = retryable;
  }
}

export function unreadable(reason: string, retryable: boolean): Unreadable {
  return { kind: 'unreadable', reason, retryable };
}

/** A `SourceError` as an answer. Anything else is a mistake of ours and is thrown on. */
export function toUnreadable(error: unknown): Unreadable {
  if (error instanceof SourceError) return unreadable(error.message, error.retryable);
  throw error;
}
