import { describe, expect, it } from 'vitest';
import { SEVERITIES } from '../../../shared/model/facts.ts';
import { DEFAULT_SETTINGS } from '../../../shared/model/settings/settings.ts';
import { judge } from '../../../shared/policy/default-policy.ts';

const { policy } = DEFAULT_SETTINGS;

describe('judge', () => {
  it('rejects verified malware and warns of inferred, whatever its severity', () => {
    expect(judge('malware', 'low', {}, policy).decision).toBe('reject');
    expect(judge('suspicious', 'critical', {}, policy).decision).toBe('warn');
  });

  it('decides about vulnerabilities by severity, and never takes an unknown one for a low one', () => {
    expect(SEVERITIES.map((severity) => judge('vulnerability', severity, {}, policy).decision)).toEqual([
      'reject',
      'warn',
      'accept',
      'accept',
      'warn',
    ]);
  });

  it('lets the settings decide otherwise, for the severities that they name', () => {
    const own = { ...policy, malware: 'warn', vulnerability: { low: 'reject' } } as const;
    expect(judge('malware', 'critical', {}, own).decision).toBe('warn');
    expect(judge('vulnerability', 'low', {}, own).decision).toBe('reject');
    expect(judge('vulnerability', 'critical', {}, own).decision).toBe('reject');
  });

  it("accepts what the tenant excluded from malware verdicts, and none of that package's vulnerabilities", () => {
    const facts = { malware: { verdict: 'malicious', analysisId: 'A1', title: '', exclusion: '' } } as const;
    expect(judge('malware', 'critical', facts, policy)).toEqual({ decision: 'accept', reason: 'excluded at SafeDep: no reason given' });
    expect(judge('vulnerability', 'critical', facts, policy).decision).toBe('reject');
  });
});
