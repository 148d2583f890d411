import { writeFileSync } from 'node:fs';
import * as z from 'zod/mini';
import { settingsSchema } from './settings.ts';

/** Part of `npm run generate`: the settings document as JSON Schema, for editors. */
const schema = z.toJSONSchema(settingsSchema, { io: 'input' });
const document = { title: 'safedep-watch settings', ...schema };
writeFileSync(new URL('settings.schema.json', import.meta.url), `${JSON.stringify(document, null, 2)}\n`);
