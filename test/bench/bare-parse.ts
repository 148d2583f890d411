import { parseSyml } from '@yarnpkg/parsers';
import { XMLParser } from 'fast-xml-parser';
import { loadAll } from 'js-yaml';
import { type ParseError, parse as parseJsonWithComments } from 'jsonc-parser';
import { parse as parseToml } from 'smol-toml';
import { decodeText } from '../../shared/manifests/text.ts';

/** A general parser for the syntax of some files, from their bytes, and the bar of issue 5: how many times its speed we must have. */
export interface BareParse {
  readonly parser: string;
  readonly bar: number;
  parse(bytes: Uint8Array, path: string): unknown;
}

/** As real files are decoded: a byte order mark, UTF-16. */
const textOf = (bytes: Uint8Array): string => decodeText(bytes).text;

function parseJsonc(text: string): unknown {
  const errors: ParseError[] = [];
  const value: unknown = parseJsonWithComments(text, errors, { allowTrailingComma: true });
  if (errors.length > 0) throw new Error('not JSON with comments');
  return value;
}

function parseYaml(text: string): unknown {
  const documents = loadAll(text);
  if (!documents.some((document) => typeof document === 'object')) throw new Error('no YAML of a map or list');
  return documents;
}

function parseXml(text: string): unknown {
  if (!text.trimStart().startsWith('<')) throw new Error('not XML');
  return new XMLParser({ ignoreAttributes: false }).parse(text);
}

const OF_YARN_1: BareParse = { parser: 'parseSyml', bar: 3, parse: (bytes) => parseSyml(textOf(bytes)) };
const OF_YARN: BareParse = { ...OF_YARN_1, bar: 0.8 };
const OF_PNPM: BareParse = { parser: 'js-yaml', bar: 3, parse: (bytes) => parseYaml(textOf(bytes)) };

/** The first that takes a file is its syntax. */
const BY_SYNTAX: readonly BareParse[] = [
  { parser: 'JSON.parse', bar: 0.5, parse: (bytes) => JSON.parse(textOf(bytes)) },
  { parser: 'jsonc-parser', bar: 0.5, parse: (bytes) => parseJsonc(textOf(bytes)) },
  { parser: 'fast-xml-parser', bar: 0.8, parse: (bytes) => parseXml(textOf(bytes)) },
  { parser: 'smol-toml', bar: 0.5, parse: (bytes) => parseToml(textOf(bytes)) },
  { parser: 'js-yaml', bar: 0.8, parse: (bytes) => parseYaml(textOf(bytes)) },
];

/** What to compare with, told by the largest of the files; `undefined` for a format of lines. */
export function bareParseOf(files: readonly { readonly path: string; readonly bytes: Uint8Array }[]): BareParse | undefined {
  const { path, bytes } = files.reduce((a, b) => (b.bytes.length > a.bytes.length ? b : a));
  if (path.endsWith('yarn.lock')) return textOf(bytes).includes('\n__metadata:') ? OF_YARN : OF_YARN_1;
  if (path.endsWith('pnpm-lock.yaml')) return OF_PNPM;
  return BY_SYNTAX.find(({ parse }) => {
    try {
      parse(bytes, path);
      return true;
    } catch {
      return false; // the next one may take it
    }
  });
}
