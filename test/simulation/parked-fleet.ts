import { create } from '@bufbuild/protobuf';
import { GetPackageVersionInsightResponseSchema } from '#safedep-api/safedep/services/insights/v2/insights_pb.js';
import { AnalysisStatus, QueryPackageAnalysisResponseSchema } from '#safedep-api/safedep/services/malysis/v1/malysis_pb.js';
import { type AnswerPorts, answerBatch } from '../../functions/worker/answer-batch.ts';
import { askSafeDep, type SafeDepPorts } from '../../functions/worker/ask-safedep.ts';
import { runSqsBatch, type SqsRecord } from '../../shared/aws/sqs-batch.ts';
import type { Verdict } from '../../shared/insights/verdict.ts';
import { type LookupBatch, parseLookupBatch } from '../../shared/messages/queue-messages.ts';
import { type PackageVersion, packageKey } from '../../shared/model/package-version.ts';
import { refKey } from '../../shared/model/repository.ts';
import type { FleetClock } from '../../shared/rate-limit/clock.ts';
import { createPermitSource, type PacedPermitSource } from '../../shared/rate-limit/permits.ts';
import { CALL_DEADLINE_MS, type CallFailure } from '../../shared/safedep/calls.ts';
import type { Scan } from '../../shared/scans/scan.ts';
import { MemoryLimitTable } from '../shared/rate-limit/memory-limit-store.ts';
import { VirtualTime } from '../shared/rate-limit/virtual-time.ts';
import { LookupQueue, type LookupTemplate } from './lookup-queue.ts';

const LIMIT = { requests: 500, perSeconds: 1 };
const STORE_TIMEOUT_MICROS = 300_000;
const SAFEDEP_MICROS = 90_000;

/** What is away during the outage: the limit's store, or SafeDep, which then says so or asks to wait. */
export type Outage = 'store' | { readonly safeDep: CallFailure; readonly afterMs: number };

function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A verdict and its claim. Conditions are those of the insights table. */
class MemoryInsights {
  readonly verdicts = new Map<string, Verdict>();
  readonly #claims = new Map<string, { owner: string; untilMs: number }>();

  readonly store: AnswerPorts['insights'] = {
    read: async (packages) =>
      new Map(
        packages.flatMap((packageVersion) => {
          const verdict = this.verdicts.get(packageKey(packageVersion));
          return verdict ? [[packageKey(packageVersion), verdict] as const] : [];
        }),
      ),
    claim: async (packageVersion, owner, untilMs, nowMs) => {
      const key = packageKey(packageVersion);
      const claim = this.#claims.get(key);
      if (claim && claim.owner !== owner && claim.untilMs >= nowMs) return { foreignUntilMs: claim.untilMs };
      this.#claims.set(key, { owner, untilMs });
      return { verdict: this.verdicts.get(key) ?? { answers: {}, facts: {}, failures: {}, digest: '' } };
    },
    store: async (packageVersion, owner, verdict) => {
      const key = packageKey(packageVersion);
      if (this.#claims.get(key)?.owner !== owner) return 'lost';
      this.#claims.delete(key);
      this.verdicts.set(key, verdict);
      return 'stored';
    },
    release: async (packageVersion, owner) => {
      const key = packageKey(packageVersion);
      if (this.#claims.get(key)?.owner === owner) this.#claims.delete(key);
    },
    clearFanOut: async () => undefined,
  };
}

/** The worker's code, its queue and the rate limit through an outage, on virtual time. One scan a message. */
export class ParkedFleet {
  readonly time = new VirtualTime();
  readonly startMs = this.time.nowMicros / 1_000;
  readonly queue: LookupQueue;
  readonly verdicts: MemoryInsights['verdicts'];
  /** Calls that SafeDep got, milliseconds since the start. */
  readonly callsAtMs: number[] = [];
  readonly errors: string[] = [];
  outage: Outage | undefined;
  billedMs = 0;
  readonly #random = makeRandom(7);
  readonly #template: LookupTemplate;
  readonly #insights = new MemoryInsights();
  readonly #failures = new Map<string, number>();
  readonly #table = new MemoryLimitTable();
  readonly #idle: PacedPermitSource[] = [];
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(template: LookupTemplate) {
    this.#template = template;
    this.verdicts = this.#insights.verdicts;
    this.queue = new LookupQueue({ ...template, nowMs: this.#nowMs });
    for (let sandbox = 0; sandbox < template.concurrency; sandbox += 1) this.#idle.push(this.#source());
  }

  readonly #nowMs = (): number => this.time.nowMicros / 1_000;

  /** Puts `messages` batches of `packages` package versions each on the queue; resolves to what they ask for. */
  send(messages: number, packages: number): PackageVersion[] {
    const all: PackageVersion[] = [];
    for (let message = 0; message < messages; message += 1) {
      const batch: LookupBatch = {
        version: 1,
        kind: 'lookups',
        lane: 'live',
        scan: {
          ref: { tenant: 'default', forge: 'git', host: 'localhost', repositoryId: `r${message}`, ref: 'refs/heads/main' },
          generation: 1,
          batchNumber: 0,
        },
        packages: Array.from({ length: packages }, (_, index) => ({ ecosystem: 'NPM', name: `p${message}-${index}`, version: '1.0.0' })),
      };
      all.push(...batch.packages);
      this.queue.send(JSON.stringify(batch));
    }
    return all;
  }

  async pass(ms: number): Promise<void> {
    this.#dispatch();
    await this.time.runUntil(this.time.nowMicros + ms * 1_000);
  }

  /** Lambda's poller: hands out what is visible while there is concurrency, and comes back when the next message is. */
  #dispatch(): void {
    while (this.#idle.length > 0) {
      const record = this.queue.receive();
      if (!record) break;
      const source = this.#idle.shift() as PacedPermitSource;
      const startedAtMs = this.#nowMs();
      void this.#invoke(record, source).then((isDone) => {
        this.billedMs += this.#nowMs() - startedAtMs;
        if (isDone) this.queue.delete(record.messageId);
        this.#idle.push(source);
        this.#dispatch();
      });
    }
    const nextMs = Math.max(this.#nowMs() + 1, this.queue.nextVisibleAtMs());
    if (this.#idle.length === 0 || nextMs === Number.POSITIVE_INFINITY || nextMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = nextMs;
    this.time.at(nextMs * 1_000, () => {
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#dispatch();
    });
  }

  async #invoke(record: SqsRecord, source: PacedPermitSource): Promise<boolean> {
    const deadlineAtMs = this.#nowMs() + this.#template.timeoutSeconds * 1_000;
    const askUntilMs = deadlineAtMs - CALL_DEADLINE_MS - 2_000;
    const note = (message: string): void => void this.errors.push(message);
    const response = await runSqsBatch(
      { Records: [record] },
      this.queue,
      { info: () => undefined, warn: note, error: note },
      async ({ body, attributes }) => {
        const batch = parseLookupBatch(body);
        const session = source.open({
          need: batch.packages.length * 2,
          lane: batch.lane,
          deadlineAtMs: askUntilMs,
          waitingSinceMs: Number(attributes.SentTimestamp),
        });
        const ports: SafeDepPorts = {
          client: this.#safeDep(),
          session,
          askUntilMs,
          onSend: () => this.callsAtMs.push(this.#nowMs() - this.startMs),
          nowMs: this.#nowMs,
          sleep: (ms) => this.time.sleep(ms * 1_000),
        };
        const result = await answerBatch(batch, {
          insights: this.#insights.store,
          scans: this.#scans(),
          ask: (packageVersion, questions) => askSafeDep(packageVersion, questions, ports),
          sendEvaluations: async () => undefined,
          owner: `${record.messageId}/${attributes.ApproximateReceiveCount}`,
          deadlineAtMs,
          askUntilMs,
          packagesAtOnce: 64,
          writesAtOnce: 4,
          onWritten: () => undefined,
          nowMs: this.#nowMs,
          random: this.#random,
        });
        await session.close();
        return result;
      },
      this.#random,
    );
    return response.batchItemFailures.length === 0;
  }

  #scans(): AnswerPorts['scans'] {
    const read = async ({ ref, generation }: Pick<Scan, 'ref' | 'generation'>): Promise<Scan> => ({
      ref,
      generation,
      commit: 'c',
      repositoryName: 'acme/shop',
      lane: 'live',
      startedAtMs: this.startMs,
      batchCount: 1,
      openBatches: new Set(),
      sent: true,
      failures: { 0: this.#failures.get(refKey(ref)) ?? 0 },
      lastLeftAtMs: this.#nowMs(),
      outcomeNumber: 0,
      outcomeEvaluation: 0,
      intents: {},
      lookGapMs: 0,
    });
    return {
      read,
      countFailure: async ({ ref }) => {
        const failures = (this.#failures.get(refKey(ref)) ?? 0) + 1;
        this.#failures.set(refKey(ref), failures);
        return failures;
      },
      finishBatch: read,
    };
  }

  #safeDep(): SafeDepPorts['client'] {
    const insight = create(GetPackageVersionInsightResponseSchema, { insight: {} });
    const malware = create(QueryPackageAnalysisResponseSchema, {
      analysisId: 'A1',
      status: AnalysisStatus.COMPLETED,
      report: { inference: { isMalware: false } },
    });
    const call = async <R>(response: R): Promise<CallFailure | { kind: 'answered'; response: R }> => {
      const outage = this.outage;
      if (typeof outage === 'object') {
        await this.time.sleep(outage.afterMs * 1_000);
        return outage.safeDep;
      }
      await this.time.sleep(SAFEDEP_MICROS);
      return { kind: 'answered', response };
    };
    return { getInsight: () => call(insight), queryMalware: () => call(malware) };
  }

  #source(): PacedPermitSource {
    const clock: FleetClock = {
      read: () => ({ nowMicros: Math.round(this.time.nowMicros), boundMicros: 1_000 }),
      discipline: () => Promise.resolve(),
      distrust: () => false,
    };
    const through = async <T>(act: () => T): Promise<T> => {
      if (this.outage === 'store') {
        await this.time.sleep(STORE_TIMEOUT_MICROS);
        throw new Error('the store does not answer');
      }
      await this.time.sleep(2_000);
      const result = act();
      await this.time.sleep(2_000);
      return result;
    };
    return createPermitSource({
      store: {
        write: (key, write) => through(() => this.#table.write(key, write)),
        read: (key) => through(() => this.#table.items.get(key)),
      },
      key: 'rl#parked',
      limits: [LIMIT],
      clock,
      timers: this.time.timers(),
      random: this.#random,
    });
  }
}
