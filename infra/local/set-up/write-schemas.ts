import { writeFileSync } from 'node:fs';
import { SCHEMA_FILES } from './schemas.ts';

/** Part of `npm run generate`. */
for (const { url, schema } of SCHEMA_FILES) writeFileSync(url, `${JSON.stringify(schema, null, 2)}\n`);
