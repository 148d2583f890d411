import { describe, expect, it } from 'vitest';
import { deriveFindings, isReportedAsMalware } from '../../../shared/findings/derive.ts';
import type { MalwareFact, PackageFacts, VulnerabilityFact } from '../../../shared/model/facts.ts';
import { listLockFiles } from '../../../shared/model/finding.ts';
import type { RefId } from '../../../shared/model/repository.ts';
import { DEFAULT_SETTINGS } from '../../../shared/model/settings/settings.ts';

const REF: RefId = { tenant: 'default', forge: 'github', host: 'github.com', repositoryId: '1', ref: 'refs/heads/main' };
const PACKAGE = { ecosystem: 'NPM', name: 'left', version: '1.0.0' } as const;
const derive = (facts: PackageFacts, ref = REF) => deriveFindings(ref, PACKAGE, facts, ['b', 'a'], DEFAULT_SETTINGS.policy);
const brief = (facts: PackageFacts) => derive(facts).map(({ kind, severity, primaryId }) => `${kind} ${severity} ${primaryId}`);

const malware = (verdict: MalwareFact['verdict']): MalwareFact => ({ verdict, analysisId: 'A1', title: '' });
const advisory = (id: string, aliases: string[] = []): VulnerabilityFact => ({ id, aliases, severity: 'medium', title: '' });

describe('deriveFindings', () => {
  it('finds nothing where nothing is known, and nothing in a benign package', () => {
    expect(derive({})).toEqual([]);
    expect(derive({ vulnerabilities: [], malware: malware('benign'), licences: ['MIT'] })).toEqual([]);
  });

  it('tells verified malware from inferred', () => {
    expect(brief({ malware: malware('malicious') })).toEqual(['malware critical A1']);
    expect(brief({ malware: malware('suspicious') })).toEqual(['suspicious high A1']);
  });

  it('takes an advisory of malware for malware, whatever its severity says', () => {
    expect(brief({ vulnerabilities: [advisory('MAL-2024-1')] })).toEqual(['malware critical MAL-2024-1']);
    expect(brief({ vulnerabilities: [advisory('mal-2024-1')] })).toEqual(['malware critical mal-2024-1']);
  });

  it('finds malware that only an alias tells, also where a later analysis calls it benign', () => {
    const facts = { vulnerabilities: [advisory('GHSA-1', ['CVE-1', 'MAL-1'])], malware: malware('benign') };
    expect(brief(facts)).toEqual(['malware critical MAL-1', 'vulnerability medium GHSA-1']);
  });

  it('leaves out what is only inferred where an advisory lists the package as malware', () => {
    expect(brief({ vulnerabilities: [advisory('MAL-1')], malware: malware('suspicious') })).toEqual(['malware critical MAL-1']);
    expect(brief({ vulnerabilities: [advisory('MAL-1')], malware: malware('malicious') })).toEqual([
      'malware critical A1',
      'malware critical MAL-1',
    ]);
  });

  it('finds once what analysis and advisory both name', () => {
    const facts = { malware: { ...malware('malicious'), analysisId: 'MAL-1' }, vulnerabilities: [advisory('MAL-1')] };
    expect(brief(facts)).toEqual(['malware critical MAL-1']);
  });

  it('gives an id that depends on ref and fact, and not on lock files, severity or policy', () => {
    const [one] = derive({ vulnerabilities: [advisory('GHSA-1')] });
    const [other] = deriveFindings(REF, PACKAGE, { vulnerabilities: [{ ...advisory('GHSA-1'), severity: 'low' }] }, [], {
      ...DEFAULT_SETTINGS.policy,
      vulnerability: { low: 'reject' },
    });
    const [elsewhere] = derive({ vulnerabilities: [advisory('GHSA-1')] }, { ...REF, ref: 'refs/heads/next' });
    expect(other?.id).toBe(one?.id);
    expect(elsewhere?.id).not.toBe(one?.id);
    expect(elsewhere?.factId).toBe(one?.factId);
    expect(one?.lockFiles).toEqual(['a', 'b']);
  });

  it('lists the first of many lock files and says how many there are', () => {
    const paths = Array.from({ length: 2_000 }, (_, index) => `apps/${index}/package-lock.json`);
    const [found] = deriveFindings(REF, PACKAGE, { malware: malware('malicious') }, paths, DEFAULT_SETTINGS.policy);
    expect(found).toMatchObject(listLockFiles(paths));
    expect(found?.lockFileCount).toBe(2_000);
  });

  it('accepts malware that the tenant excluded, with its reason, and still finds it', () => {
    const excluded = derive({ malware: { ...malware('malicious'), exclusion: 'our own test package' } });
    expect(excluded).toMatchObject([{ kind: 'malware', decision: 'accept', decisionReason: 'excluded at SafeDep: our own test package' }]);
  });
});

describe('isReportedAsMalware', () => {
  it('is so for every verdict and advisory of malware, and for nothing else', () => {
    expect(isReportedAsMalware({ malware: malware('suspicious') })).toBe(true);
    expect(isReportedAsMalware({ vulnerabilities: [advisory('GHSA-1', ['MAL-1'])] })).toBe(true);
    expect(isReportedAsMalware({ malware: malware('benign'), vulnerabilities: [advisory('GHSA-1')] })).toBe(false);
    expect(isReportedAsMalware({})).toBe(false);
  });
});
