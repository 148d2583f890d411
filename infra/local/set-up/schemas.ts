import { toJsonSchema } from '@valibot/to-json-schema';
import type { GenericSchema } from 'valibot';
import { busEventSchema } from '../../../shared/messages/bus-events.ts';
import { settingsSchema } from '../../../shared/model/settings/settings.ts';
import { resultDocumentSchema } from '../scan/result-document.ts';

/** Conditions that JSON Schema has no words for are left out: it is for editors and consumers, and ours are checked anyway. */
function jsonSchemaOf(title: string, schema: GenericSchema, typeMode: 'input' | 'output'): unknown {
  const converted = toJsonSchema(schema, {
    target: 'draft-2020-12',
    typeMode,
    ignoreActions: ['check'],
    overrideAction: ({ valibotAction: { type }, jsonSchema }) => (type === 'safe_integer' ? { ...jsonSchema, type: 'integer' } : undefined),
  });
  return { title, ...converted };
}

/** The documents that others write or read, as JSON Schema, each with its file. */
export const SCHEMA_FILES: readonly { readonly url: URL; readonly schema: unknown }[] = [
  {
    url: new URL('../scan/result.schema.json', import.meta.url),
    schema: jsonSchemaOf('safedep-watch: what --json prints', resultDocumentSchema, 'output'),
  },
  {
    url: new URL('../../../shared/model/settings/settings.schema.json', import.meta.url),
    schema: jsonSchemaOf('safedep-watch settings', settingsSchema, 'input'),
  },
  {
    url: new URL('../../../shared/messages/bus-events.schema.json', import.meta.url),
    schema: jsonSchemaOf('safedep-watch bus event, version 1', busEventSchema, 'output'),
  },
];
