import { type InventoryStore, SnapshotGoneError } from '../../shared/inventory/dynamodb.ts';
import { lockFilesByPackage, packagesToAsk, readManifests, readSnapshot } from '../../shared/inventory/read-snapshot.ts';
import type { SnapshotFacts } from '../../shared/inventory/ref-item.ts';
import { UNLOCKED } from '../../shared/manifests/format.ts';
import type { ManifestReader } from '../../shared/manifests/manifest-reader.ts';
import { type Evaluate, type LookupBatch, type PushHint, toBatches } from '../../shared/messages/queue-messages.ts';
import { type PackageVersion, packageKey } from '../../shared/model/package-version.ts';
import type { RefId } from '../../shared/model/repository.ts';
import type { Settings } from '../../shared/model/settings/settings.ts';
import type { ScanStore } from '../../shared/scans/dynamodb.ts';
import { cutReasons } from '../../shared/scans/scan.ts';
import type { RepositorySource, Tree, TreeEntry } from '../../shared/scm/source.ts';
import { Patience } from './patience.ts';
import { readingOf, readLockFiles } from './read-lock-files.ts';

/**
 * A source that could not be read for this many receives (some 30 s of them) is unreadable for now: the scan says so, once, and is
 * incomplete. The push stays on its queue until the source is read: what the forge's rate limit or an outage kept from us is not lost.
 */
const SOURCE_ATTEMPTS = 6;
/** Times that a head is read again because somebody else swapped meanwhile; then the message comes back later. */
const SWAP_ATTEMPTS = 5;

export interface SnapshotPorts {
  readonly inventory: InventoryStore;
  readonly scans: ScanStore;
  readonly source: RepositorySource;
  readonly reader: ManifestReader;
  sendLookups(lane: PushHint['lane'], batches: readonly LookupBatch[]): Promise<void>;
  sendEvaluate(message: Evaluate): Promise<void>;
  nowMs(): number;
  /** How long an extract may live: younger scans than that may still be in the hands of another one. */
  readonly functionTimeoutMs: number;
  /** How often the push has been delivered, this time included. */
  readonly receiveCount: number;
  /** But for a first one no lock file is fetched after this: what was read is kept, and whoever comes next goes on from there. */
  readonly readUntilMs: number;
}

/**
 * `swapped-unread`: the snapshot says what could not be read, and that may be readable later. `out-of-time`: more lock files are left
 * to read than the time allowed; those that were read are kept.
 */
export type SnapshotResult = 'swapped' | 'swapped-unread' | 'unchanged' | 'superseded' | 'never-seen' | 'out-of-time';

/**
 * Reads the state of a ref and makes it the snapshot that counts (design, section 4, steps extract 1 to 4). Throws when the
 * source may answer later: the push then comes back.
 */
export async function takeSnapshot(hint: PushHint, settings: Settings, ports: SnapshotPorts): Promise<SnapshotResult> {
  for (let attempt = 0; attempt < SWAP_ATTEMPTS; attempt += 1) {
    const patience = new Patience(ports.receiveCount === SOURCE_ATTEMPTS);
    const result = await attemptSnapshot(hint, settings, { ...ports, patience }).catch((error: unknown) => {
      // Only a swap collects pages, so the base that they belonged to has been replaced.
      if (error instanceof SnapshotGoneError) return 'snapshot-changed' as const;
      throw error;
    });
    if (result === 'swapped' && patience.gaveUp) return 'swapped-unread';
    if (result !== 'snapshot-changed') return result;
  }
  throw new Error(`${hint.repositoryName} ${hint.ref.ref}: the snapshot changed ${SWAP_ATTEMPTS} times while it was read`);
}

export type AttemptPorts = SnapshotPorts & { readonly patience: Patience };

/** Each attempt has a generation of its own, so that the rows of one that came to nothing are never mistaken for those of the next. */
async function attemptSnapshot(hint: PushHint, settings: Settings, ports: AttemptPorts): Promise<SnapshotResult | 'snapshot-changed'> {
  const { inventory } = ports;
  const { ref } = hint;
  const { generation, snapshot: base } = await inventory.takeGeneration(ref);
  const state = await readState(hint, settings, base, ports);
  if (state === 'never-seen') return 'never-seen';
  if (base && (await isSettledAt(ref, base, state, settings, ports))) {
    const raised = await inventory.raiseSeen(ref, generation, base.generation);
    return raised === 'raised' ? 'unchanged' : raised;
  }
  return swapIn(hint, generation, state, base, settings, ports);
}

/** What the source says of the ref. */
export interface RefState {
  readonly commit: string;
  readonly entries: readonly TreeEntry[];
  readonly problems: readonly string[];
  /** The files could not be seen, or not all: what the base has and this lacks may still be there. */
  readonly keepsBase: boolean;
  readonly deleted: boolean;
  readonly name: string;
  readonly url: string;
  readonly isDefaultBranch: boolean;
}

async function readState(
  hint: PushHint,
  settings: Settings,
  base: SnapshotFacts | undefined,
  ports: AttemptPorts,
): Promise<RefState | 'never-seen'> {
  const { source } = ports;
  const description = await source.describe();
  const head = description.kind === 'unreadable' ? description : await source.head(hint.ref.ref);
  const known = {
    name: description.kind === 'repository' ? description.name : hint.repositoryName,
    url: description.kind === 'repository' ? description.url : (base?.repositoryUrl ?? ''),
    isDefaultBranch: description.kind === 'repository' ? description.defaultBranch === hint.ref.ref : (base?.isDefaultBranch ?? false),
  };
  if (head.kind === 'unreadable') {
    ports.patience.meet(head.reason, head.retryable);
    return { ...known, commit: base?.commit ?? '', entries: [], problems: [head.reason], keepsBase: true, deleted: false };
  }
  if (head.kind === 'absent') {
    if (!base) return 'never-seen';
    return { ...known, commit: '', entries: [], problems: [], keepsBase: false, deleted: true };
  }
  const tree = await source.tree(head.commit);
  if (!tree.complete) ports.patience.meet(tree.reason, tree.retryable);
  return {
    ...known,
    commit: head.commit,
    entries: tree.entries,
    problems: [
      ...(tree.complete ? [] : [tree.reason]),
      ...cutReasons(await findSkipped(tree, settings, ports), 'lock files that are not read'),
    ],
    keepsBase: !tree.complete,
    deleted: false,
  };
}

/** A lock file that is a symbolic link or has an unsafe path is never opened, and never passed over in silence. */
async function findSkipped(tree: Tree, settings: Settings, { reader }: SnapshotPorts): Promise<string[]> {
  const skipped = tree.skipped.filter(({ kind }) => kind !== 'submodule');
  if (skipped.length === 0) return [];
  // Among all others, since a manifest counts only where none of them resolves it.
  const lockFiles = await reader.find(
    [...tree.entries, ...skipped].map(({ path }) => path),
    settings.reading,
  );
  // A manifest resolves nothing, and what a link in its place leads to is read where that stands.
  const paths = new Set(lockFiles.filter(({ format }) => format !== UNLOCKED).map(({ path }) => path));
  return skipped
    .filter(({ path }) => paths.has(path))
    .map(({ path, kind }) => `${path}: not read, it is ${kind === 'symlink' ? 'a symbolic link' : 'no regular file with a safe path'}`);
}

/** Whether the ref item already says this, and its scan needs nobody: then there is nothing to do. */
async function isSettledAt(ref: RefId, base: SnapshotFacts, state: RefState, settings: Settings, ports: SnapshotPorts): Promise<boolean> {
  if (base.commit !== state.commit || base.deleted !== state.deleted || base.readingDigest !== readingOf(settings)) return false;
  // What events say of the repository, and who hears them, hangs on these.
  if (base.isDefaultBranch !== state.isDefaultBranch || base.repositoryName !== state.name || base.repositoryUrl !== state.url)
    return false;
  if (state.problems.length > 0 || base.problems.length > 0) return false;
  const scan = await ports.scans.read({ ref, generation: base.generation });
  if (!scan) return false;
  if (scan.outcome) return scan.outcome.status === 'complete';
  // An earlier attempt gave up on what could not be read then: the snapshot may lack it.
  if (ports.receiveCount > SOURCE_ATTEMPTS) return false;
  // Who took the push before may have swapped and failed after that, a second ago.
  const mayBeUnderWay = ports.receiveCount === 1 && ports.nowMs() - scan.startedAtMs < ports.functionTimeoutMs;
  return scan.sent || mayBeUnderWay;
}

async function swapIn(
  hint: PushHint,
  generation: number,
  state: RefState,
  base: SnapshotFacts | undefined,
  settings: Settings,
  ports: AttemptPorts,
): Promise<'swapped' | 'superseded' | 'snapshot-changed' | 'out-of-time'> {
  const { inventory, scans } = ports;
  const { ref } = hint;
  const lockFiles = await readLockFiles(ref, { generation, base, state }, settings, ports);
  if (lockFiles === 'out-of-time') return 'out-of-time';
  const after = await readManifests(inventory, ref, lockFiles);
  const before = base ? await readSnapshot(inventory, ref, base) : [];
  const packages = packagesToAsk(after);
  const batches = toBatches(packages);
  const added = difference(after, before);
  const removed = difference(before, after);

  const pageCount = await inventory.writeSnapshotPages(ref, generation, lockFiles);
  await scans.open(
    { ref, generation },
    { commit: state.commit, repositoryName: state.name, lane: hint.lane, batchCount: batches.length },
    ports.nowMs(),
  );
  await inventory.writeReverseEntries(ref, generation, added, hint.lane);
  const swapped = await inventory.swap(
    ref,
    {
      generation,
      commit: state.commit,
      readingDigest: readingOf(settings),
      pageCount,
      problems: state.problems,
      deleted: state.deleted,
      repositoryName: state.name,
      repositoryUrl: state.url,
      isDefaultBranch: state.isDefaultBranch,
    },
    base,
  );
  if (swapped !== 'swapped') return swapped;

  await ports.sendLookups(
    hint.lane,
    batches.map((slice, batchNumber) => ({
      version: 1,
      kind: 'lookups',
      lane: hint.lane,
      scan: { ref, generation, batchNumber },
      packages: slice,
    })),
  );
  await ports.sendEvaluate({ version: 1, kind: 'evaluate', ref });
  await inventory.deleteReverseEntries(ref, generation, removed);
  if (base) await scans.supersede({ ref, generation: base.generation }, ports.nowMs());
  await scans.markSent({ ref, generation });
  await inventory.collectPages(ref, generation, lockFiles);
  return 'swapped';
}

/** Package versions of `of` that `without` lacks. */
function difference(of: Awaited<ReturnType<typeof readManifests>>, without: Awaited<ReturnType<typeof readManifests>>): PackageVersion[] {
  const others = lockFilesByPackage(without);
  return packagesToAsk(of).filter((packageVersion) => !others.has(packageKey(packageVersion)));
}
