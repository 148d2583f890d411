import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatOf, formatOnRequest } from '../../../../shared/manifests/registry.ts';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, read, reasonOf } from '../reading.ts';

const PATH = '.github/workflows/build.yml';
const COMMIT = '11bd71901bbe5b1630ceea73d27597364c9af683';

const WORKFLOW = `name: build
on: [push]
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: acme/checkout@${COMMIT} # v4.2.2
      - name: tools
        uses: "acme/tools/setup/node@v5"
        with:
          cache: acme/no-package@v1
      - run: |
          echo "uses: acme/in-a-script@v1"
  shared:
    needs: test
    uses: acme/workflows/.github/workflows/release.yml@release/2.x
    secrets: inherit
`;

function steps(...uses: readonly string[]): string {
  return `jobs:\n  one:\n    runs-on: x\n    steps:\n${uses.map((each) => `      - uses: ${each}\n`).join('')}`;
}

describe('the paths of GitHub', () => {
  it.each(['.github/workflows/a.yml', 'sub/.github/workflows/a.yaml', 'action.yml', 'tools/deploy/action.yaml'])('%s is read', (path) => {
    expect(formatOf(path)?.name).toBe('github-actions');
  });

  it.each(['workflows/a.yml', '.github/workflows/sub/a.yml', '.github/dependabot.yml', 'my-action.yml', 'a.yaml'])(
    '%s is read only when a person names it',
    (path) => {
      expect(formatOf(path)).toBeUndefined();
      expect(formatOnRequest(path)?.name).toBe('github-actions');
    },
  );
});

describe('a workflow', () => {
  it('uses the repository of each action and reusable workflow, by the ref as it stands there', async () => {
    const content = await read(PATH, WORKFLOW);
    expect(content.packages).toEqual([
      { ecosystem: 'GITHUB_ACTIONS', name: 'acme/checkout', version: COMMIT, relationship: 'direct', line: 9 },
      { ecosystem: 'GITHUB_ACTIONS', name: 'acme/tools', version: 'v5', relationship: 'direct', line: 11 },
      { ecosystem: 'GITHUB_ACTIONS', name: 'acme/workflows', version: 'release/2.x', relationship: 'direct', line: 18 },
    ]);
    expect([content.gaps, content.locals, content.warnings]).toEqual([[], [], []]);
  });

  it('takes neither the inputs of a step nor a script for what it uses', async () => {
    const text = `${steps('acme/a@v1')}        with:\n          uses: acme/input@v1\n      - run: |\n          - uses: acme/script@v1\n`;
    expect(packagesOf(await read(PATH, text))).toEqual(['acme/a@v1']);
  });

  it('keeps every ref of an action', async () => {
    const content = await read(PATH, steps('acme/a@v1', 'acme/a@v2', 'acme/a/sub@v2', `'acme/a@main'`));
    expect(packagesOf(content)).toEqual(['acme/a@main', 'acme/a@v1', 'acme/a@v2']);
  });

  it('takes what lies in the repository for our own', async () => {
    const content = await read(PATH, `${steps('./local-action', '../another', './')}  two:\n    uses: ./.github/workflows/two.yml\n`);
    expect(localsOf(content)).toEqual(['./local-action', '../another', './', './.github/workflows/two.yml']);
    expect([content.packages, content.gaps]).toEqual([[], []]);
  });

  it.each([
    ['docker://alpine:3.18', 'unsupported alpine:3.18'],
    ['docker://images.example/a@sha256:00', 'unsupported images.example/a@sha256:00'],
    ['https://git.example/acme/a@v1', 'unsupported https://git.example/acme/a@v1'],
    [`acme/a@\${{ matrix.version }}`, `unresolved acme/a@\${{ matrix.version }}`],
    ['nobody', 'unresolved nobody'],
    ['"@noref"', 'unresolved @noref'],
    ['acme/a@', 'unresolved acme/a'],
    ['acme/a', 'unresolved acme/a'],
    ['acme@v1', 'unresolved acme @v1'],
    ['acme/a@v1@v2', 'unresolved acme/a @v1@v2'],
    ['acme/a@v 1', 'unresolved acme/a v 1'],
    ['acme/a@v1:x', 'unresolved acme/a v1:x'],
    ['"acme/a@v\\e[2J"', 'unresolved acme/a v\\u001b[2J'],
    ['acme/..@v1', 'unresolved acme/.. @v1'],
    ['-acme/a@v1', 'unresolved -acme/a @v1'],
    ['{a: b}', 'unresolved job one'],
    ['[a]', 'unresolved job one'],
  ])('makes a gap of %s', async (uses, gap) => {
    const content = await read(PATH, steps(uses, 'acme/right@v1'));
    expect(gapsOf(content)).toEqual([gap]);
    expect(packagesOf(content)).toEqual(['acme/right@v1']);
  });

  it('makes a gap of a "uses" without a value', async () => {
    expect((await read(PATH, steps('', '""'))).gaps).toHaveLength(1);
  });

  it('says which images run in it', async () => {
    const content = await read(
      PATH,
      [
        'jobs:',
        '  one:',
        '    container: images.example/one:1',
        '    services:',
        '      db: {image: images.example/db:2}',
        '      bad: {ports: []}',
        '    steps: []',
        '  two:',
        `    container: {image: "\${{ inputs.image }}"}`,
        '    services: x',
        '    steps: []',
        '  three:',
        '    container: ""',
        '    steps: []',
        '',
      ].join('\n'),
    );
    expect(gapsOf(content)).toEqual([
      'unsupported images.example/one:1',
      'unsupported images.example/db:2',
      'unresolved job one',
      `unresolved \${{ inputs.image }}`,
      'unresolved job two x',
    ]);
    expect(content.gaps.every(({ ecosystem }) => ecosystem === 'DOCKER')).toBe(true);
  });

  it('follows aliases, and reads what they name once', async () => {
    const content = await read(
      PATH,
      'jobs:\n  one:\n    steps: &all\n      - &first\n        uses: acme/a@v1\n      - *first\n  two:\n    steps: *all\n  three:\n    steps:\n      - *first\n      - uses: acme/b@v1\n',
    );
    expect(packagesOf(content)).toEqual(['acme/a@v1', 'acme/b@v1']);
  });

  it('is not led round by many aliases', async () => {
    const jobs = Array.from({ length: 900 }, (_, index) => `  j${index}:\n    steps: *all\n`).join('');
    const list = Array.from({ length: 10_000 }, (_, index) => `      - {uses: acme/a${index % 50}@v1}\n`).join('');
    expect((await read(PATH, `jobs:\n  first:\n    steps: &all\n${list}${jobs}`)).packages).toHaveLength(50);
    expect(
      await reasonOf(PATH, `jobs:\n  first: &a {steps: []}\n${Array.from({ length: 1_001 }, (_, index) => `  j${index}: *a\n`).join('')}`),
    ).toContain('aliases');
  });

  it('says what it does not understand', async () => {
    const content = await read(
      PATH,
      'x-jobs: {}\njobs:\n  one:\n    stages: []\n    steps:\n      - text\n      - name: nothing\n      - uses: acme/a@v1\n        run: make\n        usez: acme/b@v1\n  two: text\n  three: {runs-on: x}\n  four: {steps: {}}\n  __proto__: {uses: acme/c@v1}\n',
    );
    expect(packagesOf(content)).toEqual(['acme/a@v1', 'acme/c@v1']);
    expect(content.warnings).toEqual([
      'the workflow has a "x-jobs", which is not known and was not read',
      'a job has a "stages", which is not known and was not read',
      'a step has a "usez", which is not known and was not read',
      'a step of job one both uses and runs something, which GitHub refuses',
    ]);
    expect(gapsOf(content)).toEqual([
      'unresolved job one text',
      'unresolved job one',
      'unresolved job two text',
      'unresolved job three',
      'unresolved job four',
    ]);
  });

  it.each([
    ['', 'not one map'],
    ['- a\n', 'not one map'],
    ['jobs: {}\n---\njobs: {}\n', 'not one map'],
    ['jobs: []\n', 'its "jobs" are no map'],
    ['name: something else\n', 'neither "jobs" nor "runs"'],
    ['jobs:\n  one:\n    steps:\n      - uses: a/b@v1\n        uses: a/c@v1\n', 'not valid YAML'],
    ['jobs:\n  one: {steps: [\n', 'not valid YAML'],
  ])('refuses %j', async (text, reason) => {
    expect(await reasonOf(PATH, text)).toContain(reason);
  });

  it('reads back what was written', async () => {
    const owner = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9-]{0,10}$/);
    const repository = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,10}$/);
    const ref = fc.oneof(fc.stringMatching(/^[0-9a-f]{40}$/), fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,12}$/));
    const entry = fc.record({
      name: fc.tuple(owner, repository).map((parts) => parts.join('/')),
      ref,
      path: fc.constantFrom('', '/sub', '/.github/workflows/a.yml'),
      quote: fc.constantFrom('', '"', "'"),
      comment: fc.constantFrom('', ' # v1.2.3'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 15 }), async (entries) => {
        const text = steps(...entries.map(({ name, path, ref, quote, comment }) => `${quote}${name}${path}@${ref}${quote}${comment}`));
        const content = await read(PATH, entries.length === 0 ? 'jobs: {}' : text);
        const written = new Map(entries.map(({ name, ref }) => [`${name}@${ref}`, [name, ref]]));
        expect(content.packages.map(({ name, version }) => `${name}@${version}`).sort()).toEqual([...written.keys()].sort());
        expect(content.packages.every(({ line }) => line !== undefined && line > 4)).toBe(true);
        expect(content.gaps).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('passes over no damage in silence', async () => {
    // A comment may begin anywhere behind white space; a step's name and inputs, and the script, are not read.
    await expectNoSilentLoss(PATH, WORKFLOW, { numRuns: 300 });
  });

  it('stays fast on long lines', async () => {
    for (const sign of ['a', '@', '/', 'uses', 'uses: ', '- ', `\${{`, ' ']) {
      const long = sign.repeat(300_000 / sign.length);
      for (const text of [steps(`"${long}"`), long, `jobs: {}\nname: "${long}"`]) await read(PATH, text).catch(() => undefined);
    }
    expect((await read(PATH, steps(`"${'a/'.repeat(150_000)}"`))).gaps).toHaveLength(1);
  });
});

describe('an action', () => {
  it('uses what its steps use', async () => {
    const text =
      'name: deploy\ndescription: all of it\ninputs:\n  uses:\n    default: x\nruns:\n  using: composite\n  steps:\n    - uses: acme/setup@v4\n    - shell: bash\n      run: make\n';
    expect(packagesOf(await read('tools/deploy/action.yml', text))).toEqual(['acme/setup@v4']);
  });

  it('uses nothing where it is code of its own', async () => {
    const content = await read('action.yml', 'name: a\nruns:\n  using: node20\n  main: dist/index.js\n');
    expect([content.packages, content.gaps, content.warnings]).toEqual([[], [], []]);
    expect(localsOf(await read('action.yml', 'runs: {using: docker, image: Dockerfile}\n'))).toEqual(['Dockerfile']);
    expect(gapsOf(await read('action.yml', 'runs: {using: docker, image: "docker://a:1"}\n'))).toEqual(['unsupported a:1']);
  });

  it.each([
    ['runs: {using: docker}', 'unresolved the action'],
    ['runs: {using: wasm, main: a}', 'unresolved the action wasm'],
    ['runs: {using: node20, steps: [{uses: a/b@v1}]}', 'unresolved the action node20'],
  ])('makes a gap of %s', async (text, gap) => {
    expect(gapsOf(await read('action.yml', text))).toEqual([gap]);
  });

  it('refuses what is none', async () => {
    expect(await reasonOf('action.yml', 'name: x\nruns: {using: composite}\n')).toContain('it has no steps');
    expect(await reasonOf('roles/a/action.yml', 'tasks: []\n')).toContain('neither "jobs" nor "runs"');
  });
});
