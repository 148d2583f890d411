import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type AttributeValue, type DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { putAll } from '../../shared/aws/dynamodb-items.ts';

/** Raised when what is kept would be read otherwise: an older file is then left alone and written anew. */
const CACHE_FORMAT = 1;

/** Where a cache of this user's stands: `XDG_CACHE_HOME`, or the platform's usual place. */
export function cacheFolder(variables: NodeJS.ProcessEnv): string {
  return join(variables['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'safedep-watch');
}

/**
 * Keeps the answers of one source between starts: all rows of the table `insights`, in one file. A file that cannot be read is
 * no answer and no error: the answers are asked again.
 */
export function createAnswerCache(folder: string, cacheName: string, client: DynamoDBClient, tableName: string) {
  const path = join(folder, 'answers', `${cacheName}.json.gz`);
  return {
    /** Resolves to how many rows there were. */
    async load(): Promise<number> {
      let rows: Record<string, AttributeValue>[];
      try {
        const kept = JSON.parse(gunzipSync(await readFile(path)).toString('utf8')) as {
          format: number;
          rows: Record<string, AttributeValue>[];
        };
        if (kept.format !== CACHE_FORMAT) return 0;
        rows = kept.rows;
      } catch {
        return 0; // none yet, or a file of another kind: answers are asked again
      }
      await putAll(client, tableName, rows);
      return rows.length;
    },

    async save(): Promise<void> {
      const rows: Record<string, AttributeValue>[] = [];
      let from: Record<string, AttributeValue> | undefined;
      do {
        const answer = await client.send(new ScanCommand({ TableName: tableName, ...(from ? { ExclusiveStartKey: from } : {}) }));
        // A claim belongs to a process that is gone by the next start.
        for (const { claimOwner: _owner, claimUntilMs: _until, ...row } of answer.Items ?? []) if (row['verdict']) rows.push(row);
        from = answer.LastEvaluatedKey;
      } while (from);
      await mkdir(join(folder, 'answers'), { recursive: true });
      const aside = `${path}.${process.pid}`;
      await writeFile(aside, gzipSync(JSON.stringify({ format: CACHE_FORMAT, rows }), { level: 1 }));
      await rename(aside, path);
    },
  };
}
