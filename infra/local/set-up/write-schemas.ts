import { writeFileSync } from 'node:fs';
import * as z from 'zod/mini';
import { busEventJsonSchema } from '../../../shared/messages/bus-events.ts';
import { settingsSchema } from '../../../shared/model/settings/settings.ts';
import { resultDocumentSchema } from '../scan/result-document.ts';

/** Part of `npm run generate`: the documents that others write or read, as JSON Schema. */
function write(path: string, schema: object): void {
  writeFileSync(new URL(path, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
}

write('../scan/result.schema.json', { title: 'safedep-watch: what --json prints', ...z.toJSONSchema(resultDocumentSchema) });
write('../../../shared/model/settings/settings.schema.json', {
  title: 'safedep-watch settings',
  ...z.toJSONSchema(settingsSchema, { io: 'input' }),
});
write('../../../shared/messages/bus-events.schema.json', busEventJsonSchema() as object);
