import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { contentOf, gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'requirements.txt';

describe('requirements, one line', () => {
  it.each([
    ['flask==2.3.3', 'flask@2.3.3'],
    ['Flask == 2.3.3', 'Flask@2.3.3'],
    ['urllib3===1.26.20', 'urllib3@1.26.20'],
    ['celery [redis, pytest] == 4.4.7', 'celery@4.4.7'],
    ['local-version==1.2.3+gcr.2', 'local-version@1.2.3+gcr.2'],
    ['epoch==1!2.0', 'epoch@1!2.0'],
    ["a==1.0;python_version<'3'", 'a@1.0'],
    ['a==1.0 ; sys_platform == "win32"', 'a@1.0'],
    ['a==1.0 --hash=sha256:123 --hash=sha256:456', 'a@1.0'],
    ['a==1.0 --hash=sha256:123 stray words', 'a@1.0'],
    ['a==1.0 -C bar', 'a@1.0'],
    ['a--b==1.0', 'a--b@1.0'],
    ['a==1.0 # comment', 'a@1.0'],
    ['a==1.0#comment', 'a@1.0'],
    ['a>=0.5,==1.0', 'a@1.0'],
    ['a (==1.0)', 'a@1.0'],
    ['a==1.0 \\\n    --hash=sha256:123', 'a@1.0'],
    ['a \\\n  == 1.0', 'a@1.0'],
    ['a==1.0 \\', 'a@1.0'],
  ])('reads the pin in %j', async (line, wanted) => {
    const content = await read(FILE, `${line}\n`);
    expect(packagesOf(content)).toEqual([wanted]);
    expect(content.gaps).toEqual([]);
  });

  it.each([
    ['flask', 'unresolved flask'],
    ['flask>=2', 'unresolved flask >=2'],
    ['flask==2.*', 'unresolved flask ==2.*'],
    ['flask~=2.0', 'unresolved flask ~=2.0'],
    ['flask==1.0,==2.0', 'unresolved flask ==1.0,==2.0'],
    ['flask==', 'unresolved flask =='],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of pip's
    ['flask==${VERSION}', 'unresolved flask ==${VERSION}'],
    ['flask==1.0 stray', 'unresolved flask ==1.0 stray'],
    ['flask @ git+https://git.example/flask.git@main', 'unsupported flask git+https://git.example/flask.git@main'],
    [
      'flask[async] @ https://me:secret@files.example/flask.whl ; python_version > "3"',
      'unsupported flask https://***@files.example/flask.whl ; python_version > "3"',
    ],
    ['git+ssh://git@git.example/x.git#egg=x-y', 'unsupported x-y git+ssh://git@git.example/x.git#egg=x-y'],
    ['https://files.example/x_y-1.0-py3-none-any.whl', 'unsupported x_y https://files.example/x_y-1.0-py3-none-any.whl'],
    ['-e git+https://git.example/z.git', 'unsupported z git+https://git.example/z.git'],
    ['-elery[redis] == 4.4.7', 'unresolved lery[redis] lery[redis] == 4.4.7'],
    ['-e name @ git+https://git.example/z.git', 'unsupported name git+https://git.example/z.git'],
  ])('makes a gap of %j', async (line, wanted) => {
    const content = await read(FILE, `${line}\n`);
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([wanted]);
  });

  it.each([
    ['-e .', '. .'],
    ['-e ./lib[extra]', 'lib ./lib[extra]'],
    ['--editable=lib', 'lib lib'],
    ['./lib', 'lib ./lib'],
    ['../lib', 'lib ../lib'],
    ['vendor/a.whl', 'a vendor/a.whl'],
    ['a-1.0.tar.gz', 'a a-1.0.tar.gz'],
    ['lib @ file:libs/lib', 'lib file:libs/lib'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of pdm's
    ['lib @ file:///${PROJECT_ROOT}/lib', 'lib file:///${PROJECT_ROOT}/lib'],
  ])('takes %j for our own code', async (line, wanted) => {
    const content = await read(FILE, `${line}\n`);
    expect(localsOf(content)).toEqual([wanted]);
    expect(content).toMatchObject({ packages: [], gaps: [], warnings: [] });
  });

  it.each([
    ['/opt/lib', 'unresolved lib /opt/lib'],
    ['~/lib', 'unresolved lib ~/lib'],
    ['C:\\lib\\a.whl', 'unresolved C C:\\lib\\a.whl'],
    ['-e file:///opt/lib', 'unresolved lib file:///opt/lib'],
    ['attrs @ file:///tmp/build/attrs_1/work', 'unresolved attrs file:///tmp/build/attrs_1/work'],
  ])('makes a gap of %j, which leads out of the repository', async (line, wanted) => {
    const content = await read(FILE, `${line}\n`);
    expect(gapsOf(content)).toEqual([wanted]);
    expect(content).toMatchObject({ packages: [], locals: [] });
  });

  it.each(['# only a comment', '', '--pre'])('takes %j for nothing', async (line) => {
    expect(await read(FILE, `${line}\n`)).toMatchObject({ packages: [], gaps: [], locals: [], warnings: [] });
  });

  it.each([
    ['-i https://index.example/simple', 'packages come from an index that the file names: https://index.example/simple'],
    ['--extra-index-url=https://user:secret@index.example', 'packages may come from another index as well: https://***@index.example'],
    ['--find-links https://links.example', 'packages may come from a page of links: https://links.example'],
    ['--trusted-host index.example', 'the certificate of index.example is not checked'],
  ])('warns of %j', async (line, warning) => {
    expect((await read(FILE, `${line}\nflask==1.0\n`)).warnings).toEqual([warning]);
  });
});

describe('requirements, a file', () => {
  it('tells the line of each package of the file itself', async () => {
    const content = await read(FILE, '# comment\n\nflask==1.0 \\\n  --hash=sha256:00\n-r base.txt\nms==2.0\n', {
      'base.txt': 'six==1.0\n',
    });
    expect(content.packages).toEqual([
      { ecosystem: 'PYPI', name: 'flask', version: '1.0', line: 3 },
      { ecosystem: 'PYPI', name: 'ms', version: '2.0', line: 6 },
      { ecosystem: 'PYPI', name: 'six', version: '1.0' },
    ]);
  });

  it('knows the host of an index that replaces the usual one, wherever it is named, unless there are more places', async () => {
    const index = '--index-url https://me:secret@Index.example:8443/simple\n';
    for (const text of [`${index}flask==1.0\n`, `flask==1.0\n${index}`]) {
      const content = await read(FILE, text);
      expect(content.packages[0]?.registryHosts).toEqual(['index.example:8443']);
      expect(JSON.stringify(content)).not.toContain('secret');
    }
    for (const more of ['--extra-index-url https://other.example/simple', '-f https://links.example']) {
      expect((await read(FILE, `${index}${more}\nflask==1.0\n`)).registries).toEqual([]);
    }
  });

  it('reports packages of an index without TLS', async () => {
    const content = await read(FILE, '-i http://index.example/simple\nflask==1.0\nsix==1.0\n');
    expect(poisoningsOf(content)).toEqual(['plain-http flask@1.0', 'plain-http six@1.0']);
  });

  it('takes spellings of one name for one package', async () => {
    expect(packagesOf(await read(FILE, 'Zope.Interface==6.1\nzope_interface==6.1\nZOPE--INTERFACE==6.1\n'))).toEqual([
      'Zope.Interface@6.1',
    ]);
  });

  it('counts the lines to be warned of, beyond so many', async () => {
    const content = await read(FILE, 'a==1.0 ;\n'.repeat(1_000));
    expect(content.warnings).toHaveLength(41);
    expect(content.warnings.at(-1)).toBe('960 more lines are to be warned of');
  });

  it('reads UTF-16 with a byte order mark, either way round, and UTF-8 with one', async () => {
    const text = '\ufeffflask==2.3.3\r\nsix==1.16.0\r\n';
    const little = Buffer.from(text, 'utf16le');
    const big = Buffer.from(little).swap16();
    for (const bytes of [little, big, Buffer.from(text)]) {
      expect(packagesOf(await read(FILE, bytes))).toEqual(['flask@2.3.3', 'six@1.16.0']);
    }
  });

  it('ends lines where Python does', async () => {
    expect(packagesOf(await read(FILE, 'a==1\rb==2\u000bc==3\u2028d==4\u0085e==5'))).toEqual(['a@1', 'b@2', 'c@3', 'd@4', 'e@5']);
  });

  it('does not continue a line beyond a comment', async () => {
    expect(packagesOf(await read(FILE, 'a==1 \\\n# comment \\\nb==2\n'))).toEqual(['a@1', 'b@2']);
  });

  it('reads what -r names, from its own folder, once', async () => {
    const content = await read('reqs/requirements.txt', '-r base.txt\n-rmore/x.txt\n--requirement=base.txt\n', {
      'reqs/base.txt': 'flask==2.0.0\n-r requirements.txt\n',
      'reqs/more/x.txt': 'six==1.16.0\n-r ../../top.txt\n',
      'top.txt': 'ms==1.0\n',
    });
    expect(packagesOf(content)).toEqual(['flask@2.0.0', 'ms@1.0', 'six@1.16.0']);
    expect(content.gaps).toEqual([]);
  });

  it('says which file of -r is absent, outside the repository, or unreadable', async () => {
    const content = await read(
      'a/requirements.txt',
      '-r gone.txt\n-r ../../etc/x.txt\n-r /etc/x.txt\n-r https://files.example/x.txt\n-r bad.txt\nflask==1\n',
      {
        'a/bad.txt': '\u0000',
      },
    );
    expect(packagesOf(content)).toEqual(['flask@1']);
    expect(content.gaps.map(({ reason }) => reason)).toEqual([
      'the requirements file gone.txt is not in the repository',
      'the requirements file ../../etc/x.txt lies outside the repository and is not read',
      'the requirements file /etc/x.txt lies outside the repository and is not read',
      'the requirements file https://files.example/x.txt lies outside the repository and is not read',
      'the requirements file bad.txt is unreadable: a binary file: it holds NUL characters',
    ]);
  });

  it('lets -c give versions to what is not pinned, and install nothing', async () => {
    const content = await read(FILE, '-c pins.txt\n-c gone.txt\nFlask>=1\nsix\nms==2\n', {
      'pins.txt': 'flask==2.0.0\nnever-asked==1.0\nms==1\n',
    });
    expect(packagesOf(content)).toEqual(['Flask@2.0.0', 'ms@2']);
    expect(gapsOf(content)).toEqual(['unresolved six']);
    expect(content.warnings).toEqual(['the constraints file gone.txt is not in the repository']);
  });

  it('says which lines are no requirement, and keeps the rest', async () => {
    const content = await read(FILE, 'flask==1.0\n==2.3.4\n--unknown x\nsome prose here\n');
    expect(packagesOf(content)).toEqual(['flask@1.0']);
    expect(gapsOf(content)).toEqual(['unresolved ==2.3.4 ==2.3.4', 'unresolved --unknown --unknown x', 'unresolved some some prose here']);
  });

  it.each([
    ['a==1.0 ; python_version > "3"six==1.0', ' python_version > "3"six==1.0'],
    ['a==1.0 ; ', ' '],
    ['a==1.0 ; (x', ' (x'],
    ['a==1.0 ; x == "1" and', ' x == "1" and'],
    ['a==1.0 ; not x', ' not x'],
    ['a==1.0 --hash=sha256:01six==1.0', '--hash=sha256:01six==1.0'],
    ['a==1.0 --hash=sha256:01 six==1.0', '--hash=sha256:01 six==1.0'],
    ['a==1.0 -r base.txt', '-r base.txt'],
  ])('warns of what follows the pin in %j and may belong to another line', async (line, stray) => {
    const content = await read(FILE, `${line}\n`);
    expect(packagesOf(content)).toEqual(['a@1.0']);
    expect(content.warnings).toEqual([
      `requirements.txt, line 1: neither a condition nor an option, not read:${stray === ' ' ? stray : ` ${stray}`}`,
    ]);
  });

  it.each(['x == "1"', "(os_name=='nt' or 'a' in extras) and not_a_word ~= '1'", "'x' not in y", "((x<='1'))", 'os.name === "a"'])(
    'takes %j for a condition',
    async (marker) => {
      expect(await read(FILE, `a==1.0;${marker} # comment\n`)).toMatchObject({ packages: [{ name: 'a' }], warnings: [] });
    },
  );

  it('says which line is longer than any requirement', async () => {
    const content = await contentOf(FILE, `flask==1.0\nx==${'1.'.repeat(40_000)}\n`);
    expect(content).toMatchObject({ packages: [{ name: 'flask' }], gaps: [{ reason: 'a line longer than any requirement' }] });
  });

  it('accepts an empty file: pip does', async () => {
    expect(await read(FILE, '')).toMatchObject({ status: 'read', packages: [], gaps: [], warnings: [] });
  });

  it('warns of bytes that are no UTF-8', async () => {
    expect((await read(FILE, Buffer.from('flask==1.0 # \xe9\n', 'latin1'))).warnings).toEqual([
      'the file is not valid UTF-8: unreadable bytes were replaced',
    ]);
  });

  it.each([
    ['prose', 'We need these things.\nAsk for more.\n', /none of its lines is a requirement/],
    ['binary', 'a\u0000b', /binary/],
    ['a merge conflict', '<<<<<<< HEAD\na==1\n=======\na==2\n>>>>>>> topic\n', /unfinished merge/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back what was written', async () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,6}([-_.][a-z0-9]{1,5})?$/);
    const version = fc.stringMatching(/^(\d!)?\d{1,4}(\.\d{1,3}){0,3}((a|b|rc)\d)?(\.post\d)?(\+[a-z]{1,4})?$/);
    const more = fc.constantFrom('', ' # comment', '; python_version > "3"', ' \\\n    --hash=sha256:00 \\\n    --hash=sha256:01', '\r');
    const fold = (text: string): string => text.toLowerCase().replace(/[-_.]+/g, '-');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(name, version, fc.constantFrom('==', ' == ', '===', '[extra]=='), more), { maxLength: 15 }),
        async (lines) => {
          const content = await read(FILE, lines.map((parts) => `${parts[0]}${parts[2]}${parts[1]}${parts[3]}\n`).join(''));
          const found = content.packages.map((one) => `${fold(one.name)}@${one.version}`);
          expect(found.sort()).toEqual([...new Set(lines.map(([n, v]) => `${fold(n)}@${v}`))].sort());
          expect(content).toMatchObject({ gaps: [], warnings: [], locals: [] });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('passes over no damage in silence', async () => {
    await expectNoSilentLoss(
      FILE,
      'flask==2.3.3\ncelery [redis] == 4.4.7 ; python_version > "3"\nurllib3==1.26.20 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\nfork @ git+https://git.example/fork.git\n',
    );
  });
});
