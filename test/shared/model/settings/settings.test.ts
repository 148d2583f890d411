import { describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS, parseSettings, readingDigest, SettingsError } from '../../../../shared/model/settings/settings.ts';

const refusal = (document: unknown): string => {
  try {
    parseSettings(document, 'safedep-watch.json');
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return (error as Error).message;
  }
  throw new Error('it was accepted');
};

describe('parseSettings', () => {
  it('fills in the defaults', () => {
    expect(parseSettings({ version: 1 }, 'x')).toEqual(DEFAULT_SETTINGS);
    expect(DEFAULT_SETTINGS).toMatchObject({ limits: { dataPlane: [{ requests: 500, perSeconds: 1 }] }, policy: { malware: 'reject' } });
    expect(parseSettings({ version: 1, policy: { suspicious: 'reject' } }, 'x').policy).toEqual({
      malware: 'reject',
      suspicious: 'reject',
      vulnerability: {},
      poisonedLockFile: {},
    });
  });

  it('takes one window of a limit or several, and reads what it wrote', () => {
    const windows = [
      { requests: 50, perSeconds: 60 },
      { requests: 1_000, perSeconds: 3_600 },
    ];
    const parsed = parseSettings({ version: 1, limits: { dataPlane: windows, community: windows[0] } }, 'x');
    expect(parsed.limits).toMatchObject({ dataPlane: windows, controlPlane: [{ requests: 20, perSeconds: 1 }], community: [windows[0]] });
    expect(parseSettings(JSON.parse(JSON.stringify(parsed)), 'x')).toEqual(parsed);
    expect(refusal({ version: 1, limits: { dataPlane: [windows[0], windows[0]] } })).toContain('equally long');
    expect(refusal({ version: 1, limits: { dataPlane: [] } })).toContain('limits.dataPlane');
  });

  it('refuses every mistake at once, each with its place, after the name of the document', () => {
    const message = refusal({
      version: 1,
      polcy: {},
      policy: { malware: 'block', vulnerability: { severe: 'reject' } },
      limits: { dataPlane: { requests: 0, perSeconds: 1 } },
    });
    expect(message).toMatch(/^safedep-watch\.json is not a settings document:\n/);
    for (const place of ['polcy', 'policy.malware', 'severe', 'limits.dataPlane.requests']) expect(message).toContain(place);
  });

  it.each([
    ['another version', { version: 2 }, 'version'],
    ['no document', null, 'document'],
    ['an unknown forge', { version: 1, sources: [{ forge: 'cvs' }] }, 'sources.0'],
    ['a source without its token', { version: 1, sources: [{ forge: 'github' }] }, 'sources.0.tokenSecret'],
    ['private names of an unknown ecosystem', { version: 1, reading: { privateNames: { npm: ['x'] } } }, 'reading.privateNames'],
    [
      'a sink with spaces in its name',
      { version: 1, sinks: [{ name: 'a b', kind: 'webhook', url: 'https://x.example', signingSecret: 's' }] },
      'sinks.0.name',
    ],
  ])('refuses %s', (_, document, place) => {
    expect(refusal(document)).toContain(place);
  });
});

describe('readingDigest', () => {
  it('changes with how lock files are read, and with nothing else', () => {
    const policy = parseSettings({ version: 1, policy: { malware: 'warn' } }, 'x');
    const reading = parseSettings({ version: 1, reading: { ignoredFolders: ['fixtures'] } }, 'x');
    expect(readingDigest(policy)).toBe(readingDigest(DEFAULT_SETTINGS));
    expect(readingDigest(reading)).not.toBe(readingDigest(DEFAULT_SETTINGS));
  });
});
