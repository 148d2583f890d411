import pLimit from 'p-limit';
import { DUE_SHARDS, type DueVerdict, type InsightStore } from '../../shared/insights/dynamodb.ts';
import type { InventoryStore } from '../../shared/inventory/dynamodb.ts';
import { type LookupBatch, toBatches } from '../../shared/messages/queue-messages.ts';
import { comparePackageVersions } from '../../shared/model/package-version.ts';

const AT_ONCE = 16;
/** What was sent and not answered within an hour is due again. */
const POSTPONE_MS = 3_600_000;

export interface RescanPorts {
  readonly insights: Pick<InsightStore, 'due' | 'markDue' | 'postpone' | 'forgetDue'>;
  readonly inventory: Pick<InventoryStore, 'readReverseEntries'>;
  send(batches: readonly LookupBatch[]): Promise<void>;
  nowMs(): number;
}

export interface RescanResult {
  readonly sent: number;
  /** Due, but no ref uses them any more: not refreshed. */
  readonly unused: number;
  /** There is more than the budget allows: the next run goes on. */
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
  const due = shards.flat();
  const used = await Promise.all(due.map((verdict) => limit(() => prepare(verdict, force, ports))));
  const packages = due.filter((_, index) => used[index]).map(({ packageVersion }) => packageVersion);
  packages.sort(comparePackageVersions);
  await ports.send(toBatches(packages).map((slice): LookupBatch => ({ version: 1, kind: 'lookups', lane: 'background', packages: slice })));
  return { sent: packages.length, unused: due.length - packages.length, more: shards.some((shard) => shard.length === perShard) };
}

/**
 * Marks one due package version as sent, or takes it off the index when nobody uses it. Resolves to whether it is used. What is off
 * the index is always past its time or marked due: who starts to use it asks, and so puts it back.
 */
async function prepare({ packageVersion, dueAtMs }: DueVerdict, force: boolean, ports: RescanPorts): Promise<boolean> {
  const nowMs = ports.nowMs();
  if (force) await ports.insights.markDue(packageVersion, nowMs);
  const dueSinceMs = force ? nowMs : dueAtMs;
  const { refs, cursor } = await ports.inventory.readReverseEntries(packageVersion);
  if (refs.length === 0 && cursor === undefined) {
    await ports.insights.forgetDue(packageVersion, dueSinceMs);
    return false;
  }
  await ports.insights.postpone(packageVersion, dueSinceMs, nowMs + POSTPONE_MS);
  return true;
}
