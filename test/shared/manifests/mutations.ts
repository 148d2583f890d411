import fc from 'fast-check';
import { expect } from 'vitest';
import { contentOf, packagesOf, read } from './reading.ts';

/** What a slip of the keyboard or of a merge puts in. A sign that begins a comment is no damage in a format that has comments. */
const REPLACEMENTS = [
  'x',
  'X',
  '0',
  ' ',
  '\n',
  '"',
  "'",
  '{',
  '}',
  '[',
  ']',
  ':',
  '=',
  ',',
  '@',
  '/',
  '-',
  '.',
  '\\',
  '<',
  '>',
  '\u0001',
  'é',
];

export interface MutationOptions {
  readonly siblings?: Readonly<Record<string, string>>;
  readonly numRuns?: number;
  /** Signs that are not put in: those that make a legal comment, or legally end an entry. */
  readonly except?: readonly string[];
}

/**
 * Holds a reader to the rule that damage is never passed over in silence. One character of a good file is replaced: then the same
 * packages are read, or one of them under another name or version, or the file ends as an error, or something is said (a gap, a
 * warning, a sign of poisoning). A package that turns into our own code without a word is a loss, too.
 */
export async function expectNoSilentLoss(path: string, text: string, options: MutationOptions = {}): Promise<void> {
  const { siblings = {}, numRuns = 300, except = [] } = options;
  const whole = await read(path, text, siblings);
  const before = packagesOf(whole);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(text.length - 1),
      fc.constantFrom(...REPLACEMENTS.filter((sign) => !except.includes(sign))),
      async (at, sign) => {
        const content = await contentOf(path, text.slice(0, at) + sign + text.slice(at + 1), siblings);
        if (content.status === 'error') {
          expect(content.reason).not.toContain('reader failed');
          return;
        }
        const { gaps, warnings, poisonings } = content;
        const isSaid = gaps.length > whole.gaps.length || warnings.length > whole.warnings.length || poisonings.length > 0;
        if (isSaid) return;
        const after = new Set(packagesOf(content));
        const lost = before.filter((key) => !after.has(key));
        expect(lost.length).toBeLessThanOrEqual(1);
        expect(after.size).toBe(before.length);
      },
    ),
    { numRuns },
  );
}
