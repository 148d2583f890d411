import type { CallFailure, CallResult } from './calls.ts';

/** What SafeDep takes as the size of a page at most; ours always, so that a list takes the fewest calls. */
export const PAGE_MAX_ENTRIES = 100;

/** Pages of one list at most. Ours: 100,000 entries, far above any tenant's keys or users; a list that never ends must end here. */
const LIST_MAX_PAGES = 1_000;

export interface Page<T> {
  readonly entries: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** A page that names an earlier one, or itself, as the next. */
export const REPEATED_PAGE: CallFailure = {
  kind: 'incompatible',
  code: 'Internal',
  reason: 'SafeDep sent the same page token again: the list would never end',
};

/** All entries of a list, page by page. A failure on any page is the list's, because part of a list looks like a whole one. */
export async function allPages<T>(fetchPage: (pageToken: string) => Promise<CallResult<Page<T>>>): Promise<CallResult<readonly T[]>> {
  const entries: T[] = [];
  const asked = new Set<string>();
  let pageToken = '';
  do {
    asked.add(pageToken);
    const result = await fetchPage(pageToken);
    if (result.kind !== 'answered') return result;
    entries.push(...result.response.entries);
    pageToken = result.response.nextPageToken;
    if (pageToken === '') return { kind: 'answered', response: entries };
    if (asked.has(pageToken)) return REPEATED_PAGE;
  } while (asked.size < LIST_MAX_PAGES);
  return { kind: 'incompatible', code: 'Internal', reason: `SafeDep sent more than ${LIST_MAX_PAGES} pages of one list` };
}
