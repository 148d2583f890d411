const ANY_COMMIT = /[0-9a-f]{40}/g;
const COMMIT = /^[0-9a-f]{40}$/;
/** The archive of a repository, as GitHub's interface has it. */
const REPOSITORY_ARCHIVE = /\/repos\/([^/?#]+\/[^/?#]+)\/zipball\//;
/** Owner and repository at the end of a git address. */
const REPOSITORY = /[/:]([^/:?#]+\/[^/:?#]+?)(?:\.git)?\/?$/;

interface FetchedArchive {
  /** Where the archive is fetched; empty for nowhere. */
  readonly address: string;
  /** The commit that the entry claims. */
  readonly reference: string;
  /** The git address that the entry names beside the archive. */
  readonly repository: string;
}

interface ArchiveMismatch {
  readonly rule: 'other-package' | 'other-version';
  readonly detail: string;
}

/** How the address of an archive contradicts its entry: it names another commit, or another repository than the source. */
export function findMismatch({ address, reference, repository }: FetchedArchive): ArchiveMismatch | undefined {
  if (address === '') return undefined;
  if (COMMIT.test(reference) && !address.includes(reference)) {
    const fetched = address.match(ANY_COMMIT);
    if (fetched) return { rule: 'other-version', detail: `is to be commit ${reference}, but ${fetched[0]} is fetched, from ${address}` };
  }
  const archive = REPOSITORY_ARCHIVE.exec(address)?.[1];
  if (archive === undefined || repository === '') return undefined;
  const source = REPOSITORY.exec(repository)?.[1];
  if (source === undefined || source.toLowerCase() === archive.toLowerCase()) return undefined;
  return { rule: 'other-package', detail: `is of the repository ${repository}, but that of ${archive} is fetched, from ${address}` };
}
