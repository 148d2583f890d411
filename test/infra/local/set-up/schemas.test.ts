import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SCHEMA_FILES } from '../../../../infra/local/set-up/schemas.ts';

describe('the JSON Schemas in the repository', () => {
  for (const { url, schema } of SCHEMA_FILES) {
    it(`${basename(url.pathname)} is what npm run generate makes`, () => {
      expect(JSON.parse(readFileSync(url, 'utf8'))).toEqual(JSON.parse(JSON.stringify(schema)));
    });
  }
});
