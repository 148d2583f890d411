import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatsTable, withFormatsTable } from '../../../../infra/local/set-up/formats-table.ts';
import { FORMATS } from '../../../../shared/manifests/registry.ts';

const ROOT = new URL('../../../../', import.meta.url);
const README = readFileSync(new URL('README.md', ROOT), 'utf8');

describe('the table of formats', () => {
  it('stands in the README as the registry has it (`npm run generate` writes it)', () => {
    expect(README).toContain(formatsTable());
    expect(withFormatsTable(README)).toBe(README);
  });

  it('leads to a page for each format', () => {
    for (const { name } of FORMATS)
      expect({ name, hasPage: existsSync(new URL(`shared/manifests/${name}/README.md`, ROOT)) }).toEqual({ name, hasPage: true });
  });

  it('refuses a README without a place for it', () => {
    expect(() => withFormatsTable('# nothing')).toThrow('has no place for the table of formats');
  });
});
