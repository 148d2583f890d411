import type { FindingEvent, ScanEvent } from '../../../shared/messages/bus-events.ts';

export const REPOSITORY: FindingEvent['repository'] = {
  tenant: 'default',
  forge: 'github',
  host: 'github.com',
  repositoryId: '4711',
  name: 'acme/shop',
  ref: 'refs/heads/main',
  isDefaultBranch: true,
  commit: '0123456789abcdef0123456789abcdef01234567',
};

export function findingEvent(changes: Partial<FindingEvent> = {}, finding: Partial<FindingEvent['finding']> = {}): FindingEvent {
  return {
    version: 1,
    detailType: 'finding opened',
    eventId: 'a3f5:1',
    occurredAt: '2026-11-22T10:00:00.000Z',
    answers: 'cloud',
    repository: REPOSITORY,
    baseline: false,
    finding: {
      id: 'a3f5',
      factId: 'b4c6',
      transition: 1,
      kind: 'malware',
      severity: 'critical',
      purl: 'pkg:npm/%40acme/evil_one@1.2.3',
      primaryId: '01ANALYSIS',
      title: 'Sends the environment to a remote host',
      decision: 'reject',
      decisionReason: 'malware: reject',
      lockFiles: ['web/package-lock.json'],
      ...finding,
    },
    ...changes,
  };
}

export function scanEvent(changes: Partial<ScanEvent> = {}): ScanEvent {
  return {
    version: 1,
    detailType: 'scan complete',
    eventId: 'scan:7',
    occurredAt: '2026-11-22T10:00:00.000Z',
    answers: 'cloud',
    repository: REPOSITORY,
    generation: 7,
    baseline: true,
    reasons: [],
    counts: {
      lockFiles: 2,
      packages: 812,
      findings: { reject: 1, warn: 6, accept: 0 },
      gaps: { 'not-analysed': 0, unsupported: 0, unresolved: 0 },
      failures: { throttled: 0, failed: 0 },
    },
    worst: Array.from({ length: 7 }, (_, index) => ({
      kind: index === 0 ? ('malware' as const) : ('vulnerability' as const),
      severity: index === 0 ? ('critical' as const) : ('high' as const),
      purl: `pkg:npm/name-${index}@1.0.0`,
      title: `Title ${index}`,
      decision: index === 0 ? ('reject' as const) : ('warn' as const),
    })),
    ...changes,
  };
}
