/** A ref as the inventory knows it: who may write it next, and which snapshot counts. Its numbers never start again. */
export interface RefItem {
  /** The last generation that was taken: each extract takes the next before it reads the head. */
  readonly generation: number;
  /** The highest generation whose reading of the head is settled: no lower one may swap. 0 before the first. */
  readonly seenGeneration: number;
  /** The last evaluation number that was taken. */
  readonly evaluation: number;
  /** The last one of the whole ref. */
  readonly wholeEvaluation: number;
  /** The scan that ended the baseline; absent while the ref's first scan goes on. */
  readonly baselineGeneration?: number;
  readonly snapshot?: SnapshotFacts;
}

/** What the ref item says of its snapshot; the lock files stand in pages. */
export interface SnapshotFacts {
  /** Which extract made it. Two snapshots never share a generation. */
  readonly generation: number;
  /** Empty for a deleted ref. */
  readonly commit: string;
  /** Of the reader's version and the settings that reading depends on. */
  readonly readingDigest: string;
  readonly pageCount: number;
  /** Why the tree could not be read whole, one sentence each; such a snapshot's scan is incomplete. */
  readonly problems: readonly string[];
  readonly deleted: boolean;
  readonly repositoryName: string;
  readonly repositoryUrl: string;
  readonly isDefaultBranch: boolean;
}
