import { afterAll, describe, expect, it } from 'vitest';
import { createIsolatedReader } from '../../../shared/manifests/isolated/isolated-reader.ts';
import { FORMATS, formatOnRequest } from '../../../shared/manifests/registry.ts';
import { DEFAULT_SETTINGS } from '../../../shared/model/settings/settings.ts';
import { HOSTILE_PAYLOADS, SAMPLE_PATHS, samplePaths } from './hostile-payloads.ts';
import { bytesOf } from './reading.ts';

/** Large enough for what grows faster than the file to show, small enough for all formats; `bench -- hostile` takes the largest files. */
const CHARACTERS = 200_000;
/** Nothing stands in these, and in the grammar of these formats that is a file without packages. */
const LEGALLY_EMPTY: Readonly<Record<string, readonly string[]>> = {
  'many empty lines': ['requirements', 'go-sum', 'gradle-lockfile', 'cabal-freeze', 'terraform-lock'],
  'only a byte order mark': ['requirements', 'go-sum', 'gradle-lockfile', 'cabal-freeze', 'terraform-lock'],
};

const READING = DEFAULT_SETTINGS.reading;
const reader = createIsolatedReader();

afterAll(() => reader.close());

describe('hostile files', () => {
  it('are tried on every format', () => {
    expect(FORMATS.map(({ name }) => formatOnRequest(SAMPLE_PATHS[name] ?? '')?.name)).toEqual(FORMATS.map(({ name }) => name));
  });

  it.each(samplePaths())('end as an error or with something said, and in time: %s', async (path) => {
    const format = formatOnRequest(path)?.name ?? '';
    for (const { name, make } of HOSTILE_PAYLOADS) {
      const bytes = bytesOf(make(CHARACTERS));
      const { content, wasEnded } = await reader.read(path, async (asked) => (asked === path ? bytes : undefined), READING);
      expect({ name, wasEnded }).toEqual({ name, wasEnded: undefined });
      if (content.status === 'error') {
        expect(content.reason).not.toContain('reader failed');
        continue;
      }
      const isSaid = content.gaps.length + content.warnings.length + content.poisonings.length > 0;
      if (!LEGALLY_EMPTY[name]?.includes(format)) expect({ name, isSaid }).toEqual({ name, isSaid: true });
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
