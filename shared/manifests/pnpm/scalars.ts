/** Thrown at the first line that pnpm does not write: the file is then for the YAML parser. */
export class UnexpectedLine extends Error {}

/** What may not begin a plain scalar that pnpm writes: quotes, indicators, anchors, aliases, tags. */
const INDICATOR = /^[&*!|>%@`"'?{}[\],#]|^[-?:](?: |$)/;

/** Tabs, and spaces that are none to YAML, among them: no key or version of pnpm's has any. */
const NOT_ASCII = /[^\x20-\x7e]/;

/** Signs of names, versions, peers and hosts that mean nothing to YAML within a plain scalar: 1; at its start, too: 2. */
const PLAIN_SIGNS = Uint8Array.from({ length: 128 }, (_, code) => {
  const sign = String.fromCharCode(code);
  return /[A-Za-z0-9/_^.]/.test(sign) ? 2 : /[@()+~=-]/.test(sign) ? 1 : 0;
});

function isPlain(text: string, start: number, end: number): boolean {
  for (let index = start; index < end; index++) {
    if ((PLAIN_SIGNS[text.charCodeAt(index)] ?? 0) === 0) return false;
  }
  return start < end;
}

function isPlainStart(text: string, index: number): boolean {
  return PLAIN_SIGNS[text.charCodeAt(index)] === 2;
}

/** The key of `key:` or `'key':` as nearly all are; `undefined` for any other line, which is not refused by that. */
export function readSimpleKey(line: string): string | undefined {
  const last = line.length - 1;
  if (line.charCodeAt(last) !== 0x3a) return undefined;
  if (line.charCodeAt(0) !== 0x27) return isPlainStart(line, 0) && isPlain(line, 0, last) ? line.slice(0, last) : undefined;
  return line.charCodeAt(last - 1) === 0x27 && isPlain(line, 1, last - 1) ? line.slice(1, last - 1) : undefined;
}

/** A pair as nearly all are; `undefined` for any other. */
function readSimplePair(line: string): { readonly key: string; readonly value: string } | undefined {
  const split = line.indexOf(': ');
  if (split < 0) {
    const key = readSimpleKey(line);
    return key === undefined ? undefined : { key, value: '' };
  }
  const start = split + 2;
  if (!isPlainStart(line, 0) || !isPlain(line, 0, split) || !isPlainStart(line, start) || !isPlain(line, start, line.length))
    return undefined;
  return { key: line.slice(0, split), value: line.slice(start) };
}

/** `key: value`, either of them quoted or plain; an empty flow collection stays as it is. */
export function readPair(line: string): { readonly key: string; readonly value: string } {
  const simple = readSimplePair(line);
  if (simple) return simple;
  if (NOT_ASCII.test(line)) throw new UnexpectedLine();
  const key = line.charCodeAt(0) === 0x27 ? readQuoted(line) : undefined;
  if (key) {
    if (line.charCodeAt(key.end) !== 0x3a) throw new UnexpectedLine();
    return { key: key.text, value: readScalar(line.slice(key.end + 1)) };
  }
  if (INDICATOR.test(line)) throw new UnexpectedLine();
  const separator = line.indexOf(': ');
  const colon = separator >= 0 ? separator : line.endsWith(':') ? line.length - 1 : -1;
  if (colon <= 0) throw new UnexpectedLine();
  const plain = line.slice(0, colon);
  if (plain.includes(' #') || plain.endsWith(' ')) throw new UnexpectedLine();
  return { key: plain, value: readScalar(line.slice(colon + 1)) };
}

export function isCollection(value: string): boolean {
  return value === '{}' || value === '[]';
}

/** The value behind a colon. Where a space does not follow it, the line is not what it seems. */
export function readScalar(rest: string): string {
  if (rest === '') return '';
  if (rest.charCodeAt(0) !== 0x20) throw new UnexpectedLine();
  const value = rest.trim();
  if (value === '' || isCollection(value)) return value;
  if (value.startsWith("'")) {
    const quoted = readQuoted(value);
    if (quoted?.end !== value.length) throw new UnexpectedLine();
    return quoted.text;
  }
  if (INDICATOR.test(value) || value.includes(': ') || value.includes(' #') || value.endsWith(':')) throw new UnexpectedLine();
  return value;
}

/** A single-quoted scalar at the start; `undefined` where it does not end on the line. */
function readQuoted(text: string): { readonly text: string; readonly end: number } | undefined {
  for (let from = 1; ; ) {
    const quote = text.indexOf("'", from);
    if (quote < 0) return undefined;
    if (text.charCodeAt(quote + 1) === 0x27) from = quote + 2;
    else return { text: text.slice(1, quote).replaceAll("''", "'"), end: quote + 1 };
  }
}

const FLOW_PAIR = /\s*([A-Za-z]+): (?:'((?:[^']|'')*)'|([^\s'"{}[\],&*!|>%@`#][^\s{}[\],]*))\s*(,|$)/y;

/** `{integrity: sha512-x, tarball: https://...}` on one line, as pnpm writes a resolution. */
export function readFlowMap(value: string): Map<string, string> {
  if (NOT_ASCII.test(value) || !value.startsWith('{') || !value.endsWith('}')) throw new UnexpectedLine();
  const body = value.slice(1, -1).trimEnd();
  const fields = new Map<string, string>();
  for (FLOW_PAIR.lastIndex = 0; FLOW_PAIR.lastIndex < body.length; ) {
    const [, key, quoted, plain, separator] = FLOW_PAIR.exec(body) ?? [];
    const text = quoted === undefined ? plain : quoted.replaceAll("''", "'");
    if (key === undefined || text === undefined || fields.has(key)) throw new UnexpectedLine();
    fields.set(key, text);
    if (separator === '') break;
  }
  return fields;
}
