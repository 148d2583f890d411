import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { QueryService as QueryServiceV1 } from '#safedep-api/safedep/services/controltower/v1/query_pb.js';
import { QueryService as QueryServiceV2 } from '#safedep-api/safedep/services/controltower/v2/query_pb.js';
import type { Caller } from '../access.ts';
import { invalid } from '../refusals.ts';
import { evaluate } from '../sql/evaluate.ts';
import { SQL_SUBSET } from '../sql/parse.ts';
import { SqlError } from '../sql/sql-error.ts';
import { SQL_TABLES, type SqlColumn, type SqlRow, sqlRows } from '../sql/tables.ts';
import type { ToolSessions } from '../tool-sessions.ts';
import { type ServedService, served, tenantOf, type World } from './served-service.ts';

/** Declared by SafeDep for version 2. */
const QUERY_MAX_BYTES = 16_000;
const PAGE_TOKEN_MAX_CHARACTERS = 2_048;
const PAGE_MAX_ENTRIES = 100;

/** SQL over what was reported, in both versions. */
export function queryServices({ sessions, pages }: World): readonly ServedService[] {
  function run(caller: Caller, query: string, page: { readonly pageSize: number; readonly pageToken: string }) {
    const tenant = tenantOf(caller);
    tenant.require('SQL_QUERY');
    const answer = answerOf(query, sessions, tenant.domain);
    const { entries, nextPageToken } = pages.page(JSON.stringify(['sql', tenant.domain, query]), () => answer.rows, page);
    return { columns: answer.columns, rows: [...entries], nextPageToken, generatedAt: timestampFromMs(Date.now()) };
  }

  return [
    served(QueryServiceV1, {
      getSqlSchema: () => ({ schemas: SQL_TABLES.map(({ name, columns }) => ({ name, columns: columns.map(toColumnV1) })) }),
      queryBySql: ({ query, pageSize, pageToken }, caller) => {
        const { rows, nextPageToken, generatedAt } = run(caller, query, { pageSize, pageToken });
        return { rows, nextPageToken, generatedAt };
      },
    }),
    served(
      QueryServiceV2,
      {
        getSchema: () => SCHEMA_V2,
        queryBySql: ({ query, pageSize, pageToken }, caller) => {
          if (query === '' || Buffer.byteLength(query) > QUERY_MAX_BYTES) throw invalid('query', `must have 1 to ${QUERY_MAX_BYTES} bytes`);
          if (pageSize < 0 || pageSize > PAGE_MAX_ENTRIES) throw invalid('page_size', `must be 1 to ${PAGE_MAX_ENTRIES}`);
          if (pageToken.length > PAGE_TOKEN_MAX_CHARACTERS) throw invalid('page_token', 'is too long');
          const startedAtMs = performance.now();
          const { columns, ...answer } = run(caller, query, { pageSize, pageToken });
          return {
            ...answer,
            columns: columns.map(({ name, type }) => ({ name, type: `COLUMN_TYPE_${type}` })),
            stats: { estimatedCost: 1, estimatedRows: answer.rows.length, elapsedMs: performance.now() - startedAtMs },
          };
        },
      },
      { jsonOnly: true },
    ),
  ];
}

/** @throws ConnectError InvalidArgument with what is wrong with the query. */
function answerOf(query: string, sessions: ToolSessions, tenant: string) {
  try {
    let rows: ReadonlyMap<string, readonly SqlRow[]> | undefined;
    return evaluate(query, (table) => {
      rows ??= sqlRows(sessions.latest(tenant));
      return rows.get(table) ?? [];
    });
  } catch (error) {
    if (error instanceof SqlError) throw new ConnectError(`${error.message}. The stand-in takes: ${SQL_SUBSET}`, Code.InvalidArgument);
    throw error;
  }
}

function toColumnV1({ name, description }: SqlColumn) {
  return { name, description, filterable: true, selectable: true, required: false, referenceUrl: '' };
}

/** Pairs of tables that belong to the same, each once. */
const EDGES = SQL_TABLES.flatMap((from, index) =>
  SQL_TABLES.slice(index + 1)
    .filter((to) => to.belongsTo.some((each) => from.belongsTo.includes(each)))
    .map((to) => ({ from: from.name, to: to.name, cardinality: 'ONE_TO_MANY' })),
);

const SCHEMA_V2 = {
  tables: SQL_TABLES.map(({ name, description, columns }) => ({
    name,
    description,
    columns: columns.map((column) => ({
      name: column.name,
      type: `COLUMN_TYPE_${column.type}`,
      description: column.description,
      selectable: true,
      filterable: true,
      indexed: true,
      enumValues: Object.entries(column.enumNumbers ?? {}).map(([value, number]) => ({ name: value, number })),
    })),
  })),
  edges: EDGES,
  usage: {
    rules: [`made up: the stand-in takes ${SQL_SUBSET}`],
    exampleQueries: [
      "SELECT projects.name, packages.name, packages.version FROM packages JOIN projects ON projects.id = packages.id WHERE packages.name LIKE 'lo%' ORDER BY projects.name LIMIT 10",
      'SELECT COUNT(*) FROM component_malicious_packages WHERE component_malicious_packages.is_malware = true',
    ],
  },
};
