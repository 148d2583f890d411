import { checkEntryCount } from '../reading.ts';
import { LINE_MAX_CHARACTERS } from '../text.ts';

export interface Requirement {
  readonly path: string;
  readonly version: string;
  readonly isIndirect: boolean;
  /** From 1. */
  readonly line: number | undefined;
}

export interface Replacement {
  readonly path: string;
  readonly version: string | undefined;
}

/** What a `go.mod` or `go.work` says. */
export interface GoFile {
  readonly module: string | undefined;
  readonly goVersion: string | undefined;
  readonly required: readonly Requirement[];
  /** By `path` and by `path@version`. */
  readonly replacements: ReadonlyMap<string, Replacement>;
  /** `path@version`. */
  readonly excluded: ReadonlySet<string>;
  /** Folders of modules. */
  readonly used: readonly string[];
}

/** Every directive of the grammars (Go 1.26). */
const DIRECTIVES = {
  'go.mod': new Set(['module', 'go', 'toolchain', 'godebug', 'require', 'exclude', 'replace', 'retract', 'tool', 'ignore']),
  'go.work': new Set(['go', 'toolchain', 'godebug', 'use', 'replace']),
};

/** What the file says, or why it is none, in words that end a sentence. */
export function parseGoFile(text: string, kind: keyof typeof DIRECTIVES): GoFile | { readonly reason: string } {
  const collected = new Collected();
  let block = '';
  let line = 0;
  for (let start = 0; start <= text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    line++;
    if (end - start > LINE_MAX_CHARACTERS) return { reason: `line ${line} has ${end - start} characters; ${kind} has no such lines` };
    const split = splitWords(text.slice(start, end));
    start = end + 1;
    if (!split) return { reason: `line ${line} is no line of a ${kind} file: a quotation does not end` };
    const { words, comment } = split;
    if (words.length === 0) continue;
    if (block !== '' && words[0] === ')' && words.length === 1) {
      block = '';
      continue;
    }
    const directive = block === '' ? (words.shift() ?? '') : block;
    if (!DIRECTIVES[kind].has(directive))
      return { reason: `line ${line} has no directive that ${kind} knows: it begins with ${JSON.stringify(directive.slice(0, 40))}` };
    if (block === '' && words[0] === '(' && words.length === 1) {
      block = directive;
      continue;
    }
    const reason = collected.add(directive, words, comment, line);
    if (reason !== undefined) return { reason: `line ${line}: ${reason}` };
  }
  return block === '' ? collected : { reason: `the file ends within its "${block} (" block` };
}

class Collected implements GoFile {
  module: string | undefined;
  goVersion: string | undefined;
  readonly required: Requirement[] = [];
  readonly replacements = new Map<string, Replacement>();
  readonly excluded = new Set<string>();
  readonly used: string[] = [];

  /** Why the words are none of the directive. */
  add(directive: string, words: readonly string[], comment: string, line: number): string | undefined {
    const [first, second] = words;
    switch (directive) {
      case 'module':
        if (first === undefined || words.length !== 1) return '"module" takes a path';
        this.module = first;
        return undefined;
      case 'go':
        if (first === undefined || words.length !== 1) return '"go" takes a version';
        this.goVersion = first;
        return undefined;
      case 'require':
        if (first === undefined || second === undefined || words.length !== 2) return '"require" takes a path and a version';
        this.required.push({ path: first, version: second, isIndirect: isIndirect(comment), line });
        checkEntryCount(this.required.length);
        return undefined;
      case 'exclude':
        if (first === undefined || second === undefined || words.length !== 2) return '"exclude" takes a path and a version';
        this.excluded.add(`${first}@${second}`);
        return undefined;
      case 'use':
        if (first === undefined || words.length !== 1) return '"use" takes a folder';
        this.used.push(first);
        return undefined;
      case 'replace':
        return this.#addReplacement(words);
      default:
        return words.length === 0 ? `"${directive}" takes something` : undefined;
    }
  }

  #addReplacement(words: readonly string[]): string | undefined {
    const arrow = words.indexOf('=>');
    const [from, fromVersion] = words.slice(0, Math.max(arrow, 0));
    const [path, version] = words.slice(arrow + 1);
    if (from === undefined || path === undefined || arrow > 2 || words.length - arrow > 3)
      return '"replace" takes PATH [VERSION] => PATH [VERSION]';
    this.replacements.set(fromVersion === undefined ? from : `${from}@${fromVersion}`, { path, version });
    return undefined;
  }
}

/** Go's own test: the word alone, or before a semicolon. */
function isIndirect(comment: string): boolean {
  const text = comment.trim();
  return text === 'indirect' || text.startsWith('indirect;');
}

/** The words of one line, and its comment without the slashes; `undefined` where a quotation does not end. */
function splitWords(line: string): { readonly words: string[]; readonly comment: string } | undefined {
  const words: string[] = [];
  const word = /\s*(?:\/\/(.*)|"((?:[^"\\]|\\.)*)"|`([^`]*)`|(=>|[()])|((?:(?!\/\/|=>)[^\s"`()])+)|(\S))/y;
  while (word.lastIndex < line.length) {
    const match = word.exec(line);
    if (!match) break;
    const [, comment, quoted, raw, sign, plain, stray] = match;
    if (comment !== undefined) return { words, comment };
    if (stray !== undefined) return undefined;
    const text = quoted ?? raw ?? sign ?? plain;
    if (text !== undefined) words.push(text);
  }
  return { words, comment: '' };
}
