import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'ios/Podfile.lock';
const CHECKSUM = '946cec48c7873164274ecc4624d19e3da4c1ef3c';
const END = `PODFILE CHECKSUM: ${CHECKSUM}\n\nCOCOAPODS: 1.16.2\n`;

const RICH = `PODS:
  - Beacon (2.0.1):
    - Beacon/Core (= 2.0.1)
  - Beacon/Core (2.0.1)
  - camera_plugin (0.0.1):
    - Flutter
    - Marlin/Decoder
  - Flutter (1.0.0)
  - Marlin/Decoder (5.4.3)
  - Turbolog (1.1.0)
  - vendored (3.0.0)
  - "Zebra+Stripes (7.11.0)"

DEPENDENCIES:
  - Beacon (~> 2.0)
  - camera_plugin (from \`.symlinks/plugins/camera_plugin/ios\`)
  - Flutter (from \`Flutter\`)
  - Turbolog (from \`https://git.example/turbolog.git\`, branch \`main\`)
  - vendored (from \`podspecs/vendored.podspec\`)
  - "Zebra+Stripes"

SPEC REPOS:
  https://git.corp.example/specs.git:
    - Marlin
  trunk:
    - Beacon
    - "Zebra+Stripes"

EXTERNAL SOURCES:
  camera_plugin:
    :path: ".symlinks/plugins/camera_plugin/ios"
  Flutter:
    :path: Flutter
  Turbolog:
    :branch: main
    :git: https://git.example/turbolog.git
  vendored:
    :podspec: podspecs/vendored.podspec

CHECKOUT OPTIONS:
  Turbolog:
    :commit: 44fa9abe32a74ce6206d6237c639e6382495d210
    :git: https://git.example/turbolog.git

SPEC CHECKSUMS:
  Beacon: ${CHECKSUM}
  Flutter: cabc95a1d2626b1b06e7179b784ebcf0c0cde467

${END}`;

describe('cocoapods', () => {
  it('lists root pods of registries, with what the file tells of each', async () => {
    const content = await read(FILE, RICH);
    expect(content.packages).toEqual([
      { ecosystem: 'COCOAPODS', name: 'Beacon', version: '2.0.1', relationship: 'direct', line: 2, integrity: `sha1:${CHECKSUM}` },
      {
        ecosystem: 'COCOAPODS',
        name: 'Marlin',
        version: '5.4.3',
        relationship: 'transitive',
        line: 9,
        registryHosts: ['git.corp.example'],
      },
      { ecosystem: 'COCOAPODS', name: 'Zebra+Stripes', version: '7.11.0', relationship: 'direct' },
    ]);
    expect(content.warnings).toEqual([]);
  });

  it('keeps pods of folders, podspecs and repositories apart from them', async () => {
    const content = await read(FILE, RICH);
    expect(localsOf(content)).toEqual([
      'camera_plugin .symlinks/plugins/camera_plugin/ios',
      'Flutter Flutter',
      'vendored podspecs/vendored.podspec',
    ]);
    expect(gapsOf(content)).toEqual(['unsupported Turbolog https://git.example/turbolog.git']);
  });

  it('reads files from before SPEC REPOS, and other kinds of source', async () => {
    const content = await read(
      FILE,
      `PODS:
  - Archive (1.0)
  - Head (HEAD based on 1.2)
  - Old (0.1)
  - Remote (1.0)
  - Svn (1.0)
  - Checked (1.0)

EXTERNAL SOURCES:
  Archive:
    :http: https://files.example/archive.zip
  Old:
    :local: ../old
  Remote:
    :podspec: https://files.example/Remote.podspec
  Svn:
    :svn: https://svn.example/x

CHECKOUT OPTIONS:
  Checked:
    :git: https://git.example/checked.git

COCOAPODS: 0.33.1
`,
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unsupported Archive https://files.example/archive.zip',
      'unresolved Head HEAD based on 1.2',
      'unsupported Remote https://files.example/Remote.podspec',
      'unsupported Svn https://svn.example/x',
      'unsupported Checked https://git.example/checked.git',
    ]);
    expect(localsOf(content)).toEqual(['Old ../old']);
  });

  it('keeps every version of a root pod', async () => {
    const content = await read(FILE, `PODS:\n  - Text (1.3.2)\n  - Text/Core (1.2.0)\n  - Text/More (1.3.2)\n\n${END}`);
    expect(packagesOf(content)).toEqual(['Text@1.2.0', 'Text@1.3.2']);
    expect(content.warnings[0]).toMatch(/Text stands in it with several versions/);
  });

  it('reports plain HTTP, and repositories without an address', async () => {
    const content = await read(
      FILE,
      `PODS:\n  - A (1.0)\n  - B (1.0)\n  - C (1.0)\n\nSPEC REPOS:\n  http://specs.example/x.git:\n    - A\n  house:\n    - B\n  git@git.corp.example:specs.git:\n    - C\n\n${END}`,
    );
    expect(poisoningsOf(content)).toEqual(['plain-http A@1.0']);
    expect(content.warnings).toEqual(['1 pods are of the spec repository house, which has no address']);
    expect(content.packages.map(({ registryHosts }) => registryHosts)).toEqual([['specs.example'], undefined, ['git.corp.example']]);
  });

  it('makes gaps of what is declared and not resolved, and warns where sections disagree', async () => {
    const content = await read(
      FILE,
      `PODS:\n  - A (1.0)\n\nDEPENDENCIES:\n  - A\n  - Gone (~> 2.0)\n  - Lost/Sub\n\nSPEC REPOS:\n  trunk:\n    - Gone\n\nEXTERNAL SOURCES:\n  Away:\n    :path: x\n\n${END}`,
    );
    expect(gapsOf(content)).toEqual(['unresolved Gone (~> 2.0)', 'unresolved Lost/Sub']);
    expect(content.warnings).toEqual([
      'A@1.0 is of none of the SPEC REPOS',
      'EXTERNAL SOURCES names Away, which is not among the PODS',
      'SPEC REPOS names Gone, which is not among the PODS',
    ]);
  });

  it('makes gaps of wrong types, illegal names and unknown sources, and keeps the rest', async () => {
    const content = await read(
      FILE,
      `PODS:\n  - [x]\n  - A (1.0)\n  - Bare\n  - Half (1.0\n  - ../Up (1.0)\n  - __proto__ (1.0)\n  - Odd (1.0)\n  - Text (1.0)\n\nDEPENDENCIES:\n  - [y]\n\nEXTERNAL SOURCES:\n  Odd:\n    :tape: x\n  Text: y\n\nSPEC CHECKSUMS: z\n\nMORE: 1\n\n${END}`,
    );
    expect(packagesOf(content)).toEqual(['A@1.0', '__proto__@1.0']);
    expect(gapsOf(content)).toEqual([
      'unresolved SPEC CHECKSUMS',
      'unresolved PODS',
      'unresolved Bare',
      'unresolved Half (1.0',
      'unresolved .. (1.0)',
      'unresolved Odd 1.0',
      'unresolved Text 1.0',
      'unresolved DEPENDENCIES',
    ]);
    expect(content.warnings).toEqual(['its "MORE" is not known, and was not read']);
  });

  it('reads a project without pods', async () => {
    expect(await read(FILE, END)).toMatchObject({ packages: [], gaps: [], warnings: [] });
  });

  it.each([
    ['empty', '', /not one map/],
    ['text', 'hello world\n', /not one map/],
    ['of another kind', 'packages: {}\n', /neither PODS nor COCOAPODS/],
    ['a map of pods', `PODS:\n  A: 1\n${END}`, /PODS are no list/],
    ['a map of dependencies', `DEPENDENCIES:\n  A: 1\n${END}`, /DEPENDENCIES are no list/],
    ['no YAML', 'PODS: [\n', /not valid YAML/],
    ['an unfinished merge', 'PODS:\n<<<<<<< HEAD\n  - A (1.0)\n=======\n  - A (2.0)\n>>>>>>> topic\n', /unfinished merge/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back whatever pods are written', async () => {
    const name = fc.stringMatching(/^[A-Z][A-Za-z0-9_.-]{0,8}$/);
    const version = fc.stringMatching(/^[0-9]{1,2}(\.[0-9]{1,2}){1,2}(-beta\.[0-9])?$/);
    const subspecs = fc.array(fc.constantFrom('Core', 'Core/Deep', 'UI'), { maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, version, subspecs), { minLength: 1, maxLength: 8 }), async (pods) => {
        const lines = pods.flatMap(([each, at, subs]) => [
          `  - "${each} (${at})"${subs.length > 0 ? ':' : ''}\n`,
          ...subs.map((sub) => `    - "${each}/${sub} (= ${at})"\n`),
          ...subs.map((sub) => `  - "${each}/${sub} (${at})"\n`),
        ]);
        const content = await read(
          FILE,
          `PODS:\n${lines.join('')}\nDEPENDENCIES:\n${pods.map(([each]) => `  - "${each}"\n`).join('')}\n${END}`,
        );
        expect(packagesOf(content)).toEqual([...new Set(pods.map(([each, at]) => `${each}@${at}`))].sort());
        expect(content.gaps).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('never loses a package in silence', () => expectNoSilentLoss(FILE, RICH));
});
