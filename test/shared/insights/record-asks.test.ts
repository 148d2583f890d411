import { describe, expect, it } from 'vitest';
import { type Asked, recordAsks } from '../../../shared/insights/record-asks.ts';
import type { MalwareFact, PackageFacts } from '../../../shared/model/facts.ts';

const known = { state: 'known' } as const;
const gap = { state: 'not-analysed', reason: 'being analysed' } as const;
const away = { state: 'failed', reason: 'away' } as const;
const benign: MalwareFact = { verdict: 'benign', analysisId: '', title: '' };
const evil: MalwareFact = { verdict: 'malicious', analysisId: 'A1', title: 'evil' };
const facts: PackageFacts = {
  vulnerabilities: [{ id: 'GHSA-1', aliases: [], severity: 'high', title: 't' }],
  malware: evil,
  licences: ['MIT'],
  publishedAtMs: 5,
};
const both: Asked = { checks: { vulnerabilities: known, malware: known }, facts };

const first = recordAsks(undefined, both, 10, 20, 0);

describe('recordAsks', () => {
  it('counts as asked from the time at which the asking began', () => {
    expect(first.answers.malware).toMatchObject({ askedAtMs: 10, sinceMs: 20 });
  });

  it('fans a first answer out to nobody, also when its two halves come one after the other', () => {
    expect(first.fanOut).toBeUndefined();
    const half = recordAsks(undefined, { checks: { vulnerabilities: known }, facts }, 10, 20, 0);
    expect(half.facts.malware).toBeUndefined();
    const whole = recordAsks(half, { checks: { malware: known }, facts: { malware: evil } }, 30, 40, 0);
    expect(whole.fanOut).toBeUndefined();
    expect(whole.digest).toBe(first.digest);
  });

  it.each([
    ['both', ['vulnerabilities', 'malware']],
    ['the vulnerabilities alone', ['vulnerabilities']],
    ['malware alone', ['malware']],
  ] as const)('fans nothing out when %s are asked again and say the same', (_, questions) => {
    const checks = Object.fromEntries(questions.map((question) => [question, known]));
    const again = recordAsks(first, { checks, facts }, 30, 40, 0);
    expect(again).toMatchObject({ digest: first.digest, facts });
    expect(again.fanOut).toBeUndefined();
  });

  it('fans a changed answer out, and replaces the facts of its own question only', () => {
    const changed = recordAsks(first, { checks: { malware: known }, facts: { vulnerabilities: [], malware: benign } }, 30, 40, 0);
    expect(changed.facts).toEqual({ ...facts, malware: benign });
    expect(changed.fanOut).toBe(changed.digest);
    expect(changed.digest).not.toBe(first.digest);
  });

  it('fans nothing out when another analysis finds nothing either', () => {
    const clean = recordAsks(undefined, { checks: { malware: known }, facts: { malware: { ...benign, analysisId: 'A1' } } }, 10, 20, 0);
    const again = recordAsks(clean, { checks: { malware: known }, facts: { malware: { ...benign, analysisId: 'A2' } } }, 30, 40, 0);
    expect(again.fanOut).toBeUndefined();
  });

  it('keeps what was found when a question cannot be answered any more, and says so', () => {
    const pending = recordAsks(first, { checks: { vulnerabilities: gap, malware: gap }, facts: {} }, 30, 40, 0);
    expect(pending.facts).toEqual(facts);
    expect(pending.answers).toMatchObject({ vulnerabilities: { check: gap, sinceMs: 40 }, malware: { check: gap } });
    expect(pending.fanOut).toBe(pending.digest);
  });

  it('takes an answer that leaves a part out for its absence', () => {
    const { malware: _, ...rest } = facts;
    expect(recordAsks(first, { checks: { malware: known }, facts: {} }, 30, 40, 0).facts).toEqual(rest);
  });

  it('sets a failure beside the answer, with its own time, and fans it out to nobody', () => {
    const failed = recordAsks(first, { checks: { malware: away }, facts: {} }, 30, 40, 0);
    expect(failed).toMatchObject({ answers: first.answers, facts, digest: first.digest, failures: { malware: { failedAtMs: 40 } } });
    expect(failed.fanOut).toBeUndefined();
  });

  it('fans out an answer that comes after a failure, because scans ended incomplete for want of it', () => {
    const failed = recordAsks(undefined, { checks: { vulnerabilities: away, malware: away }, facts: {} }, 10, 20, 0);
    expect(failed.digest).toBe('');
    const recovered = recordAsks(failed, both, 30, 40, 0);
    expect(recovered.failures).toEqual({});
    expect(recovered.fanOut).toBe(recovered.digest);
  });

  it('passes on a fan-out that nobody has done, and a due mark', () => {
    const marked = recordAsks({ ...first, fanOut: 'd0', dueMarkedAtMs: 7 }, both, 30, 40, 0);
    expect(marked).toMatchObject({ fanOut: 'd0', dueMarkedAtMs: 7 });
  });

  it('remembers since when a gap stands, so that it is asked for ever more rarely', () => {
    const one = recordAsks(undefined, { checks: { malware: gap }, facts: {} }, 0, 0, 0);
    const two = recordAsks(one, { checks: { malware: gap }, facts: {} }, 9e7, 9e7, 0);
    expect(two.answers.malware).toMatchObject({ sinceMs: 0, refreshAtMs: 9e7 + 4.5e7 });
  });
});
