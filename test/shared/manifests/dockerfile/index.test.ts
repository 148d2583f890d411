import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatOf, formatOnRequest } from '../../../../shared/manifests/registry.ts';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, read, reasonOf } from '../reading.ts';

const PATH = 'Dockerfile';
const DIGEST = `sha256:${'5a27178051'.repeat(6)}5a27`;

const FILE = `# syntax=docker/dockerfile:1
ARG BASE=images.example:5000/acme/base
ARG TAG="22.04" SUITE=slim

FROM golang:1.19 as Builder
WORKDIR /src
RUN go build && \\
    # a comment within
    echo FROM nothing:1

FROM --platform=$BUILDPLATFORM \${BASE}:$TAG-\${SUITE}
COPY --from=builder /src/app /app

FROM builder AS debug
`;

describe('the names of Dockerfiles', () => {
  it.each(['Dockerfile', 'a/dockerfile', 'Dockerfile.prod', 'app.Dockerfile', 'Containerfile', 'build/web.dockerfile'])(
    '%s is read, and only when a person names it',
    (path) => {
      expect(formatOf(path)).toBeUndefined();
      expect(formatOnRequest(path)?.name).toBe('dockerfile');
    },
  );

  it.each(['Dockerfile.dockerignore', 'my-dockerfile', 'docker-compose.json', 'Dockerfiles/a'])('%s is not', (path) => {
    expect(formatOnRequest(path)).toBeUndefined();
  });
});

describe('a Dockerfile', () => {
  it('is built on the images of its stages, arguments filled in', async () => {
    const content = await read(PATH, FILE);
    expect(content.packages).toEqual([
      { ecosystem: 'DOCKER', name: 'golang', version: '1.19', relationship: 'direct', line: 5 },
      {
        ecosystem: 'DOCKER',
        name: 'images.example:5000/acme/base',
        version: '22.04-slim',
        relationship: 'direct',
        line: 11,
        registryHosts: ['images.example:5000'],
      },
    ]);
    expect(localsOf(content)).toEqual(['builder']);
    expect([content.gaps, content.warnings]).toEqual([[], []]);
  });

  it.each([
    [`FROM acme/left@${DIGEST}`, `acme/left@${DIGEST}`],
    [`FROM acme/left:1.2@${DIGEST}`, `acme/left@${DIGEST}`],
    ['from acme:latest', 'acme@latest'],
    ['FROM localhost/acme:1', 'localhost/acme@1'],
    ['FROM "acme:1"', 'acme@1'],
    ['FROM \\\n  acme:1 \\\n\n  AS x', 'acme@1'],
    ['# escape=`\nFROM acme:1 `\n  AS x', 'acme@1'],
    [`ARG V=1\nARG W=\${V}.2\nFROM acme:\${W}`, 'acme@1.2'],
    [`ARG V=1\nFROM acme:\${V:+7}\${NONE:+8}`, 'acme@7'],
    [`FROM acme:\${V:-\${W:-3}}`, 'acme@3'],
    [`ARG V=\nFROM acme:\${V:-4}`, 'acme@4'],
    [`ARG "V=a b" IMAGE='acme:5'\nFROM $IMAGE`, 'acme@5'],
    ['\ufeffFROM acme:1\r\nRUN x\r\n', 'acme@1'],
  ])('%j is built on %s', async (text, found) => {
    const content = await read(PATH, text);
    expect(packagesOf(content)).toEqual([found]);
    expect(content.gaps).toEqual([]);
  });

  it.each([
    ['FROM acme', 'unresolved acme'],
    ['FROM images.example:5000/acme', 'unresolved images.example:5000/acme'],
    ['FROM acme:$V', 'unresolved acme:$V'],
    ['ARG V\nFROM acme:$V', 'unresolved acme:$V'],
    [`ARG V=a.b\nFROM acme:\${V%.*}`, `unresolved acme:\${V%.*}`],
    [`FROM acme:\${V`, `unresolved acme:\${V`],
    ['FROM acme:$', 'unresolved acme:$'],
    ['FROM ACME:1', 'unresolved ACME:1'],
    ['FROM acme:1:2', 'unresolved acme:1:2'],
    ['FROM acme@sha256:00', 'unresolved acme@sha256:00'],
    ['FROM ../acme:1', 'unresolved ../acme:1'],
    ['FROM ac\u001bme:1', 'unresolved ac\\u001bme:1'],
    ['FROM acme:1 AS', 'unresolved acme:1 AS'],
    ['FROM acme:1 x y', 'unresolved acme:1 x y'],
    ['FROM', 'unresolved'],
    ['FROM acme:1\nARG V=1\nFROM right:$V', 'unresolved right:$V'],
    ['FROM scratch\nCOPY --chown=1 --from=right:1 a b', 'unsupported right:1'],
    ['FROM scratch\nRUN --mount=type=bind,from=right:1,target=/x make', 'unsupported right:1'],
    ['FROM scratch\nONBUILD COPY --from=right:1 a b', 'unsupported right:1'],
  ])('makes a gap of %j', async (text, gap) => {
    expect(gapsOf(await read(PATH, text))).toEqual([gap]);
  });

  it('copies from its own stages without a word', async () => {
    const text = 'FROM acme:1 AS One\nFROM scratch\nCOPY --from=0 a b\nCOPY --from=one a b\nRUN echo --from=x --mount=from=y\n';
    expect(await read(PATH, text)).toMatchObject({ packages: [{ name: 'acme' }], gaps: [] });
  });

  it('takes the text of a script for no instruction', async () => {
    const text =
      'FROM acme:1\nRUN <<EOF cat <<-"B" | sh\nFROM no:1\nEOF\nFROM no:2\n\tB\nCOPY <<X /x\nFROM no:3\nX\nRUN test $((1 << 3)) && cat <<<EOF && sh -c "cat <<EOF"\nFROM right:1\n';
    expect(packagesOf(await read(PATH, text))).toEqual(['acme@1', 'right@1']);
    expect(await reasonOf(PATH, 'FROM acme:1\nRUN <<EOF\nFROM no:1\n')).toContain('line 2: a text that does not end');
  });

  it.each([
    ['', 'no FROM stands in it'],
    ['ARG A=1\n', 'no FROM stands in it'],
    ['RUN x\nFROM a:1\n', 'line 1: RUN before the first FROM'],
    ['FROM a:1\nRUNX y\n', 'line 2: "RUNX" is no instruction'],
    ['hello world\n', 'line 1: "HELLO" is no instruction'],
    [`FROM a:1\nRUN ${'x'.repeat(70_000)}`, 'line 2 has 70004 characters'],
    ['FROM a:1\n__proto__ x\n', 'is no instruction'],
    ['\u0000', 'a binary file'],
  ])('refuses %j', async (text, reason) => {
    expect(await reasonOf(PATH, text)).toContain(reason);
  });

  it('reads back what was written', async () => {
    const stage = fc.record({
      name: fc.stringMatching(/^(?:images\.example(?::5000)?\/)?[a-z0-9]{1,6}(?:\/[a-z0-9]{1,6}){0,2}$/),
      tag: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,10}$/),
      flag: fc.constantFrom('', '--platform=linux/arm64 '),
      isByArgument: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(stage, { minLength: 1, maxLength: 10 }), async (stages) => {
        const text = [
          ...stages.map(({ tag }, index) => `ARG TAG_${index}=${tag}`),
          ...stages.map(
            ({ name, tag, flag, isByArgument }, index) =>
              `FROM ${flag}${name}:${isByArgument ? `\${TAG_${index}}` : tag} AS stage-${index}\nRUN make`,
          ),
        ].join('\n');
        const content = await read(PATH, text);
        expect(packagesOf(content)).toEqual([...new Set(stages.map(({ name, tag }) => `${name}@${tag}`))].sort());
        expect(content.gaps).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('passes over no damage in silence', async () => {
    const text =
      'FROM golang:1.19 AS builder\nRUN make\n\nFROM images.example/acme/base:22.04\nCOPY --from=builder /a /b\n\nFROM acme/last:7\n';
    // A script and what is copied may be any text, also that of the line below: an empty line stands behind them. A backslash goes on.
    await expectNoSilentLoss(PATH, text, { numRuns: 400, except: ['\\'] });
  });

  it('puts the lines of one instruction together as they stand', async () => {
    expect(packagesOf(await read(PATH, 'FROM acme/left:\\\n22.04\nFROM acme/right:1 \\\n  AS two\n'))).toEqual([
      'acme/left@22.04',
      'acme/right@1',
    ]);
  });

  it('goes on to no next line behind two escape signs', async () => {
    expect(packagesOf(await read(PATH, 'FROM acme/left:1\nRUN echo \\\\\nFROM acme/right:2\n'))).toEqual(['acme/left@1', 'acme/right@2']);
  });

  it('leaves arguments that are made of arguments without end unresolved', async () => {
    const text = `ARG A=${'x'.repeat(4000)}\nARG B=${'$A'.repeat(2000)}\nARG C=${'$B'.repeat(2000)}\n${'FROM $B\n'.repeat(2000)}FROM $C\nFROM acme/left:1\n`;
    const content = await read(PATH, text);
    expect(packagesOf(content)).toEqual(['acme/left@1']);
    expect(gapsOf(content)).toEqual(['unresolved $B', 'unresolved $C']);
  });

  it('stays fast on long lines and many texts', async () => {
    for (const sign of ['a', '$', '${', '${A:-', '<<A ', '"', ' ', '-', 'a=', '\\\n', '# x=\n']) {
      const long = sign.repeat(60_000 / sign.length);
      for (const keyword of ['FROM', 'ARG', 'FROM a:1\nRUN', 'FROM a:1\nCOPY'])
        await read(PATH, `${keyword} ${long}\n`).catch(() => undefined);
    }
    expect(packagesOf(await read(PATH, `FROM a:1\n${'RUN <<A\nA\n'.repeat(90_000)}`))).toEqual(['a@1']);
  });
});
