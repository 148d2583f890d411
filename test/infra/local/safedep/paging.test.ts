import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Pages } from '../../../../infra/local/safedep/paging.ts';

it('gives every entry once and in order, never a token twice, and no page above 100', () => {
  fc.assert(
    fc.property(fc.nat({ max: 450 }), fc.nat({ max: 200 }), (count, pageSize) => {
      const pages = new Pages();
      const entries = Array.from({ length: count }, (_, index) => index);
      const seen: number[] = [];
      const tokens = new Set<string>();
      let pageToken = '';
      do {
        tokens.add(pageToken);
        const page = pages.page('numbers', () => entries, { pageSize, pageToken });
        expect(page.entries.length).toBeLessThanOrEqual(Math.min(pageSize || 100, 100));
        // Asked again, the same place: a caller who did not hear the answer loses nothing.
        expect(pages.page('numbers', () => [], { pageSize, pageToken: page.nextPageToken || pageToken }).entries).toBeDefined();
        seen.push(...page.entries);
        expect(tokens.has(page.nextPageToken) && page.nextPageToken !== '').toBe(false);
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      expect(seen).toEqual(entries);
    }),
  );
});

it('refuses a token of another list, and one that it did not give out', () => {
  const pages = new Pages();
  const { nextPageToken } = pages.page('one', () => [1, 2], { pageSize: 1, pageToken: '' });
  expect(() => pages.page('other', () => [1, 2], { pageSize: 1, pageToken: nextPageToken })).toThrow(/page_token/);
  expect(() => pages.page('one', () => [1, 2], { pageSize: 1, pageToken: 'made-up' })).toThrow(/page_token/);
});
