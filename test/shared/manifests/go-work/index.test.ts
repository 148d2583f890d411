import { describe, expect, it } from 'vitest';
import { gapsOf, localsOf, packagesOf, read, reasonOf } from '../reading.ts';

const FILE = 'go.work';

describe('go.work', () => {
  it('lists what its replacements put in the place of modules that are required', async () => {
    const content = await read(
      'src/go.work',
      `go 1.26

use (
	.
	./tools // a comment
)

replace example.com/a => example.com/fork v1.9.0
replace (
	example.com/a v1.0.0 => example.com/other v1.5.0
	example.com/b => ../b
	example.com/nobody => example.com/unused v1.0.0
)
`,
      {
        'src/go.mod':
          'module m\ngo 1.26\nrequire (\n\texample.com/a v1.0.0\n\texample.com/b v1.0.0 // indirect\n\texample.com/c v1.0.0\n)\n',
        'src/tools/go.mod': 'module m/tools\ngo 1.26\nrequire example.com/a v1.1.0\n',
      },
    );
    expect(packagesOf(content)).toEqual(['example.com/fork@v1.9.0', 'example.com/other@v1.5.0']);
    expect(localsOf(content)).toEqual(['.', 'example.com/b ../b', './tools']);
    expect(content.gaps).toEqual([]);
    expect(content.packages[0]).not.toHaveProperty('line');
  });

  it('asks for no other file where nothing is replaced', async () => {
    expect(await read(FILE, 'go 1.26\nuse ./gone\n')).toMatchObject({ packages: [], gaps: [], locals: [{ name: './gone' }] });
  });

  it('says whose requirements it cannot know', async () => {
    const content = await read(FILE, 'use ./gone\nuse ../out\nuse ./bad\nreplace example.com/a => example.com/fork v1.0.0\n', {
      'bad/go.mod': 'no module\n',
    });
    expect(content.gaps.map(({ name, reason }) => `${name}: ${reason.slice(reason.lastIndexOf(': ') + 2)}`)).toEqual([
      './gone: it has no go.mod in the repository',
      '../out: it lies outside the repository',
      './bad: it begins with "no"',
    ]);
  });

  it('makes gaps of replacements that are none', async () => {
    const content = await read(FILE, 'use .\nreplace example.com/a => example.com/fork\n', {
      'go.mod': 'module m\ngo 1.26\nrequire example.com/a v1.0.0\n',
    });
    expect(gapsOf(content)).toEqual(['unresolved example.com/fork']);
  });

  it.each([
    ['empty', '', /neither "go" nor "use"/],
    ['a go.mod', 'module m\n', /line 1 has no directive that go.work knows/],
    ['cut off', 'use (\n\t./a\n', /ends within its "use \("/],
    ['of too many modules', Array.from({ length: 301 }, (_, index) => `use ./m${index}\n`).join(''), /uses 301 modules; up to 300/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });
});
