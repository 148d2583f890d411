import { describe, expect, it } from 'vitest';
import { Reading } from '../../../shared/manifests/reading.ts';
import { withHostPoisonings } from '../../../shared/manifests/registry-hosts.ts';
import { DEFAULT_SETTINGS, type ReadingSettings } from '../../../shared/model/settings/settings.ts';

/** The signs in a file with so many packages of each host, as `rule count`. */
function signs(counts: Readonly<Record<string, number>>, settings: Partial<ReadingSettings> = {}): string[] {
  const reading = new Reading('NPM', { text: '', damaged: false });
  for (const [registryHost, count] of Object.entries(counts)) {
    for (let index = 0; index < count; index++) reading.addPackage(`${registryHost}-${index}`, '1.0.0', { registryHost });
  }
  const content = withHostPoisonings(reading.content(), { ...DEFAULT_SETTINGS.reading, ...settings });
  if (content.status === 'error') throw new Error(content.reason);
  const byRule = new Map<string, number>();
  for (const { rule } of content.poisonings) byRule.set(rule, (byRule.get(rule) ?? 0) + 1);
  return [...byRule].map(([rule, count]) => `${rule} ${count}`).concat(content.warnings);
}

describe('the hosts of a lock file', () => {
  it.each<[string, Record<string, number>, string[]]>([
    ['one host', { 'a.example': 10 }, []],
    ['one entry of another host', { 'a.example': 10, 'b.example': 1 }, ['unusual-host 1']],
    ['few of many', { 'a.example': 100, 'b.example': 9 }, ['unusual-host 9']],
    ['two hosts that share the entries', { 'a.example': 10, 'b.example': 5 }, []],
    ['two entries, each of its own host', { 'a.example': 1, 'b.example': 1 }, []],
    ['three entries, each of its own host', { 'a.example': 1, 'b.example': 1, 'c.example': 1 }, []],
  ])('are judged by their share: %s', (_, counts, expected) => {
    expect(signs(counts)).toEqual(expected);
  });

  it('are rejected where the settings list others, in any case', () => {
    expect(signs({ 'A.example': 3, 'b.example': 2 }, { registryHosts: ['a.EXAMPLE'] })).toEqual(['foreign-host 2']);
    expect(signs({ 'a.example': 3 }, { registryHosts: ['a.example'] })).toEqual([]);
  });

  it('are not unusual where the settings name them as private', () => {
    expect(signs({ 'a.example': 10, 'b.example': 1 }, { privateRegistries: ['b.example'] })).toEqual([]);
  });

  it('are listed up to a limit, and counted beyond it', () => {
    expect(signs({ 'a.example': 500 }, { registryHosts: ['b.example'] })).toEqual([
      'foreign-host 200',
      '300 more packages of foreign hosts are not listed',
    ]);
  });

  it('take no longer where each of very many entries has one of its own', () => {
    const hosts = Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`h${index}.example`, 1]));
    expect(signs(hosts)).toEqual([]);
  });
});
