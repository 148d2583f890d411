import { existsSync, readFileSync } from 'node:fs';
import { create, type DescMessage, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CreateToolSessionRequestSchema,
  PublishPackageInsightRequestSchema,
  PublishPolicyViolationRequestSchema,
  ToolTrigger,
} from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { strictValidation } from '../../../infra/local/safedep/validation.ts';
import { ECOSYSTEMS, type Ecosystem } from '../../../shared/model/ecosystem.ts';
import { type PackageFacts, SEVERITIES } from '../../../shared/model/facts.ts';
import { FINDING_KINDS, type Finding, listLockFiles } from '../../../shared/model/finding.ts';
import { type PackageVersion, packageKey } from '../../../shared/model/package-version.ts';
import { FORGES } from '../../../shared/model/repository.ts';
import { toInsightMessage, toViolationMessage } from '../../../shared/report/session-messages.ts';
import { planSession, type ReportedScan } from '../../../shared/report/session-plan.ts';
import { breachesOf, DECLARED, toConstraint } from './declared-constraints.ts';

const SCHEMA_TABLE = new URL('../../../../shared/reference/safedep-schema.tsv', import.meta.url);

const text = (maxLength: number) =>
  fc.oneof(
    fc.string({ maxLength }),
    fc.string({ unit: 'binary', maxLength }),
    fc.constantFrom('', '\ud800', '\udfff\u0000', '💥'.repeat(maxLength)),
    fc.nat({ max: maxLength }).map((length) => 'x'.repeat(length)),
  );
const ecosystem = fc.constantFrom(...(Object.keys(ECOSYSTEMS) as Ecosystem[]));
const packageVersion: fc.Arbitrary<PackageVersion> = fc.record({ ecosystem, name: text(400), version: text(200) });
const severity = fc.constantFrom(...SEVERITIES);
const path = fc.oneof(
  text(700),
  fc.array(text(120), { maxLength: 9 }).map((parts) => parts.join('/')),
);
const facts: fc.Arbitrary<PackageFacts> = fc.record(
  {
    vulnerabilities: fc.array(fc.record({ id: text(150), aliases: fc.array(text(150)), severity, title: text(1500) }), { maxLength: 130 }),
    malware: fc.record({
      verdict: fc.constantFrom('malicious', 'suspicious', 'benign'),
      analysisId: text(150),
      title: text(300),
    }),
    licences: fc.array(text(60)),
    publishedAtMs: fc.oneof(fc.integer(), fc.double(), fc.constantFrom(8.64e15, -1)),
  },
  { requiredKeys: [] },
);
const findingOf = (subject: PackageVersion, lockFiles: string[]): fc.Arbitrary<Finding> =>
  fc.record({
    id: fc.uuid(),
    factId: fc.uuid(),
    kind: fc.constantFrom(...FINDING_KINDS),
    severity,
    packageVersion: fc.constant(subject),
    primaryId: text(1500),
    title: text(1500),
    decision: fc.constant('reject'),
    decisionReason: text(300),
    lockFiles: fc.constant(lockFiles),
  });

const scan: fc.Arbitrary<ReportedScan> = fc
  .uniqueArray(fc.record({ path, packages: fc.uniqueArray(packageVersion, { maxLength: 6, selector: packageKey }) }), {
    maxLength: 4,
    selector: (lockFile) => lockFile.path,
  })
  .chain((lockFiles) => {
    const subjects = lockFiles.flatMap(({ path: lockFile, packages }) =>
      packages.map((subject) => findingOf(subject, [lockFile, 'gone.lock'])),
    );
    return fc.record({
      ref: fc.record({
        tenant: fc.constant('default'),
        forge: fc.constantFrom(...FORGES),
        host: fc.constant('github.com'),
        repositoryId: fc.constant('4711'),
        ref: text(300).map((name) => `refs/heads/${name}`),
      }),
      repositoryName: text(200),
      repositoryUrl: fc.oneof(
        text(300),
        fc.webUrl(),
        fc.constantFrom('/home/someone/code', 'https://user:canary@example.com/x', 'file:///x'),
      ),
      commit: text(150),
      lane: fc.constantFrom('live', 'background'),
      isAsked: fc.boolean(),
      toolVersion: fc.constant('0.1.0'),
      lockFiles: fc.constant(lockFiles),
      rejected: fc.tuple(...subjects),
    });
  });

const session = { toolSession: { toolSessionId: 'session-1' } };

function hold(schema: DescMessage, init: object): void {
  const message = create(schema, init as never);
  expect(breachesOf(schema, message)).toEqual([]);
  expect(() => strictValidation(message)).not.toThrow();
  // What cannot be written, in either form, cannot be sent.
  expect(breachesOf(schema, fromBinary(schema, toBinary(schema, message)))).toEqual([]);
  expect(breachesOf(schema, fromJson(schema, toJson(schema, message)))).toEqual([]);
}

describe('planSession', () => {
  it('keeps every message within every declared limit, whatever names and facts there are', () => {
    fc.assert(
      fc.property(scan, facts, (reported, known) => {
        const plan = planSession(reported);
        hold(CreateToolSessionRequestSchema, plan.create);
        for (const { at, finding } of plan.messages) {
          if (finding) hold(PublishPolicyViolationRequestSchema, { ...toViolationMessage(at, finding), ...session });
          else hold(PublishPackageInsightRequestSchema, { ...toInsightMessage(at, known), ...session });
        }
      }),
      { numRuns: 300 },
    );
  });

  it('has one insight for each package of each lock file that SafeDep can take, and counts the others', () => {
    fc.assert(
      fc.property(scan, (reported) => {
        const { messages, leftOutCount } = planSession(reported);
        const insights = messages.filter(({ finding }) => !finding);
        const all = reported.lockFiles.flatMap(({ path: lockFile, packages }) => packages.map((entry) => ({ lockFile, entry })));
        const fits = all.filter(
          ({ entry: { ecosystem, name, version } }) =>
            ECOSYSTEMS[ecosystem].isServed && name.length >= 1 && name.length <= 255 && version.length >= 1 && version.length <= 100,
        );
        const key = (lockFile: string, entry: PackageVersion) => `${lockFile}\n${packageKey(entry)}`;
        expect(insights.map(({ at }) => key(at.lockFile, at.packageVersion)).sort()).toEqual(
          fits.map(({ lockFile, entry }) => key(lockFile, entry)).sort(),
        );
        expect(leftOutCount).toBe(all.length - fits.length);
        // A finding is told in each lock file of the snapshot that has it, after all insights.
        expect(messages.slice(insights.length).every(({ finding }) => finding !== undefined)).toBe(true);
        expect(messages.length - insights.length).toBe(
          reported.rejected.filter(({ packageVersion: subject, lockFiles }) =>
            insights.some(({ at }) => key(at.lockFile, at.packageVersion) === key(lockFiles[0] ?? '', subject)),
          ).length,
        );
      }),
    );
  });

  const base: ReportedScan = {
    ref: { tenant: 'default', forge: 'github', host: 'github.com', repositoryId: '4711', ref: 'refs/heads/main' },
    repositoryName: 'acme/shop',
    repositoryUrl: 'https://github.com/acme/shop',
    commit: '0123456789abcdef0123456789abcdef01234567',
    lane: 'live',
    isAsked: false,
    toolVersion: '0.1.0',
    lockFiles: [
      {
        path: 'web/package-lock.json',
        packages: [
          { ecosystem: 'NPM', name: 'b', version: '1.0.0' },
          { ecosystem: 'NPM', name: 'a', version: '1.0.0' },
        ],
      },
      { path: 'Cargo.lock', packages: [{ ecosystem: 'CARGO', name: 'c', version: '1.0.0' }] },
    ],
    rejected: [],
  };

  it('tells a rejected finding in every lock file that has it, also in those that the finding does not list', () => {
    const subject: PackageVersion = { ecosystem: 'NPM', name: 'evil', version: '1.0.0' };
    const paths = Array.from({ length: 120 }, (_, index) => `apps/${index}/package-lock.json`);
    const [rejected] = fc.sample(findingOf(subject, []), 1);
    if (!rejected) throw new Error('no finding was drawn');
    const { messages } = planSession({
      ...base,
      lockFiles: [...base.lockFiles, ...paths.map((path) => ({ path, packages: [subject] }))],
      rejected: [{ ...rejected, ...listLockFiles(paths) }],
    });
    const told = messages.filter(({ finding }) => finding !== undefined).map(({ at }) => at.lockFile);
    expect(told.sort()).toEqual([...paths].sort());
  });

  it('is the same plan for the same scan, in any order', () => {
    const shuffled = {
      ...base,
      lockFiles: [...base.lockFiles].reverse().map((entry) => ({ ...entry, packages: [...entry.packages].reverse() })),
    };
    expect(planSession(shuffled)).toEqual(planSession(base));
  });

  it('names project, version, ref, commit and origin', () => {
    expect(planSession(base).create).toMatchObject({
      toolName: 'safedep-watch',
      projectName: 'acme/shop',
      projectVersion: 'main',
      gitRef: 'refs/heads/main',
      gitSha: base.commit,
      originProjectUrl: 'https://github.com/acme/shop',
      trigger: ToolTrigger.PUSH,
    });
    expect(planSession({ ...base, lane: 'background' }).create.trigger).toBe(ToolTrigger.SCHEDULED);
    expect(planSession({ ...base, lane: 'background', isAsked: true }).create.trigger).toBe(ToolTrigger.MANUAL);
    expect(planSession({ ...base, ref: { ...base.ref, ref: 'refs/tags/v1' } }).create).toMatchObject({
      trigger: ToolTrigger.TAG,
      projectVersion: 'v1',
    });
  });

  it('shortens long names the same way each time, and keeps different ones different', () => {
    const named = (repositoryName: string) => planSession({ ...base, repositoryName }).create.projectName ?? '';
    const long = `acme/${'x'.repeat(130)}`;
    expect(named(long)).toHaveLength(100);
    expect(named(long)).toBe(named(long));
    expect(named(`${long}1`)).not.toBe(named(`${long}2`));
    const longRef = planSession({ ...base, ref: { ...base.ref, ref: `refs/heads/${'y'.repeat(120)}` } }).create;
    expect(longRef.gitRef).toBeUndefined();
    expect(longRef.projectVersion).toHaveLength(100);
  });

  it.each(['/home/someone/code', 'file:///home/someone/code', 'https://user:canary@github.com/acme/shop', '', 'ssh://git@github.com/a/b'])(
    'tells SafeDep no origin that is no public address: %j',
    (repositoryUrl) => expect(planSession({ ...base, repositoryUrl }).create.originProjectUrl).toBeUndefined(),
  );
});

describe('toInsightMessage', () => {
  const at = {
    forge: 'github',
    lockFile: 'web/package-lock.json',
    packageVersion: { ecosystem: 'NPM', name: '@a/b', version: '1.0.0' },
  } as const;
  const insight = (known: PackageFacts) => create(PublishPackageInsightRequestSchema, { ...toInsightMessage(at, known), ...session });

  it('names folder and file of the lock file, and the folder of one at the top', () => {
    expect(insight({}).manifest).toMatchObject({ namespace: 'web', name: 'package-lock.json' });
    expect(create(PublishPackageInsightRequestSchema, toInsightMessage({ ...at, lockFile: 'go.mod' }, {})).manifest).toMatchObject({
      namespace: '.',
      name: 'go.mod',
    });
  });

  it('is empty for a package without an answer', () => {
    const { packageVersionInsight, maliciousPackageInsight } = insight({});
    expect(packageVersionInsight).toMatchObject({ vulnerabilities: [] });
    expect(maliciousPackageInsight).toBeUndefined();
  });

  it('tells vulnerabilities by id, kind of id, severity and summary, the worst first', () => {
    const known = ['low', 'critical', 'unknown'].map((level, index) => ({
      id: ['GHSA-1', 'CVE-2', 'RUSTSEC-3'][index] ?? '',
      aliases: [],
      severity: level as 'low',
      title: `title ${level}`,
    }));
    const told = insight({ vulnerabilities: known }).packageVersionInsight?.vulnerabilities ?? [];
    expect(told.map(({ id, summary, severities }) => [id?.value, id?.type, summary, severities.map(({ risk }) => risk)])).toEqual([
      ['CVE-2', 1, 'title critical', [4]],
      ['GHSA-1', 3, 'title low', [1]],
      ['RUSTSEC-3', 2, 'title unknown', []],
    ]);
  });

  it('keeps the worst of more vulnerabilities than a message takes', () => {
    const vulnerabilities = Array.from({ length: 150 }, (_, index) => ({
      id: `CVE-${index}`,
      aliases: [],
      severity: index === 149 ? ('critical' as const) : ('low' as const),
      title: '',
    }));
    const told = insight({ vulnerabilities }).packageVersionInsight?.vulnerabilities ?? [];
    expect(told).toHaveLength(100);
    expect(told[0]?.id?.value).toBe('CVE-149');
  });

  it('tells malware only with the id of an analysis, and verified only where a person verified it', () => {
    const told = (verdict: 'malicious' | 'suspicious' | 'benign', analysisId: string) =>
      insight({ malware: { verdict, analysisId, title: 't' } }).maliciousPackageInsight;
    expect(told('malicious', '01A')).toMatchObject({ analysisId: '01A', isMalware: true, isVerified: true });
    expect(told('suspicious', '01A')).toMatchObject({ isMalware: true, isVerified: false });
    expect(told('benign', '01A')).toMatchObject({ isMalware: false, isVerified: false });
    for (const id of ['', 'x'.repeat(101)]) expect(told('malicious', id)).toBeUndefined();
  });
});

describe.skipIf(!existsSync(SCHEMA_TABLE))("the limits that these tests hold messages to, beside upstream's schema", () => {
  it('are the declared ones, all of them', () => {
    const messages = new Set(Object.keys(DECLARED).map((name) => name.slice(0, name.lastIndexOf('.'))));
    const rows = readFileSync(SCHEMA_TABLE, 'utf8')
      .split('\n')
      .map((line) => line.split('\t'));
    const declared = rows
      .filter(
        ([kind, name = '', , , type, , , , , validate]) =>
          kind === 'field' && type !== 'enum' && validate && messages.has(name.slice(0, name.lastIndexOf('.'))),
      )
      .map(([, name = '', , , , , , , , validate = '{}']) => [name, toConstraint(validate)] as const);
    expect(Object.fromEntries(declared)).toEqual(DECLARED);
  });
});
