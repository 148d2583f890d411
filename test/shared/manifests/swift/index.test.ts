import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'App.xcworkspace/xcshareddata/swiftpm/Package.resolved';
const REVISION = 'bfd8871e9c2590d31b200e54c75428a71483afdf';

function pin(location: string, state: object, more: object = {}): object {
  const identity = location
    .slice(location.lastIndexOf('/') + 1)
    .replace(/\.git$/, '')
    .toLowerCase();
  return { identity, kind: 'remoteSourceControl', location, state: { revision: REVISION, ...state }, ...more };
}

/** As SwiftPM writes it: a blank before each colon behind a key. */
function lock(pins: readonly unknown[], version: unknown = 3): string {
  return `${JSON.stringify({ originHash: '81aa', pins, version }, null, 2).replace(/^( *"[a-zA-Z]+"):/gm, '$1 :')}\n`;
}

describe('swift', () => {
  it('lists pinned versions under host and path of the repository', async () => {
    const content = await read(
      FILE,
      lock([
        pin('https://Git.Example/Acme/Kite.git', { version: '1.2.0' }),
        pin('https://git.example/acme/Reel', { version: '3.0.0-beta.1' }),
      ]),
    );
    expect(content.packages).toEqual([
      { ecosystem: 'SWIFT', name: 'git.example/Acme/Kite', version: '1.2.0', line: 7, integrity: `git:${REVISION}` },
      { ecosystem: 'SWIFT', name: 'git.example/acme/Reel', version: '3.0.0-beta.1', line: 16, integrity: `git:${REVISION}` },
    ]);
    expect(content).toMatchObject({ gaps: [], warnings: [], poisonings: [] });
  });

  it('reads layout 1', async () => {
    const pins = [
      {
        package: 'Kite',
        repositoryURL: 'https://git.example/acme/kite-swift.git',
        state: { branch: null, revision: REVISION, version: '1.2.0' },
      },
      { package: 'Reel', repositoryURL: 'git@git.example:acme/reel.git', state: { branch: 'main', revision: REVISION, version: null } },
      { package: 'Near', repositoryURL: '../near', state: { branch: null, revision: REVISION, version: '1.0.0' } },
    ];
    const content = await read(FILE, JSON.stringify({ object: { pins }, version: 1 }, null, 2));
    expect(packagesOf(content)).toEqual(['git.example/acme/kite-swift@1.2.0']);
    expect(gapsOf(content)).toEqual(['unsupported git.example/acme/reel main']);
    expect(localsOf(content)).toEqual(['Near ../near']);
    expect(content.poisonings).toEqual([]);
  });

  it.each([
    ['https://git.example/acme/kite.git', 'git.example/acme/kite'],
    ['https://user:pass@git.example:8443/acme/kite/', 'git.example/acme/kite'],
    ['ssh://git@git.example:7999/acme/kite.git', 'git.example/acme/kite'],
    ['git@git.example:acme/kite.git', 'git.example/acme/kite'],
    ['git.example:/acme/kite.git', 'git.example/acme/kite'],
    ['https://git.example/group/sub/kite.swift', 'git.example/group/sub/kite.swift'],
  ])('names the package of %s', async (location, name) => {
    const content = await read(FILE, lock([pin(location, { version: '1.0.0' }, { identity: name.slice(name.lastIndexOf('/') + 1) })]));
    expect(packagesOf(content)).toEqual([`${name}@1.0.0`]);
    expect(content.poisonings).toEqual([]);
    expect(JSON.stringify(content)).not.toContain('pass');
  });

  it('lists packages of a registry under their identity', async () => {
    const registry = { identity: 'acme.Kite', kind: 'registry', location: '', state: { version: '1.2.0' } };
    const content = await read(
      FILE,
      lock([
        registry,
        { ...registry, identity: 'kite' },
        { ...registry, identity: 'acme.Reel', location: 'http://swift.registry.example/acme' },
      ]),
    );
    expect(content.packages).toEqual([
      { ecosystem: 'SWIFT', name: 'acme.Kite', version: '1.2.0', line: 5 },
      { ecosystem: 'SWIFT', name: 'acme.Reel', version: '1.2.0', line: 21, registryHosts: ['swift.registry.example'] },
    ]);
    expect(gapsOf(content)).toEqual(['unresolved kite 1.2.0']);
    expect(poisoningsOf(content)).toEqual(['plain-http acme.Reel@1.2.0']);
  });

  it('makes gaps of branches and revisions, and takes repositories on this machine for our own code', async () => {
    const content = await read(
      FILE,
      lock([
        pin('https://git.example/acme/kite', { branch: 'main' }),
        pin('https://git.example/acme/reel', {}),
        pin('/Users/x/near', { version: '1.0.0' }, { kind: 'localSourceControl' }),
        pin('/Users/x/odd', { version: '1.0.0' }),
      ]),
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unsupported git.example/acme/kite main',
      `unsupported git.example/acme/reel ${REVISION}`,
      'unsupported odd /Users/x/odd',
    ]);
    expect(localsOf(content)).toEqual(['near /Users/x/near']);
  });

  it('reports another repository than the identity names, another commit of one version, and no encryption', async () => {
    const content = await read(
      FILE,
      lock([
        pin('https://git.example/evil/kite-2', { version: '1.0.0' }, { identity: 'kite' }),
        pin('http://git.example/acme/plain', { version: '1.0.0' }),
        pin('git://git.example/acme/plainer', { version: '1.0.0' }),
        pin('https://git.example/acme/twice', { version: '1.0.0' }),
        pin('https://git.example/acme/twice.git', { version: '1.0.0', revision: REVISION.replace('b', 'c') }),
      ]),
    );
    expect(poisoningsOf(content)).toEqual([
      'other-package git.example/evil/kite-2@1.0.0',
      'plain-http git.example/acme/plain@1.0.0',
      'plain-http git.example/acme/plainer@1.0.0',
      'changed-integrity git.example/acme/twice@1.0.0',
    ]);
  });

  it('makes gaps of wrong types and missing parts, and keeps the rest', async () => {
    const content = await read(
      FILE,
      lock([
        7,
        pin('https://git.example/acme/kite', { version: '1.0.0' }),
        { identity: 'a', location: 7, state: { version: '1' } },
        { identity: 'b', location: 'https://git.example/b', state: 'x' },
        { identity: 'c', location: 'https://git.example/acme/c', state: {} },
        pin('https://git.example/acme/d', { version: 'next' }, { kind: 'tape' }),
        pin('https://git.example/../../up', { version: '1.0.0' }),
        pin('https://git.example/acme/e', { version: '^1' }),
        pin('word', { version: '1.0.0' }),
      ]),
    );
    expect(packagesOf(content)).toEqual(['git.example/acme/kite@1.0.0']);
    expect(gapsOf(content)).toEqual([
      'unresolved pins 7',
      'unresolved a',
      'unresolved b https://git.example/b',
      'unresolved git.example/acme/c',
      'unsupported d https://git.example/acme/d',
      'unsupported up https://git.example/../../up',
      'unresolved git.example/acme/e ^1',
      'unsupported word word',
    ]);
  });

  it('reads a project without packages, and says what it does not know', async () => {
    expect(await read(FILE, lock([]))).toMatchObject({ packages: [], gaps: [], warnings: [] });
    expect((await read(FILE, '{"pins": [], "version": 2, "more": []}')).warnings).toEqual(['its "more" is not known, and was not read']);
  });

  it.each([
    ['empty', '', /not valid JSON/],
    ['a list', '[]', /not a JSON object/],
    ['of a layout to come', lock([], 4), /its version is 4; 1 to 3 are known/],
    ['of no layout', '{"pins": []}', /its version is absent/],
    ['without pins', '{"version": 2}', /"pins" are no list/],
    ['a map of pins', '{"pins": {}, "version": 2}', /"pins" are no list/],
    ['cut', lock([pin('https://git.example/acme/kite', {})]).slice(0, -20), /not valid JSON/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back whatever pins are written, in each layout', async () => {
    const path = fc
      .stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,5}\/[A-Za-z][A-Za-z0-9_.-]{0,5}[a-z]$/)
      .filter((text) => !text.endsWith('.git'));
    const version = fc.stringMatching(/^[0-9]{1,2}\.[0-9]{1,2}\.[0-9](-beta\.[0-9])?$/);
    const prefix = fc.constantFrom('https://git.example/', 'git@git.example:', 'ssh://git@git.example/');
    const suffix = fc.constantFrom('', '.git');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(path, version, prefix, suffix), { maxLength: 8 }),
        fc.integer({ min: 1, max: 3 }),
        async (pins, layout) => {
          const written = pins.map(([each, at, before, after]) => pin(`${before}${each}${after}`, { version: at }));
          const first = pins.map(([each, at, before, after]) => ({
            package: 'X',
            repositoryURL: `${before}${each}${after}`,
            state: { version: at },
          }));
          const content = await read(FILE, layout === 1 ? JSON.stringify({ object: { pins: first }, version: 1 }) : lock(written, layout));
          expect(packagesOf(content)).toEqual([...new Set(pins.map(([each, at]) => `git.example/${each}@${at}`))].sort());
          expect(content).toMatchObject({ gaps: [], poisonings: [] });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('never loses a package in silence', () =>
    expectNoSilentLoss(
      FILE,
      lock([
        pin('https://git.example/acme/copperworks', { version: '1.24.9' }),
        pin('https://git.example/acme/x', { branch: 'main' }),
        pin('git@git.example:acme/dovetail.git', { version: '3.7.1' }),
      ]),
    ));
});
