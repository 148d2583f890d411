import { parseArgs } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { writeSettings } from '../../shared/aws/settings.ts';
import { SettingsError } from '../../shared/model/settings/settings.ts';
import { readSettingsFile } from '../local/settings-file.ts';

const USAGE = `usage: npm run cli -- settings check FILE
       npm run cli -- settings apply FILE --table NAME [--tenant NAME]

check says what is wrong with a settings document; apply writes it as the tenant's next version, by your own AWS credentials.
NAME is what the stack prints as SettingsTableName; the tenant is "default" unless the stack was made with another.

Exit codes: 0 done, 2 not written, 3 usage, or a document that is none`;

/** `cli settings`: resolves to the exit code. */
export async function run(args: string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  let parsed: { values: { table?: string | undefined; tenant?: string | undefined }; positionals: string[] };
  try {
    parsed = parseArgs({ args, allowPositionals: true, options: { table: { type: 'string' }, tenant: { type: 'string' } } });
  } catch (error) {
    return fail(3, `${(error as Error).message}\n\n${USAGE}`);
  }
  const { values, positionals } = parsed;
  const [verb, path, ...rest] = positionals;
  if (!path || rest.length > 0 || (verb !== 'check' && !(verb === 'apply' && values.table))) return fail(3, USAGE);
  try {
    const settings = await readSettingsFile(path);
    if (verb === 'check') {
      process.stdout.write(`${path}: right\n`);
      return 0;
    }
    const client = new DynamoDBClient({});
    const version = await writeSettings(client, values.table ?? '', values.tenant ?? 'default', settings);
    process.stdout.write(`${path} is version ${version} of the settings; it is in force within ten seconds.\n`);
    return 0;
  } catch (error) {
    if (error instanceof SettingsError) return fail(3, error.message);
    return fail(2, `The settings were not written: ${(error as Error).message}`);
  }
}

function fail(code: number, sentence: string): number {
  process.stderr.write(`${sentence}\n`);
  return code;
}
