import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseElixirTerm, parseErlangTerms, type Term } from '../../../../shared/manifests/syntax/beam-terms.ts';

const text = fc.string({ unit: fc.constantFrom('a', 'Z', '0', ' ', '"', "'", '\\', '%', '.', '}', '>>', 'é'), maxLength: 6 });
const word = fc.stringMatching(/^[a-z][a-zA-Z0-9_@]{0,5}$/);
const { term } = fc.letrec<{ term: Term }>((tie) => ({
  term: fc.oneof(
    { maxDepth: 4 },
    fc.record({ kind: fc.constant('text' as const), value: text }),
    fc.record({ kind: fc.constant('atom' as const), value: word }),
    fc.record({ kind: fc.constant('number' as const), value: fc.nat().map(String) }),
    fc.record({ kind: fc.constantFrom('tuple' as const, 'list' as const), items: fc.array(tie('term'), { maxLength: 4 }) }),
  ),
}));

function quote(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

function writeErlang(written: Term): string {
  if (written.kind === 'text') return `<<${quote(written.value)}>>`;
  if (written.kind === 'atom' || written.kind === 'number') return written.value;
  const inner = 'items' in written ? written.items.map(writeErlang).join(', % comment }\n ') : '';
  return written.kind === 'tuple' ? `{${inner}}` : `[${inner}]`;
}

function writeElixir(written: Term): string {
  if (written.kind === 'text') return quote(written.value);
  if (written.kind === 'atom') return `:${written.value}`;
  if (written.kind === 'number') return written.value;
  const inner = 'items' in written ? written.items.map(writeElixir).join(', # comment }\n ') : '';
  return written.kind === 'tuple' ? `{${inner}}` : `[${inner}]`;
}

describe('terms of Elixir and Erlang', () => {
  it('are read back as they were written', () => {
    fc.assert(
      fc.property(term, (written) => {
        expect(parseElixirTerm(writeElixir(written))).toEqual({ value: written });
        expect(parseErlangTerms(`${writeErlang(written)}.\n`)).toEqual({ value: [written] });
      }),
    );
  });

  it('tell keys from values', () => {
    expect(parseElixirTerm('%{"a": 1, :b => nil, c: [d: true]}')).toMatchObject({
      value: {
        kind: 'map',
        items: [
          { kind: 'pair', key: { kind: 'text', value: 'a' }, value: { kind: 'number', value: '1' }, line: 1 },
          { kind: 'pair', key: { kind: 'atom', value: 'b' }, value: { kind: 'atom', value: 'nil' } },
          { kind: 'pair', key: { value: 'c' }, value: { kind: 'list', items: [{ kind: 'pair', key: { value: 'd' } }] } },
        ],
      },
    });
  });

  it('end as a reason on anything else, with the line', () => {
    const piece = fc.constantFrom(
      '%{',
      '{',
      '}',
      '[',
      ']',
      '<<',
      '>>',
      '"',
      ':',
      '=>',
      ',',
      '.',
      'a',
      '1',
      '\n',
      ' ',
      '\\',
      '#',
      '%',
      "'",
      'é',
      '\u0000',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        for (const parse of [parseElixirTerm, parseErlangTerms]) {
          const parsed = parse(pieces.join(''));
          if ('reason' in parsed) expect(parsed.reason).toMatch(/^(?:line \d+: |no term)/);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('are read in time that grows with their length', () => {
    for (const hostile of [
      '"'.padEnd(1_000_000, 'a'),
      '"'.padEnd(1_000_000, '\\"'),
      '\n'.repeat(1_000_000),
      '[1,'.padEnd(1_000_000, '1,'),
    ]) {
      expect(parseElixirTerm(hostile)).toHaveProperty('reason');
      expect(parseErlangTerms(hostile)).toBeDefined();
    }
  });
});
