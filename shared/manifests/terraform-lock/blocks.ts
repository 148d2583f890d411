import { checkEntryCount } from '../reading.ts';
import { HclError, type Token, Tokens } from './tokens.ts';

/** A block of a lock file: `TYPE "LABEL" { ATTRIBUTE = VALUE ... }`. */
export interface Block {
  readonly type: string;
  readonly labels: readonly string[];
  /** Texts and lists of texts by name. */
  readonly attributes: ReadonlyMap<string, string | readonly string[]>;
  /** The line of its type. */
  readonly line: number;
}

/** The blocks of a lock file. Throws `HclError` on anything else than blocks, and within them on anything else than texts and lists of texts. */
export function parseBlocks(text: string): Block[] {
  const tokens = new Tokens(text);
  const blocks: Block[] = [];
  for (let token = tokens.nextBeyondLines(); token.kind !== 'end'; token = tokens.nextBeyondLines()) {
    if (token.kind !== 'name') throw unexpected(token, 'a block');
    blocks.push(readBlock(token, tokens));
    checkEntryCount(blocks.length);
    const after = tokens.next();
    if (after.kind !== 'newline' && after.kind !== 'end') throw unexpected(after, 'a new line after the block');
  }
  return blocks;
}

function readBlock({ text: type, line }: Token, tokens: Tokens): Block {
  const labels: string[] = [];
  let token = tokens.next();
  for (; token.kind === 'text' || token.kind === 'name'; token = tokens.next()) labels.push(token.text);
  if (token.text !== '{') throw unexpected(token, '"{"');
  const attributes = new Map<string, string | readonly string[]>();
  for (token = tokens.nextBeyondLines(); token.text !== '}' || token.kind !== 'sign'; token = tokens.nextBeyondLines()) {
    if (token.kind !== 'name') throw unexpected(token, 'an attribute');
    if (attributes.has(token.text)) throw new HclError(`line ${token.line}: a second "${token.text}"`);
    const equals = tokens.next();
    if (equals.text !== '=' || equals.kind !== 'sign') throw unexpected(equals, '"="');
    attributes.set(token.text, readValue(tokens));
    const after = tokens.next();
    if (after.kind === 'sign' && after.text === '}') break;
    if (after.kind !== 'newline') throw unexpected(after, 'a new line after the attribute');
  }
  return { type, labels, attributes, line };
}

function readValue(tokens: Tokens): string | readonly string[] {
  const token = tokens.next();
  if (token.kind === 'text') return token.text;
  if (token.kind !== 'sign' || token.text !== '[') throw unexpected(token, 'a text or a list');
  const list: string[] = [];
  for (let item = tokens.nextBeyondLines(); item.text !== ']' || item.kind !== 'sign'; item = tokens.nextBeyondLines()) {
    if (item.kind !== 'text') throw unexpected(item, 'a text');
    list.push(item.text);
    const after = tokens.nextBeyondLines();
    if (after.kind === 'sign' && after.text === ']') break;
    if (after.kind !== 'sign' || after.text !== ',') throw unexpected(after, '","');
  }
  return list;
}

function unexpected({ kind, text, line }: Token, wanted: string): HclError {
  const found = kind === 'end' ? 'the end of the file' : kind === 'newline' ? 'the end of the line' : JSON.stringify(text.slice(0, 40));
  return new HclError(`line ${line}: ${found} in place of ${wanted}`);
}
