import { FAILSAFE_SCHEMA, loadAll, realMapTag, YAMLException } from 'js-yaml';
import { parse as parseTomlDocument, TomlError } from 'smol-toml';
import { whyUnreadable } from './text.ts';

/** The general parsers, each behind the limits that keep a hostile file from taking the process down. */

export type Parsed<T> = { readonly value: T } | { readonly reason: string };

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

/** js-yaml takes up to 150 bytes of memory for each character of a hostile document (measured). */
const YAML_MAX_CHARACTERS = 768 * 1024;
/** A pnpm lock nests 6 deep. */
const YAML_MAX_DEPTH = 20;
/** Maps become `Map`, scalars stay strings: `__proto__` is a key like any other, and `5.3` is not rounded. */
const YAML_SCHEMA = FAILSAFE_SCHEMA.withTags(realMapTag);

/** Every document of a YAML stream, maps as `Map` and scalars as strings. Anchors may stand there, aliases may not. */
export function parseYaml(text: string): Parsed<readonly unknown[]> {
  if (text.length > YAML_MAX_CHARACTERS) {
    return {
      reason: `a layout that pnpm does not write, and too large to be read as YAML of any layout (${YAML_MAX_CHARACTERS} characters)`,
    };
  }
  try {
    return { value: loadAll(text, { schema: YAML_SCHEMA, maxAliases: 0, maxDepth: YAML_MAX_DEPTH }) };
  } catch (error) {
    const detail = error instanceof YAMLException ? `: ${error.reason}` : '';
    return { reason: whyUnreadable(text) ?? `not valid YAML${detail}` };
  }
}

/** smol-toml takes up to 250 bytes of memory for each byte of a hostile document. */
const TOML_MAX_CHARACTERS = 512 * 1024;
const TOML_MAX_DEPTH = 8;
/** `a.b.c = 1` makes a table for each dot; a lock file's longest key is a quoted package id with some ten. */
const TOML_MAX_DOTS_IN_KEY = 32;

export function parseToml(text: string): Parsed<Readonly<Record<string, unknown>>> {
  if (text.length > TOML_MAX_CHARACTERS) {
    return {
      reason: `a layout that cargo does not write, and too large to be read as TOML of any layout (${TOML_MAX_CHARACTERS} characters)`,
    };
  }
  const line = findDeepTomlKey(text);
  if (line !== undefined) return { reason: `line ${line} nests deeper than any lock file` };
  try {
    return { value: parseTomlDocument(text, { maxDepth: TOML_MAX_DEPTH }) };
  } catch (error) {
    const place = error instanceof TomlError ? ` (line ${error.line}, column ${error.column})` : '';
    return { reason: whyUnreadable(text) ?? `not valid TOML${place}` };
  }
}

/** The number of the first line with too many dots before its `=`. */
function findDeepTomlKey(text: string): number | undefined {
  let line = 1;
  let dots = 0;
  let inKey = true;
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index);
    if (character === 0x0a) {
      line++;
      dots = 0;
      inKey = true;
    } else if (inKey) {
      if (character === 0x3d) inKey = false;
      else if (character === 0x2e && ++dots > TOML_MAX_DOTS_IN_KEY) return line;
    }
  }
  return undefined;
}
