import { type DynamoDBClient, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { parseSettings, type Settings } from '../model/settings/settings.ts';

/** Seconds after which a changed settings document is in force everywhere. */
const SETTINGS_CACHE_MS = 10_000;

export interface SettingsReader {
  /** The newest settings document of a tenant. Throws where there is none, or where it is not one. */
  read(tenant: string): Promise<Settings>;
}

interface SettingsRow {
  readonly version: number;
  readonly document: string;
}

async function newestRow(client: DynamoDBClient, tableName: string, tenant: string): Promise<SettingsRow | undefined> {
  const answer = await client.send(
    new QueryCommand({
      TableName: tableName,
      KeyConditionExpression: '#tenant = :tenant',
      ExpressionAttributeNames: { '#tenant': 'tenant' },
      ExpressionAttributeValues: { ':tenant': { S: tenant } },
      ScanIndexForward: false,
      Limit: 1,
      ConsistentRead: true,
    }),
  );
  const row = answer.Items?.[0];
  return row?.['document']?.S ? { version: Number(row['version']?.N), document: row['document'].S } : undefined;
}

/**
 * Writes a document as the tenant's next version, and resolves to its number. Older versions stay. Throws when somebody else wrote
 * the same version first.
 */
export async function writeSettings(client: DynamoDBClient, tableName: string, tenant: string, settings: Settings): Promise<number> {
  const version = ((await newestRow(client, tableName, tenant))?.version ?? 0) + 1;
  await client.send(
    new PutItemCommand({
      TableName: tableName,
      Item: { tenant: { S: tenant }, version: { N: String(version) }, document: { S: JSON.stringify(settings) } },
      ConditionExpression: 'attribute_not_exists(tenant)',
    }),
  );
  return version;
}

/** Settings live as versioned rows: the highest version counts. Asked at most once per ten seconds and tenant. */
export function createSettingsReader(client: DynamoDBClient, tableName: string, nowMs: () => number): SettingsReader {
  const cache = new Map<string, { readonly settings: Settings; readonly readAtMs: number }>();
  return {
    async read(tenant) {
      const cached = cache.get(tenant);
      if (cached && nowMs() - cached.readAtMs < SETTINGS_CACHE_MS) return cached.settings;
      const row = await newestRow(client, tableName, tenant);
      if (!row) throw new Error(`tenant ${tenant} has no settings; write them with: npm run cli -- settings apply FILE --table NAME`);
      const settings = parseSettings(JSON.parse(row.document), `settings version ${row.version} of tenant ${tenant}`);
      cache.set(tenant, { settings, readAtMs: nowMs() });
      return settings;
    },
  };
}
