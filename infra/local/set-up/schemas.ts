import * as z from 'zod/mini';
import { busEventJsonSchema } from '../../../shared/messages/bus-events.ts';
import { settingsSchema } from '../../../shared/model/settings/settings.ts';
import { resultDocumentSchema } from '../scan/result-document.ts';

/** The documents that others write or read, as JSON Schema, each with its file. */
export const SCHEMA_FILES: readonly { readonly url: URL; readonly schema: unknown }[] = [
  {
    url: new URL('../scan/result.schema.json', import.meta.url),
    schema: { title: 'safedep-watch: what --json prints', ...z.toJSONSchema(resultDocumentSchema) },
  },
  {
    url: new URL('../../../shared/model/settings/settings.schema.json', import.meta.url),
    schema: { title: 'safedep-watch settings', ...z.toJSONSchema(settingsSchema, { io: 'input' }) },
  },
  { url: new URL('../../../shared/messages/bus-events.schema.json', import.meta.url), schema: busEventJsonSchema() },
];
