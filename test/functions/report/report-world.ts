import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { create } from '@bufbuild/protobuf';
import {
  CreateToolSessionRequestSchema,
  PublishPackageInsightRequestSchema,
  PublishPolicyViolationRequestSchema,
} from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { type ReportPorts, sendReport } from '../../../functions/report/send-report.ts';
import { strictValidation } from '../../../infra/local/safedep/validation.ts';
import type { RecordResult } from '../../../shared/aws/sqs-batch.ts';
import type { StoredFinding } from '../../../shared/findings/transition.ts';
import type { ReportRequest } from '../../../shared/messages/queue-messages.ts';
import type { PackageFacts } from '../../../shared/model/facts.ts';
import { type PackageVersion, packageKey } from '../../../shared/model/package-version.ts';
import { DEFAULT_SETTINGS } from '../../../shared/model/settings/settings.ts';
import { createReportStore } from '../../../shared/report/dynamodb.ts';
import type { CallResult } from '../../../shared/safedep/calls.ts';
import { createScanStore } from '../../../shared/scans/dynamodb.ts';

const LOCK_FILE = 'package-lock.json';

class Killed extends Error {}

export interface ReceivedSession {
  readonly id: string;
  readonly trigger: number;
  readonly gitSha: string;
  /** `NAME@VERSION`, each time that it came; a violation with its rule. */
  readonly received: string[];
  status: 'open' | 'success' | 'error';
}

/**
 * A ref whose scans are reported, with a tool service that is as strict as the stand-in, on a real store. A delivery can die at any call
 * that leaves the process, before it or after it took effect; nothing that it had in mind happens then.
 */
export class ReportWorld {
  nowMs = Date.parse('2026-01-02T03:04:05Z');
  packages: readonly PackageVersion[] = [];
  readonly facts = new Map<string, PackageFacts>();
  findings: StoredFinding[] = [];
  settings = DEFAULT_SETTINGS.reports;
  generation = 0;
  commit = '';
  readonly sessions: ReceivedSession[] = [];
  /** Decides what the service says of a message; undefined: it is taken. */
  refuses: (subject: string) => boolean = () => false;
  /** Calls that left the process, counted twice each: before and after. */
  boundaries = 0;
  kills = 0;
  /** Received by SafeDep, and not durably acknowledged, when a delivery died; summed over all of them. */
  inFlightAtKills = 0;
  readonly reports;
  readonly ref;
  readonly #scans;
  #killAt: number | undefined;

  constructor(client: DynamoDBClient, repositoryId: string) {
    this.reports = createReportStore(client, 'scans');
    this.#scans = createScanStore(client, 'scans');
    this.ref = { tenant: 'default', forge: 'github', host: 'github.com', repositoryId, ref: 'refs/heads/main' } as const;
  }

  /** A new snapshot of these packages; the request that its scan ends with. */
  async push(commit: string, packages: readonly PackageVersion[]): Promise<ReportRequest> {
    this.generation += 1;
    this.commit = commit;
    this.packages = packages;
    const { ref, generation } = this;
    await this.#scans.open({ ref, generation }, { commit, repositoryName: 'acme/shop', lane: 'live', batchCount: 0 }, this.nowMs);
    return { version: 1, kind: 'report', ref, repositoryName: 'acme/shop', generation, commit };
  }

  /** The next delivery dies at its n-th boundary (1 is before its first call). */
  killAt(boundary: number | undefined): void {
    this.#killAt = boundary;
    this.boundaries = 0;
  }

  async deliver(request: ReportRequest, receiveCount = 1): Promise<RecordResult | 'killed'> {
    const process = { dead: false };
    try {
      const result = await sendReport(request, this.#ports(process, receiveCount));
      if (!process.dead) return result;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
    this.kills += 1;
    this.inFlightAtKills += await this.#unacknowledged();
    return 'killed';
  }

  /** Delivers a request until it is done; what died is delivered again. */
  async settle(request: ReportRequest): Promise<void> {
    for (let receiveCount = 1; receiveCount < 50; receiveCount += 1) {
      const result = await this.deliver(request, receiveCount);
      if (result === 'done') return;
      if (result === 'killed') this.#killAt = undefined;
      else this.nowMs += result.againAfterSeconds * 1000;
    }
    throw new Error('the report was not done after 50 deliveries');
  }

  async state() {
    return (await this.reports.readState(this.ref)).state;
  }

  async #unacknowledged(): Promise<number> {
    const session = this.sessions.at(-1);
    if (session?.status !== 'open') return 0;
    return new Set(session.received).size - (await this.reports.readAcknowledged(this.ref, session.id)).messages.size;
  }

  #ports(process: { dead: boolean }, receiveCount: number): ReportPorts {
    const boundary = (): void => {
      if (process.dead) throw new Killed();
      this.boundaries += 1;
      if (this.boundaries !== this.#killAt) return;
      process.dead = true;
      throw new Killed();
    };
    const guard =
      <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        boundary();
        const answer = await call(...args);
        boundary();
        return answer;
      };
    const { ref, generation, commit, reports } = this;
    const snapshot = {
      generation,
      commit,
      readingDigest: 'r',
      pageCount: 1,
      problems: [],
      deleted: false,
      repositoryName: 'acme/shop',
      repositoryUrl: 'https://github.com/acme/shop',
      isDefaultBranch: true,
    };
    const lockFile = {
      path: LOCK_FILE,
      format: 'npm',
      status: 'read' as const,
      packageCount: this.packages.length,
      gapCount: 0,
      warnings: [],
      consulted: [LOCK_FILE],
      pagesGeneration: generation,
      index: 0,
      pageCount: 1,
    };
    const refItem = { generation, seenGeneration: generation, evaluation: 1, wholeEvaluation: 1, snapshot };
    return {
      answers: 'cloud',
      toolVersion: '0.1.0',
      settings: this.settings,
      scans: { read: guard((scan) => this.#scans.read(scan)) },
      reports: {
        readState: guard(reports.readState),
        moveState: guard(reports.moveState),
        readAcknowledged: guard(reports.readAcknowledged),
        appendAcknowledged: guard(reports.appendAcknowledged),
        writeRecord: guard(reports.writeRecord),
        readRecord: guard(reports.readRecord),
      },
      inventory: {
        readRef: guard(async () => refItem),
        readLockFiles: guard(async () => [lockFile]),
        readManifest: guard(async () => ({ packages: this.packages, gaps: [], poisonings: [] })),
      },
      insights: {
        read: guard(
          async (asked: readonly PackageVersion[]) =>
            new Map(
              asked.map((entry) => [packageKey(entry), { answers: {}, facts: this.facts.get(entry.name) ?? {}, failures: {}, digest: '' }]),
            ),
        ),
      },
      findings: { readAll: guard(async () => this.findings) },
      client: this.#service(guard),
      openPermits: async () => ({
        next: async () => ({ granted: true, slotAtMs: 0 }),
        refused: () => undefined,
        serveDue: () => undefined,
        close: async () => undefined,
      }),
      sendUntilMs: this.nowMs + 50_000,
      deadlineAtMs: this.nowMs + 60_000,
      holder: `message of ${ref.repositoryId} ${generation}`,
      receiveCount,
      nowMs: () => this.nowMs,
      sleep: async (ms) => {
        this.nowMs += ms;
      },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    };
  }

  #service(guard: <A extends unknown[], R>(call: (...args: A) => Promise<R>) => (...args: A) => Promise<R>): ReportPorts['client'] {
    const take = (sessionId: string, subject: string): CallResult<unknown> => {
      const session = this.sessions.find(({ id }) => id === sessionId);
      if (!session) return { kind: 'refused', code: 'FailedPrecondition', reason: 'there is no such session' };
      if (session.status !== 'open') return { kind: 'refused', code: 'FailedPrecondition', reason: 'the session is completed' };
      if (this.refuses(subject)) return { kind: 'refused', code: 'InvalidArgument', reason: 'as scripted' };
      session.received.push(subject);
      return { kind: 'answered', response: {} };
    };
    return {
      createToolSession: guard(async (init) => {
        const request = create(CreateToolSessionRequestSchema, init);
        strictValidation(request);
        const id = `session-${this.ref.repositoryId}-${this.sessions.length + 1}`;
        this.sessions.push({ id, trigger: request.trigger ?? 0, gitSha: request.gitSha ?? '', received: [], status: 'open' });
        return { kind: 'answered', response: { toolSessionId: id } } as const;
      }),
      publishPackageInsight: guard(async (sessionId, init) => {
        const message = create(PublishPackageInsightRequestSchema, { ...init, toolSession: { toolSessionId: sessionId } });
        strictValidation(message);
        return take(sessionId, `${message.packageVersion?.package?.name}@${message.packageVersion?.version}`);
      }),
      publishPolicyViolation: guard(async (sessionId, init) => {
        const message = create(PublishPolicyViolationRequestSchema, { ...init, toolSession: { toolSessionId: sessionId } });
        strictValidation(message);
        return take(
          sessionId,
          `${message.packageVersion?.package?.name}@${message.packageVersion?.version} ${message.violation?.rule?.name}`,
        );
      }),
      completeToolSession: guard(async (sessionId, outcome) => {
        const session = this.sessions.find(({ id }) => id === sessionId);
        if (session?.status !== 'open') return { kind: 'refused', code: 'FailedPrecondition', reason: 'the session is completed' } as const;
        session.status = outcome;
        return { kind: 'answered', response: {} } as const;
      }),
    };
  }
}
