import { createHash } from 'node:crypto';
import { type DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import pLimit from 'p-limit';
import { deleteAll, getAll, type Item, isConditionFailure, number, numberOf, putAll, text, textOf } from '../aws/dynamodb-items.ts';
import type { Lane } from '../messages/queue-messages.ts';
import { type PackageVersion, packageKey } from '../model/package-version.ts';
import { parseRefKey, type RefId, refKey } from '../model/repository.ts';
import type { RefItem, SnapshotFacts } from './ref-item.ts';
import {
  compress,
  decompress,
  joinManifestPages,
  type ManifestPages,
  type ManifestPlace,
  type NotedLockFile,
  type SnapshotLockFile,
  toSnapshotPages,
} from './snapshot.ts';

/** A snapshot's pages were replaced while they were read: read the ref item again and start over. */
export class SnapshotGoneError extends Error {
  override readonly name = 'SnapshotGoneError';
}

const REVERSE_ENTRIES_PER_PAGE = 200;
/** A deleted branch may take back 20,000 entries: one query each, some ten milliseconds long, within an extract's two minutes. */
const QUERIES_AT_ONCE = 32;

export type InventoryStore = ReturnType<typeof createInventoryStore>;

/**
 * Ref items, snapshots and reverse entries. Whatever an extract writes before its swap carries its generation in its key: no
 * two extracts write the same row, so these writes need no condition, and only the ref item decides which of them count.
 */
export function createInventoryStore(client: DynamoDBClient, tableName: string) {
  const partitionOf = (ref: RefId): string => `ref#${refKey(ref)}`;
  const refItemKey = (ref: RefId): Item => ({ pk: text(partitionOf(ref)), sk: text('ref') });
  const snapshotPageKey = (ref: RefId, generation: number, page: number): Item => ({
    pk: text(partitionOf(ref)),
    sk: text(`snapshot#${digits(generation)}#${digits(page)}`),
  });
  const manifestPageKey = (ref: RefId, lockFile: Pick<SnapshotLockFile, 'pagesGeneration' | 'index'>, page: number): Item => ({
    pk: text(partitionOf(ref)),
    sk: text(`manifest#${digits(lockFile.pagesGeneration)}#${digits(lockFile.index)}#${digits(page)}`),
  });
  const packagePartition = (packageVersion: PackageVersion): string => `package#${packageKey(packageVersion)}`;

  async function update(ref: RefId, expression: string, values: Item, condition?: string): Promise<Item | 'refused'> {
    try {
      const answer = await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: refItemKey(ref),
          UpdateExpression: expression,
          ExpressionAttributeValues: values,
          ...(condition === undefined ? {} : { ConditionExpression: condition }),
          ReturnValues: 'ALL_NEW',
        }),
      );
      return answer.Attributes ?? {};
    } catch (error) {
      if (isConditionFailure(error)) return 'refused';
      throw error;
    }
  }

  async function readRef(ref: RefId): Promise<RefItem | undefined> {
    const answer = await client.send(new GetItemCommand({ TableName: tableName, Key: refItemKey(ref), ConsistentRead: true }));
    return answer.Item ? toRefItem(answer.Item) : undefined;
  }

  const keysBelow = (partition: string, fromSortKey: string, toSortKey: string): Promise<Item[]> =>
    rowsBelow(partition, fromSortKey, toSortKey, 'pk, sk');

  async function rowsBelow(partition: string, fromSortKey: string, toSortKey: string, attributes?: string): Promise<Item[]> {
    const rows: Item[] = [];
    let from: Item | undefined;
    do {
      const answer = await client.send(
        new QueryCommand({
          TableName: tableName,
          KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
          ...(attributes === undefined ? {} : { ProjectionExpression: attributes }),
          ExpressionAttributeValues: { ':pk': text(partition), ':from': text(fromSortKey), ':to': text(toSortKey) },
          ConsistentRead: true,
          ...(from ? { ExclusiveStartKey: from } : {}),
        }),
      );
      rows.push(...(answer.Items ?? []));
      from = answer.LastEvaluatedKey;
    } while (from);
    return rows;
  }

  return {
    readRef,

    /** Takes the next generation: whoever takes a higher one reads the head later. */
    async takeGeneration(ref: RefId): Promise<RefItem> {
      const item = await update(ref, 'ADD generation :one', { ':one': number(1) });
      return toRefItem(item === 'refused' ? {} : item);
    },

    /** Takes an evaluation number, and for one of the whole ref says so. Refused for a ref that no extract has seen. */
    async takeEvaluation(ref: RefId, whole: boolean): Promise<RefItem | undefined> {
      const next = 'if_not_exists(evaluation, :zero) + :one';
      const item = await update(
        ref,
        `SET evaluation = ${next}${whole ? `, wholeEvaluation = ${next}` : ''}`,
        { ':zero': number(0), ':one': number(1) },
        'attribute_exists(generation)',
      );
      return item === 'refused' ? undefined : toRefItem(item);
    },

    /** Settles that the head was read at this commit by `generation`, without a new snapshot. */
    async raiseSeen(ref: RefId, generation: number, snapshotGeneration: number): Promise<'raised' | 'superseded' | 'snapshot-changed'> {
      const item = await update(
        ref,
        'SET seenGeneration = :mine',
        { ':mine': number(generation), ':snapshot': number(snapshotGeneration) },
        '(attribute_not_exists(seenGeneration) OR seenGeneration < :mine) AND snapshotGeneration = :snapshot',
      );
      if (item !== 'refused') return 'raised';
      const current = await readRef(ref);
      return (current?.seenGeneration ?? 0) >= generation ? 'superseded' : 'snapshot-changed';
    },

    async writeManifest(
      ref: RefId,
      lockFile: Pick<SnapshotLockFile, 'pagesGeneration' | 'index'>,
      pages: readonly ManifestPages[],
    ): Promise<void> {
      for (const [page, content] of pages.entries()) {
        const Item = { ...manifestPageKey(ref, lockFile, page), page: { B: compress(content) } };
        await client.send(new PutItemCommand({ TableName: tableName, Item }));
      }
    },

    /**
     * Notes lock files that an extract has read, and whose pages it has written, before it can swap: should it come to nothing, the next
     * one to replace the same snapshot (0 for none) need not read them again.
     */
    async noteLockFiles(
      ref: RefId,
      generation: number,
      sequence: number,
      baseGeneration: number,
      noted: readonly NotedLockFile[],
    ): Promise<void> {
      for (const [page, slice] of toSnapshotPages(noted).entries()) {
        const sk = text(`noted#${digits(generation)}#${digits(sequence)}#${digits(page)}`);
        const Item = { pk: text(partitionOf(ref)), sk, base: number(baseGeneration), page: { B: compress(slice) } };
        await client.send(new PutItemCommand({ TableName: tableName, Item }));
      }
    },

    /**
     * What `noteLockFiles` has noted for the same base. Their pages are there as long as that is the snapshot: only a swap collects
     * pages, and after one this base is refused.
     */
    async readNotedLockFiles(ref: RefId, baseGeneration: number): Promise<NotedLockFile[]> {
      const rows = await rowsBelow(partitionOf(ref), 'noted#', 'noted#~');
      return rows.flatMap((row) => {
        const page = row['page']?.B;
        return page && numberOf(row, 'base') === baseGeneration ? decompress<NotedLockFile[]>(page) : [];
      });
    },

    /** Writes the pages that list the lock files; resolves to their number. */
    async writeSnapshotPages(ref: RefId, generation: number, lockFiles: readonly SnapshotLockFile[]): Promise<number> {
      const pages = toSnapshotPages(lockFiles);
      for (const [page, slice] of pages.entries()) {
        const Item = { ...snapshotPageKey(ref, generation, page), page: { B: compress(slice) } };
        await client.send(new PutItemCommand({ TableName: tableName, Item }));
      }
      return pages.length;
    },

    /** Makes the snapshot the one that counts: only over the one it was made from, and only if nobody has seen the head later. */
    async swap(
      ref: RefId,
      snapshot: SnapshotFacts,
      base: SnapshotFacts | undefined,
    ): Promise<'swapped' | 'superseded' | 'snapshot-changed'> {
      const item = await update(
        ref,
        'SET seenGeneration = :mine, snapshotGeneration = :mine, snapshotFacts = :snapshot',
        {
          ':mine': number(snapshot.generation),
          ':snapshot': text(JSON.stringify(snapshot)),
          ...(base ? { ':base': number(base.generation) } : {}),
        },
        `(attribute_not_exists(seenGeneration) OR seenGeneration < :mine) AND ${base ? 'snapshotGeneration = :base' : 'attribute_not_exists(snapshotGeneration)'}`,
      );
      if (item !== 'refused') return 'swapped';
      const current = await readRef(ref);
      // A lost answer makes the client ask twice; a generation is one extract's alone, so this swap was our own.
      if (current?.snapshot?.generation === snapshot.generation) return 'swapped';
      return (current?.seenGeneration ?? 0) >= snapshot.generation ? 'superseded' : 'snapshot-changed';
    },

    /** The lock files of a snapshot, in order of path. Throws `SnapshotGoneError` when it was replaced meanwhile. */
    async readLockFiles(ref: RefId, snapshot: SnapshotFacts): Promise<SnapshotLockFile[]> {
      const keys = Array.from({ length: snapshot.pageCount }, (_, page) => snapshotPageKey(ref, snapshot.generation, page));
      const pages = inOrder(await getAll(client, tableName, keys), keys, `snapshot ${snapshot.generation} of ${ref.ref}`);
      return pages.flatMap((page) => decompress<SnapshotLockFile[]>(page));
    },

    /** A lock file's packages and gaps. Throws `SnapshotGoneError` when they were replaced meanwhile. */
    async readManifest(ref: RefId, lockFile: ManifestPlace & Pick<SnapshotLockFile, 'path'>): Promise<ManifestPages> {
      const keys = Array.from({ length: lockFile.pageCount }, (_, page) => manifestPageKey(ref, lockFile, page));
      const pages = inOrder(await getAll(client, tableName, keys), keys, lockFile.path).map((page) => decompress<ManifestPages>(page));
      return joinManifestPages(pages);
    },

    /**
     * Says of each package version that this ref uses it, stamped with the generation that found it. In the background one write after
     * the other: an onboarding has thousands of these for each repository, and would be before everybody else at the table.
     */
    async writeReverseEntries(ref: RefId, generation: number, packages: readonly PackageVersion[], lane: Lane): Promise<void> {
      const rows = packages.map((packageVersion) => ({
        pk: text(packagePartition(packageVersion)),
        sk: text(`${refDigest(ref)}#${digits(generation)}`),
        ref: text(refKey(ref)),
      }));
      await putAll(client, tableName, rows, lane === 'background' ? 1 : undefined);
    },

    /** Takes back what generations below this one said; what a later one said stays. */
    async deleteReverseEntries(ref: RefId, generation: number, packages: readonly PackageVersion[]): Promise<void> {
      const digest = refDigest(ref);
      const limit = pLimit(QUERIES_AT_ONCE);
      const keys = await Promise.all(
        packages.map((packageVersion) =>
          limit(() => keysBelow(packagePartition(packageVersion), `${digest}#${digits(0)}`, `${digest}#${digits(generation - 1)}`)),
        ),
      );
      await deleteAll(client, tableName, keys.flat());
    },

    /** Refs that use a package version, a page at a time; a ref may come twice. */
    async readReverseEntries(packageVersion: PackageVersion, cursor?: string): Promise<{ refs: RefId[]; cursor?: string }> {
      const pk = text(packagePartition(packageVersion));
      const answer = await client.send(
        new QueryCommand({
          TableName: tableName,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': pk },
          Limit: REVERSE_ENTRIES_PER_PAGE,
          ConsistentRead: true,
          ...(cursor === undefined ? {} : { ExclusiveStartKey: { pk, sk: text(cursor) } }),
        }),
      );
      const keys = new Set((answer.Items ?? []).flatMap((item) => textOf(item, 'ref') ?? []));
      const next = answer.LastEvaluatedKey?.['sk']?.S;
      return { refs: [...keys].map(parseRefKey), ...(next === undefined ? {} : { cursor: next }) };
    },

    /** Deletes the pages that no snapshot refers to: those of lower generations that the current lock files do not name. */
    async collectPages(ref: RefId, generation: number, lockFiles: readonly SnapshotLockFile[]): Promise<void> {
      const partition = partitionOf(ref);
      const places = lockFiles.flatMap((lockFile) => (lockFile.lastRead ? [lockFile, lockFile.lastRead] : [lockFile]));
      const kept = new Set(places.map(({ pagesGeneration, index }) => `manifest#${digits(pagesGeneration)}#${digits(index)}`));
      const below = digits(generation - 1);
      const manifests = await keysBelow(partition, `manifest#${digits(0)}`, `manifest#${below}#~`);
      const snapshots = await keysBelow(partition, `snapshot#${digits(0)}`, `snapshot#${below}#~`);
      const noted = await keysBelow(partition, `noted#${digits(0)}`, `noted#${digits(generation)}#~`);
      const unused = manifests.filter((key) => !kept.has((textOf(key, 'sk') ?? '').split('#').slice(0, 3).join('#')));
      await deleteAll(client, tableName, [...unused, ...snapshots, ...noted]);
    },

    /** The ref's first scan has ended: what is found from now on is news. */
    async endBaseline(ref: RefId, generation: number): Promise<void> {
      await update(
        ref,
        'SET baselineGeneration = if_not_exists(baselineGeneration, :mine)',
        { ':mine': number(generation) },
        'attribute_exists(generation)',
      );
    },
  };
}

/** Numbers in sort keys: 12 digits, so that text order is number order. */
function digits(value: number): string {
  return String(value).padStart(12, '0');
}

/** A ref name may be longer than a sort key (1,024 bytes): its digest is not. */
function refDigest(ref: RefId): string {
  return createHash('sha256').update(refKey(ref)).digest('hex').slice(0, 40);
}

function inOrder(items: readonly Item[], keys: readonly Item[], what: string): Uint8Array[] {
  const bySortKey = new Map(items.map((item) => [textOf(item, 'sk'), item['page']?.B]));
  return keys.map((key) => {
    const bytes = bySortKey.get(textOf(key, 'sk'));
    if (!bytes) throw new SnapshotGoneError(`a page of ${what} is gone: the snapshot was replaced`);
    return bytes;
  });
}

function toRefItem(item: Item): RefItem {
  const snapshot = textOf(item, 'snapshotFacts');
  const baselineGeneration = numberOf(item, 'baselineGeneration');
  return {
    generation: numberOf(item, 'generation') ?? 0,
    seenGeneration: numberOf(item, 'seenGeneration') ?? 0,
    evaluation: numberOf(item, 'evaluation') ?? 0,
    wholeEvaluation: numberOf(item, 'wholeEvaluation') ?? 0,
    ...(baselineGeneration === undefined ? {} : { baselineGeneration }),
    ...(snapshot === undefined ? {} : { snapshot: JSON.parse(snapshot) as SnapshotFacts }),
  };
}
