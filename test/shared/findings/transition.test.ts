import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FindingState, planWrites, type StoredFinding } from '../../../shared/findings/transition.ts';
import { type Finding, listLockFiles } from '../../../shared/model/finding.ts';

const finding = (id: string, changes: Partial<Finding> = {}): Finding => ({
  id,
  factId: `fact-${id}`,
  kind: 'vulnerability',
  severity: 'high',
  packageVersion: { ecosystem: 'NPM', name: id, version: '1.0.0' },
  primaryId: 'GHSA-1',
  title: 't',
  decision: 'warn',
  decisionReason: 'r',
  lockFiles: ['package-lock.json'],
  ...changes,
});
const stored = (of: Finding, state: FindingState, transition = 1): StoredFinding => ({
  finding: of,
  state,
  transition,
  lastEvaluation: 1,
  intents: {},
});
const why = () => 'gone';

const ids = fc.subarray(['a', 'b', 'c', 'd']);
const state = fc.record({ open: ids, resolved: ids, found: ids });

/** What stands in the table after the writes. */
function apply(before: readonly StoredFinding[], writes: ReturnType<typeof planWrites>): Map<string, StoredFinding> {
  const after = new Map(before.map((entry) => [entry.finding.id, entry]));
  for (const write of writes) after.set(write.finding.id, { ...write, lastEvaluation: 2, intents: {} });
  return after;
}

function toStored({ open, resolved }: { open: string[]; resolved: string[] }): StoredFinding[] {
  return [
    ...open.map((id) => stored(finding(id), 'open', 3)),
    ...resolved.filter((id) => !open.includes(id)).map((id) => stored(finding(id), 'resolved', 2)),
  ];
}

describe('planWrites', () => {
  it('leaves open exactly what was found, and nothing to do for a second time', () => {
    fc.assert(
      fc.property(state, (drawn) => {
        const found = drawn.found.map((id) => finding(id));
        const before = toStored(drawn);
        const after = apply(before, planWrites(before, found, true, why));
        const open = [...after.values()].filter((entry) => entry.state === 'open').map((entry) => entry.finding.id);
        expect(open.sort()).toEqual([...drawn.found].sort());
        expect(planWrites([...after.values()], found, true, why)).toEqual([]);
      }),
    );
  });

  it('counts every change of state, by one, and no other', () => {
    fc.assert(
      fc.property(state, fc.boolean(), (drawn, mayResolve) => {
        const before = toStored(drawn);
        for (const write of planWrites(
          before,
          drawn.found.map((id) => finding(id)),
          mayResolve,
          why,
        )) {
          const known = before.find((entry) => entry.finding.id === write.finding.id);
          expect(write.transition).toBe((known?.transition ?? 0) + (known?.state === write.state ? 0 : 1));
          expect(write.kind !== undefined).toBe(known?.state !== write.state);
        }
      }),
    );
  });

  it('resolves nothing while it may not, whatever was found', () => {
    fc.assert(
      fc.property(state, (drawn) => {
        const before = toStored(drawn);
        const found = drawn.found.map((id) => finding(id));
        expect(planWrites(before, found, false, why).filter((write) => write.state === 'resolved')).toEqual([]);
      }),
    );
  });

  it.each([
    ['severity', { severity: 'low' }],
    ['title', { title: 'other' }],
    ['reason of the decision', { decisionReason: 'other' }],
    ['lock files', { lockFiles: ['web/package-lock.json'] }],
    ['number of lock files beyond those listed', { lockFileCount: 51 }],
  ] as const)('writes a changed %s without a transition', (_, changes) => {
    expect(planWrites([stored(finding('a'), 'open', 4)], [finding('a', changes)], true, why)).toEqual([
      { finding: finding('a', changes), state: 'open', transition: 4 },
    ]);
  });

  it('counts another decision as a transition, and says what was decided before', () => {
    const after = finding('a', { decision: 'reject', severity: 'critical' });
    expect(planWrites([stored(finding('a', { decision: 'accept' }), 'open', 4)], [after], false, why)).toEqual([
      { finding: after, state: 'open', transition: 5, kind: 'changed', formerDecision: 'accept' },
    ]);
  });

  it('has nothing to write when one lock file beyond those listed takes the place of another', () => {
    const many = Array.from({ length: 60 }, (_, index) => `a/${String(index).padStart(2, '0')}/yarn.lock`);
    const before = finding('a', listLockFiles([...many, 'y/yarn.lock']));
    const after = finding('a', listLockFiles([...many, 'z/yarn.lock']));
    expect(planWrites([stored(before, 'open')], [after], true, why)).toEqual([]);
  });

  it('says why it resolves', () => {
    expect(planWrites([stored(finding('a'), 'open')], [], true, ({ id }) => `${id} left`)).toMatchObject([
      { kind: 'resolved', transition: 2, reason: 'a left' },
    ]);
  });
});
