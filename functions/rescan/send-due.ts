import pLimit, { type LimitFunction } from 'p-limit';
import { DUE_SHARDS, type DueVerdict, type InsightStore } from '../../shared/insights/dynamodb.ts';
import type { InventoryStore } from '../../shared/inventory/dynamodb.ts';
import { LOOKUP_BATCH_MAX_PACKAGES, type LookupBatch, toBatches } from '../../shared/messages/queue-messages.ts';
import { comparePackageVersions } from '../../shared/model/package-version.ts';

const AT_ONCE = 16;
/** Ten batches: what one send takes, and a second of work or two. */
const PACKAGES_PER_SLICE = 10 * LOOKUP_BATCH_MAX_PACKAGES;
/** What was sent and not answered within an hour is due again. */
const POSTPONE_MS = 3_600_000;

export interface RescanPorts {
  readonly insights: Pick<InsightStore, 'due' | 'markDue' | 'postpone' | 'forgetDue'>;
  readonly inventory: Pick<InventoryStore, 'readReverseEntries'>;
  send(batches: readonly LookupBatch[]): Promise<void>;
  nowMs(): number;
  /** Nothing new is begun after this. */
  readonly untilMs: number;
}

export interface RescanResult {
  readonly sent: number;
  /** Due, but no ref uses them any more: not refreshed. */
  readonly unused: number;
  /** There is more than the budget or the time allows: the next run goes on. */
  readonly more: boolean;
}

/**
 * Sends what is due before a time to the background lane: package versions, never repositories. With `force` the answers are
 * asked again even where they would still count as fresh.
 */
export async function sendDue(beforeMs: number, budget: number, force: boolean, ports: RescanPorts): Promise<RescanResult> {
  const perShard = Math.max(1, Math.ceil(budget / DUE_SHARDS));
  const limit = pLimit(AT_ONCE);
  const shards = await Promise.all(
    Array.from({ length: DUE_SHARDS }, (_, shard) => limit(() => ports.insights.due(shard, beforeMs, perShard))),
  );
  const due = shards.flat().sort((a, b) => a.dueAtMs - b.dueAtMs);
  let done = 0;
  let sent = 0;
  while (done < due.length && ports.nowMs() < ports.untilMs) {
    const slice = due.slice(done, done + PACKAGES_PER_SLICE);
    sent += await sendSlice(slice, force, limit, ports);
    done += slice.length;
  }
  return { sent, unused: done - sent, more: done < due.length || shards.some((shard) => shard.length === perShard) };
}

/**
 * Sends those of some due package versions that are used, and only then puts them off: who dies in between leaves them due, and
 * what is sent twice is fresh at the second time. Resolves to how many were sent.
 */
async function sendSlice(due: readonly DueVerdict[], force: boolean, limit: LimitFunction, ports: RescanPorts): Promise<number> {
  const prepared = await Promise.all(due.map((verdict) => limit(() => prepare(verdict, force, ports))));
  const used = prepared.filter((verdict) => verdict !== undefined);
  const packages = used.map(({ packageVersion }) => packageVersion).sort(comparePackageVersions);
  await ports.send(toBatches(packages).map((slice): LookupBatch => ({ version: 1, kind: 'lookups', lane: 'background', packages: slice })));
  await Promise.all(
    used.map(({ packageVersion, dueAtMs }) => limit(() => ports.insights.postpone(packageVersion, dueAtMs, ports.nowMs() + POSTPONE_MS))),
  );
  return used.length;
}

/**
 * One due package version as it stands in the index now, or `undefined` when nobody uses it: then it is taken off the index. What is
 * off the index is always past its time or marked due: who starts to use it asks, and so puts it back.
 */
async function prepare({ packageVersion, dueAtMs }: DueVerdict, force: boolean, ports: RescanPorts): Promise<DueVerdict | undefined> {
  const nowMs = ports.nowMs();
  if (force) await ports.insights.markDue(packageVersion, nowMs);
  const dueSinceMs = force ? nowMs : dueAtMs;
  const { refs, cursor } = await ports.inventory.readReverseEntries(packageVersion);
  if (refs.length > 0 || cursor !== undefined) return { packageVersion, dueAtMs: dueSinceMs };
  await ports.insights.forgetDue(packageVersion, dueSinceMs);
  return undefined;
}
