import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toInertText } from '../../../shared/alerts/inert-text.ts';
import { renderText } from '../../../shared/alerts/render-text.ts';
import { findingEvent, REPOSITORY, scanEvent } from './sample-events.ts';

const HOSTILE_PARTS = [
  '\u001b[31m',
  '\u001b]8;;https://evil.example\u0007',
  '\r\n',
  '\n',
  '\t',
  '\0',
  '\u009b',
  '\u202e',
  '\u2066',
  '\u200b',
  '\u2028',
  '\ufeff',
  '\ud800',
  '\udfff',
  '\u{e0041}',
  '\u{fe0f}',
  '\u3164',
  '<!channel>',
  '<script>',
  '<@U123>',
  '@everyone',
  '@channel',
  '[click](https://evil.example)',
  '![](x)',
  '`code`',
  '**bold**',
  '__init__',
  '~~gone~~',
  '||',
  '| a | b |',
  '$(id)',
  ';rm -rf /',
  "'; DROP TABLE x",
  '=1+1',
  '&lt;b&gt;',
  'ünïcode',
  '日本',
];

const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.array(fc.oneof(fc.constantFrom(...HOSTILE_PARTS), fc.string({ maxLength: 5 })), { maxLength: 30 }).map((parts) => parts.join('')),
  fc.constantFrom('x'.repeat(10_240), '\u202e'.repeat(10_240)),
);

/** What a sink could act on: the grammar that rendered text must stay clear of. */
const ACTS = /[\p{C}\p{Zl}\p{Zp}]|\p{Default_Ignorable_Code_Point}|[<>[\]*`|~]|:\/\/|(?<![\p{L}\p{N}])@|@(?![\dv])/u;

describe('toInertText', () => {
  it('leaves nothing that moves a cursor, turns direction, links, mentions or marks up', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        expect(toInertText(text)).not.toMatch(ACTS);
      }),
    );
  });

  it('cuts a piece at 300 characters and their escapes', () => {
    expect(toInertText('x'.repeat(10_240))).toBe(`${'x'.repeat(300)}…`);
    fc.assert(fc.property(hostileText, (text) => toInertText(text).length <= 301 * '\\u{10ffff}'.length));
  });

  it('keeps ordinary names as they are', () => {
    for (const text of ['left-pad', 'my_dir/package-lock.json', 'feature/a.b', 'Änderung 日本', 'CVE-2024-1 & friends (1.x)']) {
      expect(toInertText(text)).toBe(text);
    }
  });

  it('shows what it takes away', () => {
    expect(toInertText('a\u001b[31m\r\n\u202eb<!channel>@all https://x __init__')).toBe(
      'a\\u{1b}［31m\\u{d}\\u{a}\\u{202e}b‹!channel›＠all https:⁄⁄x ˍˍinitˍˍ',
    );
  });
});

describe('renderText', () => {
  it('names no commit of a deleted branch', () => {
    expect(renderText(findingEvent({ repository: { ...REPOSITORY, commit: '' } }))).not.toContain('commit');
    expect(renderText(findingEvent())).toContain(`, commit ${REPOSITORY.commit.slice(0, 12)}; `);
  });

  it('says what was found, where, why and who says so', () => {
    expect(renderText(findingEvent())).toBe(
      [
        'Finding (reject): malware, severity critical, pkg:npm/%40acme/evil_one@1.2.3: Sends the environment to a remote host',
        'acme/shop, branch main, commit 0123456789ab; in web/package-lock.json; policy: malware: reject; answers from SafeDep Cloud',
      ].join('\n'),
    );
  });

  it('says why a finding was resolved', () => {
    const text = renderText(findingEvent({ detailType: 'finding resolved', reason: 'the package left' }, { lockFiles: [] }));
    expect(text).toMatch(/^Resolved \(reject\): malware/);
    expect(text).toContain('in no lock file any more; the package left;');
  });

  it('names the first lock files of many and counts all the others, also those that the event does not list', () => {
    const lockFiles = Array.from({ length: 50 }, (_, index) => `a${index}/yarn.lock`);
    const text = renderText(findingEvent({}, { lockFiles, lockFileCount: 2_000 }));
    expect(text).toContain('in a0/yarn.lock, a1/yarn.lock, a2/yarn.lock, a3/yarn.lock, a4/yarn.lock and 1995 more;');
    expect(renderText(findingEvent({}, { lockFiles: [], lockFileCount: 1 }))).toContain('; in 1 lock file;');
  });

  it('does not call inferred malware verified', () => {
    expect(renderText(findingEvent({}, { kind: 'suspicious' }))).toContain('malware inferred, not verified');
  });

  it('sums up a first scan in a few lines: the worst by name, the rest by count', () => {
    expect(renderText(scanEvent())).toBe(
      [
        'First scan complete: acme/shop, branch main, commit 0123456789ab; 2 lock files, 812 packages; answers from SafeDep Cloud',
        'Open findings: 1 reject, 6 warn, 0 accept',
        'reject: malware, severity critical, pkg:npm/name-0@1.0.0: Title 0',
        ...[1, 2, 3, 4].map((n) => `warn: vulnerability, severity high, pkg:npm/name-${n}@1.0.0: Title ${n}`),
        'and 2 more',
      ].join('\n'),
    );
  });

  it('counts what the policy accepts and does not list it', () => {
    const base = scanEvent();
    const worst = base.worst.slice(0, 1).map((finding) => ({ ...finding, decision: 'accept' as const }));
    const text = renderText(scanEvent({ worst, counts: { ...base.counts, findings: { reject: 0, warn: 0, accept: 1 } } }));
    expect(text.split('\n').slice(1)).toEqual(['Open findings: 0 reject, 0 warn, 1 accept']);
  });

  it('says of an incomplete scan what is not known and why', () => {
    const base = scanEvent();
    const text = renderText(
      scanEvent({
        detailType: 'scan incomplete',
        baseline: false,
        reasons: ['yarn.lock could not be read'],
        worst: [],
        counts: {
          ...base.counts,
          findings: { reject: 0, warn: 0, accept: 0 },
          gaps: { 'not-analysed': 3, unsupported: 0, unresolved: 1 },
          failures: { throttled: 0, failed: 2 },
        },
      }),
    );
    expect(text.split('\n')[0]).toMatch(/^Scan INCOMPLETE: /);
    expect(text).toContain('Not known: 3 not analysed by SafeDep, 1 unresolved, 2 failed');
    expect(text).toContain('Incomplete because: yarn.lock could not be read');
  });

  it('marks every line that rests on made-up answers', () => {
    for (const event of [findingEvent({ answers: 'stand-in' }), scanEvent({ answers: 'stand-in' })]) {
      for (const line of renderText(event).split('\n')) expect(line).toMatch(/^\[made up\] /);
    }
    expect(renderText(findingEvent({ answers: 'community' }))).not.toContain('made up');
  });

  it('shows hostile names inert and on the lines that they belong to', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const repository = { ...REPOSITORY, name: text, ref: `refs/heads/${text}`, commit: text };
        const finding = { purl: text, title: text, decisionReason: text, lockFiles: Array<string>(9).fill(text) };
        const lines = renderText(findingEvent({ repository, reason: text }, finding)).split('\n');
        expect(lines).toHaveLength(2);
        for (const line of lines) expect(line).not.toMatch(ACTS);
        const worst = [{ ...finding, kind: 'malware' as const, severity: 'high' as const, decision: 'reject' as const }];
        for (const line of renderText(scanEvent({ repository, reasons: [text], worst })).split('\n')) expect(line).not.toMatch(ACTS);
      }),
    );
  });
});
