import { whyUnreadable } from '../text.ts';
import type { Parsed } from './parsed.ts';

/** JSON of up to this size cannot hold enough values to exhaust 256 MB, whatever stands in it (measured: 171 MB). */
const JSON_UNCOUNTED_MAX_BYTES = 2 * 1024 * 1024;
/** Objects, arrays and commas. An npm lock of 20 MiB has some 450,000; twice this limit takes more than 256 MB (measured). */
const JSON_MAX_VALUES = 750_000;

export function parseJson(bytes: Uint8Array, text: string): Parsed<unknown> {
  if (bytes.length > JSON_UNCOUNTED_MAX_BYTES && countJsonValues(bytes) > JSON_MAX_VALUES) {
    return { reason: `more than ${JSON_MAX_VALUES} values; files with up to that many are read` };
  }
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    const place = /position \d+(?: \(line \d+ column \d+\))?/.exec(error instanceof Error ? error.message : '')?.[0];
    return { reason: whyUnreadable(text) ?? `not valid JSON${place ? ` (${place})` : ''}` };
  }
}

const VALUE_SIGNS = Uint8Array.from({ length: 256 }, (_, byte) => ('{[,'.includes(String.fromCharCode(byte)) ? 1 : 0));

/** An upper bound: brackets and commas within strings count too. */
function countJsonValues(bytes: Uint8Array): number {
  let count = 0;
  for (let index = 0; index < bytes.length; index++) count += VALUE_SIGNS[bytes[index] ?? 0] ?? 0;
  return count;
}
