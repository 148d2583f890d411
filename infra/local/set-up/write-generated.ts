import { readFileSync, writeFileSync } from 'node:fs';
import { withFormatsTable } from './formats-table.ts';
import { SCHEMA_FILES } from './schemas.ts';

/** Part of `npm run generate`: what stands in the repository and is made from the code. */
for (const { url, schema } of SCHEMA_FILES) writeFileSync(url, `${JSON.stringify(schema, null, 2)}\n`);

const README = new URL('../../../README.md', import.meta.url);
writeFileSync(README, withFormatsTable(readFileSync(README, 'utf8')));
