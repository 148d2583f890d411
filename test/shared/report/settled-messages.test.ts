import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSettled, encodeSettled, type Settlement } from '../../../shared/report/settled-messages.ts';

const ITEM_MAX_BYTES = 400 * 1024;
const digest = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const settlement = fc.constantFrom<Settlement>('acknowledged', 'refused');

describe('pages of settled messages', () => {
  it('come back as they were written, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(digest, settlement), { maxLength: 50 }), (entries) => {
        const messages = new Map(entries);
        const back = encodeSettled(messages).flatMap((page) => [...decodeSettled(page)]);
        expect(back).toEqual([...messages]);
      }),
    );
  });

  it('are one where nothing was settled, and as many as an item of DynamoDB needs', () => {
    expect(encodeSettled(new Map())).toHaveLength(1);
    const many = new Map(Array.from({ length: 50_000 }, (_, index) => [index.toString(16).padStart(32, '0'), 'acknowledged' as const]));
    const pages = encodeSettled(many);
    expect(pages.length).toBeGreaterThan(1);
    for (const page of pages) expect(page.length).toBeLessThan(ITEM_MAX_BYTES);
    expect(new Map(pages.flatMap((page) => [...decodeSettled(page)]))).toEqual(many);
  });

  it('refuses a page that is cut off', () => expect(() => decodeSettled(new Uint8Array(20))).toThrow('no multiple of 17'));
});
