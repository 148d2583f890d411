import { describe, expect, it } from 'vitest';
import { toCycloneDx } from '../../../../infra/cli/packages/cyclonedx-output.ts';
import type { FileReport } from '../../../../infra/cli/packages/file-report.ts';
import { toJsonText, toPathAnswer } from '../../../../infra/cli/packages/json-output.ts';
import { tableLines, tsvLines } from '../../../../infra/cli/packages/text-output.ts';
import type { ManifestContent, ManifestPackage } from '../../../../shared/model/manifest.ts';

type ReadContent = Extract<ManifestContent, { status: 'read' }>;

function report(path: string, packages: readonly ManifestPackage[], more: Partial<ReadContent> = {}): FileReport {
  const content = { status: 'read', packages, gaps: [], locals: [], registries: [], poisonings: [], warnings: [], ...more } as const;
  return { path, format: 'made-up', content };
}

const FACTS = { serialNumber: '11111111-2222-4333-8444-555555555555', writtenAt: new Date(0), toolVersion: '1.2.3', notes: [] };
const LEFT = { ecosystem: 'NPM', name: '@acme/left', version: '1.0.0' } as const;
/** An escape sequence, a bell and a mark that turns the direction of writing. */
const HOSTILE = 'a\u001b[2J\u0007\u202eb';

describe('toCycloneDx', () => {
  it('writes a component for each package version, with every lock file that names it', () => {
    const bom = toCycloneDx(
      [
        report('a/package-lock.json', [{ ...LEFT, isDevelopment: true, relationship: 'transitive' }]),
        report('b/package-lock.json', [{ ...LEFT, isDevelopment: false, relationship: 'direct', line: 7 }]),
      ],
      FACTS,
    );
    expect(bom).toEqual({
      $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      serialNumber: 'urn:uuid:11111111-2222-4333-8444-555555555555',
      version: 1,
      metadata: {
        timestamp: '1970-01-01T00:00:00.000Z',
        tools: { components: [{ type: 'application', name: 'safedep-watch', version: '1.2.3' }] },
      },
      components: [
        {
          type: 'library',
          'bom-ref': 'pkg:npm/%40acme/left@1.0.0',
          group: '@acme',
          name: 'left',
          version: '1.0.0',
          scope: 'required',
          purl: 'pkg:npm/%40acme/left@1.0.0',
          properties: [
            { name: 'safedep-watch:lock-file', value: 'a/package-lock.json' },
            { name: 'safedep-watch:lock-file', value: 'b/package-lock.json:7' },
            { name: 'safedep-watch:relationship', value: 'direct' },
          ],
        },
      ],
      compositions: [{ aggregate: 'complete' }],
    });
  });

  it.each([
    [{ isDevelopment: true }, 'excluded'],
    [{ isDevelopment: true, isOptional: true }, 'excluded'],
    [{ isOptional: true }, 'optional'],
    [{ isDevelopment: false }, 'required'],
    [{}, undefined],
  ])('takes the scope from %j: %s', (use, scope) => {
    expect(toCycloneDx([report('x', [{ ...LEFT, ...use }])], FACTS)).toMatchObject({
      components: [expect.objectContaining({ name: 'left' })],
    });
    const { components } = toCycloneDx([report('x', [{ ...LEFT, ...use }])], FACTS) as { components: { scope?: string }[] };
    expect(components[0]?.scope).toBe(scope);
  });

  it('says that the document is incomplete where something was not read or not resolved, and what', () => {
    const gap = { ecosystem: 'NPM', name: 'right', requirement: '^1', state: 'unresolved', reason: 'a range' } as const;
    const unread: FileReport = { path: 'yarn.lock', format: 'yarn', content: { status: 'error', reason: 'cut' } };
    for (const [reports, notes, remark] of [
      [[report('x', [], { gaps: [gap] })], [], 'x: unresolved: right ^1: a range'],
      [[unread], [], 'yarn.lock: not read: cut'],
      [[report('x', [])], ['y: you may not read it'], 'y: you may not read it'],
    ] as const) {
      expect(toCycloneDx(reports, { ...FACTS, notes })).toMatchObject({
        metadata: { properties: [{ name: 'safedep-watch:remark', value: remark }] },
        compositions: [{ aggregate: 'incomplete' }],
      });
    }
  });

  it("splits Maven's group from its artifact", () => {
    const bom = toCycloneDx([report('pom.xml', [{ ecosystem: 'MAVEN', name: 'org.example:lib', version: '1' }])], FACTS);
    expect(bom).toMatchObject({ components: [{ group: 'org.example', name: 'lib', purl: 'pkg:maven/org.example/lib@1' }] });
  });
});

describe('what is shown', () => {
  const hostile = report(HOSTILE, [{ ...LEFT, name: HOSTILE }], { warnings: [HOSTILE] });

  it.each([
    ['tsv', () => tsvLines([hostile]).join('\n')],
    ['table', () => tableLines([hostile]).join('\n')],
    ['json', () => toJsonText(toPathAnswer(hostile), 2)],
  ])('holds nothing that moves a cursor: %s', (_name, render) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
    expect(render()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e](?<!\t)/);
  });

  it('keeps what it escapes in JSON readable by programs', () => {
    const text = toJsonText({ text: `${HOSTILE}é\u{e0001}\n` });
    expect(text).not.toMatch(/\p{C}/u);
    expect(JSON.parse(text)).toEqual({ text: `${HOSTILE}é\u{e0001}\n` });
  });
});
