/** What one option of a requirements file means to us. */
export type Option =
  | { readonly kind: 'include'; readonly path: string; readonly isConstraint: boolean }
  | { readonly kind: 'editable'; readonly value: string }
  /** In place of the usual index. */
  | { readonly kind: 'index'; readonly address: string }
  /** Beside the index. */
  | { readonly kind: 'another-place'; readonly sentence: string }
  | { readonly kind: 'warning'; readonly sentence: string }
  | { readonly kind: 'unknown'; readonly text: string };

type Meaning = 'include' | 'constraint' | 'editable' | 'index' | 'extra-index' | 'links' | 'trust' | 'hash' | 'value' | 'flag';

/** Options that pip takes within a file (pip 26), and those that older ones took. */
const MEANINGS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['-r', 'include'],
  ['--requirement', 'include'],
  ['-c', 'constraint'],
  ['--constraint', 'constraint'],
  ['-e', 'editable'],
  ['--editable', 'editable'],
  ['-i', 'index'],
  ['--index-url', 'index'],
  ['--pypi-url', 'index'],
  ['--extra-index-url', 'extra-index'],
  ['-f', 'links'],
  ['--find-links', 'links'],
  ['--trusted-host', 'trust'],
  ['-C', 'value'],
  ['--config-setting', 'value'],
  ['--config-settings', 'value'],
  ['--global-option', 'value'],
  ['--install-option', 'value'],
  ['--hash', 'hash'],
  ['--no-binary', 'value'],
  ['--only-binary', 'value'],
  ['--use-feature', 'value'],
  ['--allow-external', 'value'],
  ['--allow-unverified', 'value'],
  ['--no-index', 'flag'],
  ['--pre', 'flag'],
  ['--prefer-binary', 'flag'],
  ['--require-hashes', 'flag'],
  ['--process-dependency-links', 'flag'],
  ['--allow-all-external', 'flag'],
  ['--use-wheel', 'flag'],
  ['--no-use-wheel', 'flag'],
  ['--always-unzip', 'flag'],
  ['-Z', 'flag'],
]);

const HASH = /^[a-z0-9_]+:[0-9a-f]+$/i;

/** The options of one line that begins with `-`. The first unknown one ends it: what follows cannot be told apart. */
export function parseOptions(line: string): readonly Option[] {
  const options: Option[] = [];
  const words = splitQuoted(line);
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const equals = word.startsWith('--') ? word.indexOf('=') : -1;
    const isJoined = !word.startsWith('--') && word.length > 2;
    const name = equals >= 0 ? word.slice(0, equals) : isJoined ? word.slice(0, 2) : word;
    const meaning = MEANINGS.get(name);
    if (meaning === undefined) return [...options, { kind: 'unknown', text: words.slice(index).join(' ') }];
    if (meaning === 'flag') continue;
    let value = equals >= 0 ? word.slice(equals + 1) : isJoined ? word.slice(2).replace(/^=/, '') : undefined;
    value ??= words[++index];
    if (value === undefined) return [...options, { kind: 'unknown', text: line }];
    if (meaning === 'editable') {
      // `name @ address` has spaces; nothing but options of its own can follow it.
      const following = words.slice(index + 1);
      const end = following.findIndex((later) => later.startsWith('-'));
      const rest = end < 0 ? following : following.slice(0, end);
      index += rest.length;
      options.push({ kind: 'editable', value: [value, ...rest].join(' ') });
    } else if (meaning === 'hash') {
      if (!HASH.test(value)) return [...options, { kind: 'unknown', text: words.slice(index).join(' ') }];
    } else {
      const option = toOption(meaning, value);
      if (option) options.push(option);
    }
  }
  return options;
}

function toOption(meaning: Exclude<Meaning, 'hash'>, value: string): Option | undefined {
  const overHttp = /^http:/i.test(value) ? ', over plain HTTP' : '';
  switch (meaning) {
    case 'include':
    case 'constraint':
      return { kind: 'include', path: value, isConstraint: meaning === 'constraint' };
    case 'index':
      return { kind: 'index', address: value };
    case 'extra-index':
      return { kind: 'another-place', sentence: `packages may come from another index as well${overHttp}: ${value}` };
    case 'links':
      return { kind: 'another-place', sentence: `packages may come from a page of links${overHttp}: ${value}` };
    case 'trust':
      return { kind: 'warning', sentence: `the certificate of ${value} is not checked` };
    default:
      return undefined;
  }
}

/** Words, those in quotes whole, as a shell would split them. */
function splitQuoted(line: string): string[] {
  const words = line.match(/(?:"[^"]*"|'[^']*'|[^\s"']|["'])+/g) ?? [];
  return words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'));
}
