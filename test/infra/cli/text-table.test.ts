import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textTable } from '../../../infra/cli/text-table.ts';

describe('textTable', () => {
  it('aligns columns and leaves no blanks at the ends of lines', () => {
    expect(
      textTable(
        ['id', 'name'],
        [
          ['1', 'a'],
          ['22', ''],
        ],
      ),
    ).toEqual(['id  name', '1   a', '22']);
  });

  it('cuts the widest columns until the table fits, and says where', () => {
    expect(textTable(['id', 'text'], [['1', 'a long text that does not fit']], 20)).toEqual(['id  text', '1   a long text tha…']);
  });

  it('stays within the width whenever its columns can be cut so far', () => {
    const cell = fc.string({ unit: 'grapheme-ascii', maxLength: 60 });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 }), fc.integer({ min: 28, max: 200 }), (rows, width) => {
        for (const line of textTable(['a', 'b', 'c'], rows, width)) expect(Array.from(line).length).toBeLessThanOrEqual(width);
      }),
    );
  });
});
