/** What SafeDep said of a message: taken, or refused for good. */
export type Settlement = 'acknowledged' | 'refused';

/** Messages by their digest (`message-digest.ts`). */
export type SettledMessages = ReadonlyMap<string, Settlement>;

/** 128 bits: a repository of a million messages has no two alike. */
export const DIGEST_BYTES = 16;
const ENTRY_BYTES = DIGEST_BYTES + 1;
/** 340,000 bytes: DynamoDB takes 400 KB an item, and digests do not compress. */
const PAGE_MAX_ENTRIES = 20_000;

const CODES: Readonly<Record<Settlement, number>> = { acknowledged: 0, refused: 1 };

/** One page at least, so that "nothing" and "not written" differ. Reversed by `decodeSettled`, page by page. */
export function encodeSettled(messages: SettledMessages): Uint8Array[] {
  const entries = [...messages];
  const pages: Uint8Array[] = [];
  for (let start = 0; start === 0 || start < entries.length; start += PAGE_MAX_ENTRIES) {
    const slice = entries.slice(start, start + PAGE_MAX_ENTRIES);
    const page = Buffer.alloc(slice.length * ENTRY_BYTES);
    for (const [index, [digest, settlement]] of slice.entries()) {
      page.write(digest, index * ENTRY_BYTES, DIGEST_BYTES, 'hex');
      page[index * ENTRY_BYTES + DIGEST_BYTES] = CODES[settlement];
    }
    pages.push(page);
  }
  return pages;
}

/** @throws Error for what is no page of ours: nobody is told less because a page cannot be read. */
export function decodeSettled(page: Uint8Array): SettledMessages {
  const bytes = Buffer.from(page);
  if (bytes.length % ENTRY_BYTES !== 0)
    throw new Error(`a page of reported messages has ${bytes.length} bytes, no multiple of ${ENTRY_BYTES}`);
  const messages = new Map<string, Settlement>();
  for (let at = 0; at < bytes.length; at += ENTRY_BYTES) {
    const isRefused = bytes[at + DIGEST_BYTES] === CODES.refused;
    messages.set(bytes.toString('hex', at, at + DIGEST_BYTES), isRefused ? 'refused' : 'acknowledged');
  }
  return messages;
}
