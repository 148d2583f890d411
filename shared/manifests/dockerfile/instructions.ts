import { LINE_MAX_CHARACTERS } from '../text.ts';
import { wordsOf } from './words.ts';

/** One instruction, with the lines that it goes on over put together. */
export interface Instruction {
  /** Upper case. */
  readonly keyword: string;
  readonly rest: string;
  readonly line: number;
}

/** What stands between the lines of one instruction at most; a script in a `RUN` has some thousand. */
const INSTRUCTION_MAX_CHARACTERS = 256 * 1024;
const DIRECTIVE = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;
/** A word that begins a text which goes on until its own last line: `<<END`, `<<-"END"`. */
const HEREDOC = /^\d*<<(-?)(["']?)([A-Za-z_][A-Za-z0-9_.-]*)\2$/;
const WITH_HEREDOCS = new Set(['RUN', 'COPY', 'ADD']);

/** The instructions of a Dockerfile, or why it is none. */
export function parseInstructions(text: string): readonly Instruction[] | { readonly reason: string } {
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  const escapeSign = escapeOf(lines);
  const instructions: Instruction[] = [];
  for (let index = 0; index < lines.length; ) {
    const start = index;
    const parts: string[] = [];
    let length = 0;
    let goesOn = true;
    while (goesOn && index < lines.length) {
      const line = lines[index++] ?? '';
      if (line.length > LINE_MAX_CHARACTERS)
        return { reason: `line ${index} has ${line.length} characters; up to ${LINE_MAX_CHARACTERS} are read` };
      const trimmed = line.trim();
      // Comments and empty lines may stand within an instruction; before one they are nothing.
      if (trimmed === '' || trimmed.startsWith('#')) {
        if (parts.length === 0) break;
        continue;
      }
      // White space before the next line's text stays; one escape sign after another is a sign like any other.
      const written = parts.length === 0 ? trimmed : line.trimEnd();
      goesOn = written.endsWith(escapeSign) && written.at(-2) !== escapeSign;
      parts.push(goesOn ? written.slice(0, -1) : written);
      length += trimmed.length;
      if (length > INSTRUCTION_MAX_CHARACTERS)
        return { reason: `line ${start + 1}: an instruction of more than ${INSTRUCTION_MAX_CHARACTERS} characters` };
    }
    if (parts.length === 0) continue;
    const whole = parts.join('');
    const end = whole.search(/\s/);
    const keyword = (end < 0 ? whole : whole.slice(0, end)).toUpperCase();
    const rest = end < 0 ? '' : whole.slice(end + 1).trim();
    instructions.push({ keyword, rest, line: start + 1 });
    if (!WITH_HEREDOCS.has(keyword)) continue;
    const after = passHeredocs(rest, lines, index);
    if (after === undefined) return { reason: `line ${start + 1}: a text that does not end (<<)` };
    index = after;
  }
  return instructions;
}

/** A directive at the very beginning may put another sign in place of the backslash. */
function escapeOf(lines: readonly string[]): string {
  for (const line of lines) {
    const [, name, value] = DIRECTIVE.exec(line.slice(0, 256)) ?? [];
    if (name === undefined) return '\\';
    if (name.toLowerCase() === 'escape' && value === '`') return '`';
  }
  return '\\';
}

/** The first line after the texts that begin in this instruction. */
function passHeredocs(rest: string, lines: readonly string[], from: number): number | undefined {
  let index = from;
  for (const candidate of wordsOf(rest)) {
    const [, dash, , word] = HEREDOC.exec(candidate) ?? [];
    if (word === undefined) continue;
    for (; ; index++) {
      const line = lines[index];
      if (line === undefined) return undefined;
      if ((dash === '-' ? line.replace(/^\t+/, '') : line) === word) break;
    }
    index++;
  }
  return index;
}
