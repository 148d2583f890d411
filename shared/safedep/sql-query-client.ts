import type { JsonObject } from '@bufbuild/protobuf';
import { createClient, type Transport } from '@connectrpc/connect';
import { QueryService as QueryServiceV1 } from '#safedep-api/safedep/services/controltower/v1/query_pb.js';
import { QueryService as QueryServiceV2 } from '#safedep-api/safedep/services/controltower/v2/query_pb.js';
import type { Caller, CallFailure, CallResult } from './calls.ts';
import { PAGE_MAX_ENTRIES, REPEATED_PAGE } from './pages.ts';
import { toEpochMs } from './timestamps.ts';

/** What each version of the query service takes at most: a query's length, a page token's characters. Declared by SafeDep. */
const V1_QUERY_MAX_CHARACTERS = 2_000;
const V1_PAGE_TOKEN_MAX_CHARACTERS = 100;
const V2_QUERY_MAX_BYTES = 16_000;
const V2_PAGE_TOKEN_MAX_CHARACTERS = 2_048;

interface SqlColumn {
  readonly name: string;
  /** STRING, INT, FLOAT, BOOL, TIMESTAMP, ENUM; empty where the service does not say (version 1). */
  readonly type: string;
}

export interface SqlPage {
  /** In the service's order; of version 1, which names none, in the order in which the rows first have them. */
  readonly columns: readonly SqlColumn[];
  /** Enums are numbers here, whatever the version. */
  readonly rows: readonly JsonObject[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  /** The query service that answered: a page token is good for the same one only. */
  readonly version: 1 | 2;
  readonly generatedAtMs?: number;
  readonly stats?: { readonly estimatedCost: number; readonly estimatedRows: number; readonly elapsedMs: number };
}

interface SqlSchemaColumn extends SqlColumn {
  readonly description: string;
  readonly selectable: boolean;
  readonly filterable: boolean;
  /** A filter on it is demanded (version 1). */
  readonly required?: boolean;
  /** A query must filter on an indexed column or a bounded time (version 2). */
  readonly indexed?: boolean;
  readonly groupable?: boolean;
  readonly aggregatable?: boolean;
  /** The numbers that rows hold, by name. */
  readonly enumNumbers?: Readonly<Record<string, number>>;
  readonly referenceUrl: string;
}

interface SqlTable {
  readonly name: string;
  readonly description: string;
  readonly columns: readonly SqlSchemaColumn[];
  /** The column and the longest span, in days, that a time range is asked of. */
  readonly timeColumn?: string;
  readonly timeWindowMaxDays?: number;
}

export interface SqlSchema {
  readonly version: 1 | 2;
  readonly tables: readonly SqlTable[];
  /** Which tables may be joined, and SafeDep's own rules and examples; empty of version 1. */
  readonly edges: readonly { readonly from: string; readonly to: string; readonly cardinality: string }[];
  readonly rules: readonly string[];
  readonly exampleQueries: readonly string[];
}

interface SqlRequest {
  readonly query: string;
  /** 1 to 100, as the default. */
  readonly pageSize?: number;
  /** From the page before; empty or absent for the first. */
  readonly pageToken?: string;
}

export interface SqlQueryClient {
  getSqlSchema(signal?: AbortSignal): Promise<CallResult<SqlSchema>>;
  queryBySql(request: SqlRequest, signal?: AbortSignal): Promise<CallResult<SqlPage>>;
}

/**
 * SQL over the tenant's data: the current query service, and the one before it where that is not served, which is remembered. A request
 * beyond what the service takes is `refused` unsent.
 */
export function sqlQueryOver(transport: Transport, call: Caller): SqlQueryClient {
  const v1 = createClient(QueryServiceV1, transport);
  const v2 = createClient(QueryServiceV2, transport);
  let isV2Served: boolean | undefined;

  async function byVersion<R>(askV2: () => Promise<CallResult<R>>, askV1: () => Promise<CallResult<R>>): Promise<CallResult<R>> {
    if (isV2Served === false) return askV1();
    const current = await askV2();
    if (current.kind === 'answered') isV2Served = true;
    if (current.kind !== 'incompatible' || isV2Served) return current;
    const former = await askV1();
    if (former.kind === 'answered') isV2Served = false;
    return former;
  }

  async function queryV2(request: Required<SqlRequest>, signal: AbortSignal | undefined): Promise<CallResult<SqlPage>> {
    const why =
      whyTooLong('query', Buffer.byteLength(request.query), 'bytes', V2_QUERY_MAX_BYTES) ??
      whyTooLong('page token', request.pageToken.length, 'characters', V2_PAGE_TOKEN_MAX_CHARACTERS);
    if (why !== undefined) return refused(why);
    const result = await call((options) => v2.queryBySql(request, options), signal);
    if (result.kind !== 'answered') return result;
    const { columns, rows, nextPageToken, generatedAt, stats } = result.response;
    return page(request, {
      columns: columns.map(({ name, type }) => ({ name, type: typeName(type) })),
      rows,
      nextPageToken,
      version: 2,
      ...generated(generatedAt),
      ...(stats && { stats: { estimatedCost: stats.estimatedCost, estimatedRows: stats.estimatedRows, elapsedMs: stats.elapsedMs } }),
    });
  }

  async function queryV1(request: Required<SqlRequest>, signal: AbortSignal | undefined): Promise<CallResult<SqlPage>> {
    const why =
      whyTooLong('query', [...request.query].length, 'characters', V1_QUERY_MAX_CHARACTERS) ??
      whyTooLong('page token', request.pageToken.length, 'characters', V1_PAGE_TOKEN_MAX_CHARACTERS);
    if (why !== undefined) return refused(`${why} (this SafeDep serves the older query service only)`);
    const result = await call((options) => v1.queryBySql(request, options), signal);
    if (result.kind !== 'answered') return result;
    const { rows, nextPageToken, generatedAt } = result.response;
    const names = new Set(rows.flatMap((row) => Object.keys(row)));
    const columns = [...names].map((name) => ({ name, type: '' }));
    return page(request, { columns, rows, nextPageToken, version: 1, ...generated(generatedAt) });
  }

  return {
    getSqlSchema: (signal) =>
      byVersion<SqlSchema>(
        async () => {
          const result = await call((options) => v2.getSchema({}, options), signal);
          if (result.kind !== 'answered') return result;
          const { tables, edges, usage } = result.response;
          const { rules = [], exampleQueries = [] } = usage ?? {};
          const response = {
            version: 2 as const,
            tables: tables.map(toTable),
            edges: edges.map(({ from, to, cardinality }) => ({ from, to, cardinality })),
            rules,
            exampleQueries,
          };
          return { kind: 'answered', response };
        },
        async () => {
          const result = await call((options) => v1.getSqlSchema({}, options), signal);
          if (result.kind !== 'answered') return result;
          const tables = result.response.schemas.map(({ name, columns }) => ({
            name,
            description: '',
            columns: columns.map(({ name: column, description, filterable, selectable, required, referenceUrl }) => ({
              name: column,
              type: '',
              description,
              filterable,
              selectable,
              required,
              referenceUrl,
            })),
          }));
          return { kind: 'answered', response: { version: 1, tables, edges: [], rules: [], exampleQueries: [] } };
        },
      ),
    queryBySql: async ({ query, pageSize = PAGE_MAX_ENTRIES, pageToken = '' }, signal) => {
      if (query.trim() === '') return refused('the query is empty');
      if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > PAGE_MAX_ENTRIES) {
        return refused(`the page size must be a whole number from 1 to ${PAGE_MAX_ENTRIES}, not ${pageSize}`);
      }
      const request = { query, pageSize, pageToken };
      return byVersion(
        () => queryV2(request, signal),
        () => queryV1(request, signal),
      );
    },
  };
}

function page({ pageToken }: SqlRequest, response: SqlPage): CallResult<SqlPage> {
  return response.nextPageToken !== '' && response.nextPageToken === pageToken ? REPEATED_PAGE : { kind: 'answered', response };
}

type WireTable = Awaited<ReturnType<ReturnType<typeof createClient<typeof QueryServiceV2>>['getSchema']>>['tables'][number];

function toTable({ name, description, timeColumn, timeWindowMaxDays, columns }: WireTable): SqlTable {
  return {
    name,
    description,
    ...(timeColumn !== '' && { timeColumn }),
    ...(timeWindowMaxDays > 0 && { timeWindowMaxDays }),
    columns: columns.map((column) => ({
      name: column.name,
      type: typeName(column.type),
      description: column.description,
      selectable: column.selectable,
      filterable: column.filterable,
      groupable: column.groupable,
      aggregatable: column.aggregatable,
      indexed: column.indexed,
      referenceUrl: column.referenceUrl,
      ...(column.enumValues.length > 0 && {
        enumNumbers: Object.fromEntries(column.enumValues.map((value) => [value.name, value.number])),
      }),
    })),
  };
}

function typeName(type: string): string {
  return type.replace(/^COLUMN_TYPE_/, '');
}

function generated(at: Parameters<typeof toEpochMs>[0]): { readonly generatedAtMs?: number } {
  const generatedAtMs = toEpochMs(at);
  return generatedAtMs === undefined ? {} : { generatedAtMs };
}

function whyTooLong(what: string, length: number, unit: string, max: number): string | undefined {
  return length <= max ? undefined : `the ${what} has ${length} ${unit}: SafeDep takes ${max} at most`;
}

function refused(reason: string): CallFailure {
  return { kind: 'refused', code: 'InvalidArgument', reason };
}
