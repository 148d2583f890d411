import { type DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { parseSettings, type Settings } from '../model/settings/settings.ts';

/** Seconds after which a changed settings document is in force everywhere. */
const SETTINGS_CACHE_MS = 10_000;

export interface SettingsReader {
  /** The newest settings document of a tenant. Throws where there is none, or where it is not one. */
  read(tenant: string): Promise<Settings>;
}

/** Settings live as versioned rows: the highest version counts. Asked at most once per ten seconds and tenant. */
export function createSettingsReader(client: DynamoDBClient, tableName: string, nowMs: () => number): SettingsReader {
  const cache = new Map<string, { readonly settings: Settings; readonly readAtMs: number }>();
  return {
    async read(tenant) {
      const cached = cache.get(tenant);
      if (cached && nowMs() - cached.readAtMs < SETTINGS_CACHE_MS) return cached.settings;
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
      if (!row?.['document']?.S) throw new Error(`tenant ${tenant} has no settings; write them with: npm run cli -- settings apply FILE`);
      const settings = parseSettings(JSON.parse(row['document'].S), `settings version ${row['version']?.N} of tenant ${tenant}`);
      cache.set(tenant, { settings, readAtMs: nowMs() });
      return settings;
    },
  };
}
