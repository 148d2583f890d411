import type { IdentityProvider } from '../identity-provider/identity-provider.ts';
import type { Limits } from '../limits.ts';
import { notFound } from '../refusals.ts';
import type { World } from '../services/served-service.ts';
import type { Change } from './change.ts';

/** What a change changes, beside the world of the services. */
export interface Steered extends World {
  readonly limits: Limits;
  readonly firstTenant: string;
  /** Absent where none runs. */
  readonly identityProvider: IdentityProvider | undefined;
  setLatencyMs(latencyMs: number): void;
}

/** @throws FactsError, and ConnectError for a tenant that is not there. */
export function applyChange(steered: Steered, change: Change): void {
  const { facts, feed, faults, limits, directory, keys, firstTenant, identityProvider } = steered;
  for (const [key, found] of Object.entries(change.packages ?? {})) facts.setByKey(key, found);
  if (change.report) {
    const { id, ecosystem, name, versions, verdict, verified, withdrawn } = change.report;
    const about = { package: { ecosystem, name, versions }, verdict: verdict === 'malicious' ? 'MALICIOUS' : 'SUSPICIOUS' } as const;
    const confidence = verified ? 'HUMAN_VERIFIED' : 'AUTOMATED';
    feed.put({ ...about, confidence, withdrawn, ...(id !== undefined && { reportId: id }) }, Date.now());
  }
  if (change.fault === 'none') faults.set(undefined);
  else if (change.fault) {
    const { kind, for: forMs, method } = change.fault;
    faults.set({ kind, ...(forMs !== undefined && { forMs }), ...(method !== undefined && { method }) });
  }
  if (change.identityFault === 'none') identityProvider?.setFault(undefined);
  else if (change.identityFault) {
    const { kind, endpoint, times, delay: delayMs } = change.identityFault;
    identityProvider?.setFault({ kind, ...(endpoint && { endpoint }), ...(times && { times }), ...(delayMs !== undefined && { delayMs }) });
  }
  if (change.latency !== undefined) steered.setLatencyMs(change.latency);
  if (change.limits) {
    const { data, control, community } = change.limits;
    limits.set({ ...(data && { data }), ...(control && { control }), ...(community && { community }) });
  }
  if (change.tenant) {
    const tenant = directory.tenant(change.tenant.domain ?? firstTenant);
    if (tenant === undefined) throw notFound(`tenant ${change.tenant.domain}`);
    if (change.tenant.features) tenant.setFeatures(change.tenant.features);
    for (const [method, calls] of Object.entries(change.tenant.quotas ?? {})) tenant.setQuota(method, calls === 'none' ? undefined : calls);
  }
  if (change.expireKeys !== undefined) keys.expire(change.expireKeys === 'all' ? undefined : change.expireKeys, Date.now());
}
