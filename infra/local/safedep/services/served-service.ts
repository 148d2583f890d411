import type { DescService } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { Caller } from '../access.ts';
import type { ApiKeys } from '../api-keys.ts';
import type { CallRecord } from '../call-record.ts';
import type { Directory, Tenant } from '../directory.ts';
import type { FactBook } from '../facts.ts';
import type { Faults } from '../faults.ts';
import type { PageRequest, Pages } from '../paging.ts';
import { noTenant } from '../refusals.ts';
import type { ThreatFeed } from '../threat-feed.ts';
import type { ToolSessions } from '../tool-sessions.ts';

/** What the methods of the services read and change. */
export interface World {
  readonly keys: ApiKeys;
  readonly directory: Directory;
  readonly facts: FactBook;
  readonly faults: Faults;
  readonly calls: CallRecord;
  readonly sessions: ToolSessions;
  readonly feed: ThreatFeed;
  readonly pages: Pages;
}

/** A service with those of its methods that are served. A method sees the request and who calls. */
export interface ServedService {
  readonly service: DescService;
  /** Its field numbers are not known. */
  readonly jsonOnly: boolean;
  readonly methods: Readonly<Record<string, (request: never, caller: Caller) => unknown>>;
}

export function served<S extends DescService>(
  service: S,
  methods: {
    [M in keyof ServiceImpl<S>]: (request: Parameters<ServiceImpl<S>[M]>[0], caller: Caller) => ReturnType<ServiceImpl<S>[M]>;
  },
  { jsonOnly }: { readonly jsonOnly: boolean } = { jsonOnly: false },
): ServedService {
  return { service, jsonOnly, methods };
}

/** The tenant of a call that cannot be without one. */
export function tenantOf({ tenant }: Caller): Tenant {
  if (tenant === undefined) throw noTenant();
  return tenant;
}

/** The page that is asked for, where a request may say nothing of it. */
export function pageRequest(pagination: Partial<PageRequest> | undefined): PageRequest {
  return { pageSize: pagination?.pageSize ?? 0, pageToken: pagination?.pageToken ?? '' };
}
