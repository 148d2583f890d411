import { randomBytes } from 'node:crypto';
import { invalid } from './refusals.ts';

/** SafeDep's largest page, which is also the size where none is asked for. */
const PAGE_MAX_ENTRIES = 100;

/** Places in lists that are remembered, the latest. Ours: more lists are drained at once nowhere. */
const PLACES_MAX = 1_000;

interface Place {
  readonly question: string;
  readonly entries: readonly unknown[];
  readonly offset: number;
}

export interface PageRequest {
  /** Entries of a page: 0 for the largest, which a larger number is cut to. */
  readonly pageSize: number;
  readonly pageToken: string;
}

/**
 * Cuts lists into pages. A list is what it was when its first page was asked for, whatever changes while it is read. Each token is
 * given out once, and goes on from the same place whenever it comes.
 */
export class Pages {
  readonly #places = new Map<string, Place>();

  /**
   * @param question what the list is of; a token of another question is refused.
   * @param list called for the first page only.
   * @throws ConnectError InvalidArgument for a token that is not of this list.
   */
  page<T>(
    question: string,
    list: () => readonly T[],
    { pageSize, pageToken }: PageRequest,
  ): { readonly entries: readonly T[]; readonly nextPageToken: string } {
    const place = pageToken === '' ? { question, entries: list(), offset: 0 } : this.#places.get(pageToken);
    if (place === undefined || place.question !== question) throw invalid('page_token', 'is not one of this list');
    const end = place.offset + Math.min(pageSize || PAGE_MAX_ENTRIES, PAGE_MAX_ENTRIES);
    const entries = place.entries.slice(place.offset, end) as T[];
    return { entries, nextPageToken: end < place.entries.length ? this.#remember({ ...place, offset: end }) : '' };
  }

  #remember(place: Place): string {
    const token = randomBytes(18).toString('base64url');
    this.#places.set(token, place);
    const [oldest] = this.#places.keys();
    if (this.#places.size > PLACES_MAX && oldest !== undefined) this.#places.delete(oldest);
    return token;
  }
}
