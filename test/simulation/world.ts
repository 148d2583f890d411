import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { DeleteItemCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { takeSnapshot } from '../../functions/extract/take-snapshot.ts';
import { sendDue } from '../../functions/rescan/send-due.ts';
import { type EvaluatePorts, evaluateRef } from '../../functions/results/evaluate-ref.ts';
import { fanOutAnswer } from '../../functions/results/fan-out-answer.ts';
import { readDeadLetters } from '../../functions/sweep/dead-letters.ts';
import { type SweepPorts, sweep } from '../../functions/sweep/sweep.ts';
import { answerBatch } from '../../functions/worker/answer-batch.ts';
import type { DynamoDb } from '../../infra/local/engines/dynamodb.ts';
import { chooseSinks } from '../../shared/alerts/choose-sinks.ts';
import { retryDelaySeconds } from '../../shared/aws/sqs-batch.ts';
import { TABLE_SHAPES, type TableShape } from '../../shared/aws/tables.ts';
import { createFindingStore } from '../../shared/findings/dynamodb.ts';
import { createInsightStore } from '../../shared/insights/dynamodb.ts';
import type { Question } from '../../shared/insights/verdict.ts';
import { createInventoryStore } from '../../shared/inventory/dynamodb.ts';
import type { ManifestReader } from '../../shared/manifests/manifest-reader.ts';
import type { BusEvent, FindingEvent, ScanEvent } from '../../shared/messages/bus-events.ts';
import { parseEvaluation, parseLookupBatch, parsePushHint } from '../../shared/messages/queue-messages.ts';
import type { Check } from '../../shared/model/check.ts';
import type { PackageFacts } from '../../shared/model/facts.ts';
import { type PackageVersion, packageKey } from '../../shared/model/package-version.ts';
import type { RefId } from '../../shared/model/repository.ts';
import { DEFAULT_SETTINGS, parseSettings } from '../../shared/model/settings/settings.ts';
import { createScanStore } from '../../shared/scans/dynamodb.ts';
import { type RepositorySource, SourceError } from '../../shared/scm/source.ts';
import { callersThreadReader } from '../shared/manifests/callers-thread-reader.ts';
import { startTables } from './local-tables.ts';

/**
 * The whole pipeline's use cases on a real DynamoDB engine, with SQS's delivery rules on a simulated clock. A run can be killed at
 * any write, before or after it took effect; what was under way then is delivered again after its queue's visibility timeout.
 */

class Killed extends Error {}

type QueueName = 'pushes' | 'lookups' | 'evaluations';

const VISIBILITY_MS: Readonly<Record<QueueName, number>> = { pushes: 720_000, lookups: 90_000, evaluations: 360_000 };
const TIMEOUT_MS: Readonly<Record<QueueName, number>> = { pushes: 120_000, lookups: 15_000, evaluations: 60_000 };

const UNCHECKED_SIGNATURE = {
  'x-amz-date': '20300101T000000Z',
  authorization: 'AWS4-HMAC-SHA256 Credential=a/20300101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
};

interface QueuedMessage {
  readonly queue: QueueName;
  readonly body: string;
  readonly sequence: number;
  visibleAtMs: number;
  receiveCount: number;
}

/** Files of a commit, by path. */
export type Files = Readonly<Record<string, string>>;

export interface SafeDepAnswer {
  readonly checks?: Partial<Record<Question, Check>>;
  readonly facts?: PackageFacts;
  /** Fails this many asks before it answers. */
  readonly failuresFirst?: number;
}

/** The process dies at its n-th write (1 is the first), before or after it took effect. */
export interface Kill {
  readonly atWrite: number;
  readonly when: 'before' | 'after';
}

export interface WorldOptions {
  /** Whose writes are counted. */
  readonly killIn?: readonly QueueName[];
  readonly random?: () => number;
}

const { sinks: SINKS } = parseSettings(
  { version: 1, sinks: [{ name: 'team', kind: 'webhook', url: 'https://sink.example/', signingSecret: 's', refs: 'all' }] },
  'the world',
);

export interface HeldMessage {
  readonly queue: QueueName;
  readonly body: string;
}

export class World {
  nowMs = Date.parse('2026-01-02T03:04:05Z');
  readonly events: BusEvent[] = [];
  readonly calls = new Map<string, number>();
  readonly answers = new Map<string, SafeDepAnswer>();
  readonly deadLetters: QueuedMessage[] = [];
  /** Writes since the start, or since `armKill`. */
  writeCount = 0;
  kills = 0;
  #kill: Kill | undefined;

  readonly #refs = new Map<string, string>();
  readonly #commits = new Map<string, Files>();
  readonly #blobs = new Map<string, string>();
  readonly unreadableBlobs = new Set<string>();
  /** Blobs that were asked for. */
  fetches = 0;
  /** Before each blob is given; what it throws is what the forge says. */
  onFetch: ((sha: string) => void) | undefined;
  /** Before each tree is given. */
  onTree: (() => void) | undefined;
  reader: ManifestReader = callersThreadReader;
  /** Paths where every commit has a symbolic link. */
  readonly links = new Set<string>();
  repositoryUnreadable: { reason: string; retryable: boolean } | undefined;
  defaultBranch = 'refs/heads/main';
  /** Runs while SafeDep is being asked: time may pass there, and others may write. */
  onAsk: ((packageVersion: PackageVersion) => Promise<void>) | undefined;
  /** The bus cannot be reached, or takes all but some of what it is given. */
  busAway = false;
  busRefuses: ((event: BusEvent) => boolean) | undefined;
  /** So many of the next sends to a queue are refused. */
  readonly refusedSends = new Map<QueueName, number>();
  #queue: QueuedMessage[] = [];
  #sequence = 0;
  readonly #pushedAtMs: number[] = [];
  readonly #process = new AsyncLocalStorage<{ readonly queue: QueueName; dead: boolean }>();
  readonly #options: WorldOptions;
  readonly #db: DynamoDb;
  readonly #client: DynamoDBClient;

  readonly inventory;
  readonly scans;
  readonly findings;
  readonly insights;

  private constructor(db: DynamoDb, options: WorldOptions) {
    this.#db = db;
    this.#options = options;
    this.#client = new DynamoDBClient({
      endpoint: db.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      maxAttempts: 1,
      // The engine does not check signatures, and a simulation makes some ten thousand calls.
      signer: { sign: async (request) => Object.assign(request, { headers: { ...request.headers, ...UNCHECKED_SIGNATURE } }) },
    });
    // Every write passes here: the place to die at.
    this.#client.middlewareStack.add(
      (next, context) => async (args) => {
        const isWrite = /^(PutItem|UpdateItem|DeleteItem|BatchWriteItem)Command$/.test(String(context['commandName']));
        const write = isWrite ? this.#beforeWrite() : undefined;
        this.#refuseTheDead();
        // A refused condition is an answer too: the process can die on hearing it.
        return await next(args).finally(() => this.#afterWrite(write));
      },
      { step: 'initialize' },
    );
    this.inventory = createInventoryStore(this.#client, 'inventory');
    this.scans = createScanStore(this.#client, 'scans');
    this.findings = createFindingStore(this.#client, 'findings');
    this.insights = createInsightStore(this.#client, 'insights', 'cloud:default');
  }

  static async start(options: WorldOptions = {}): Promise<World> {
    return new World(await startTables(), options);
  }

  async stop(): Promise<void> {
    this.#client.destroy();
    await this.#db.close();
  }

  // Kills -------------------------------------------------------------------------------------------------------------------

  /** Counts writes from now on, and lets the process die at one of them. */
  armKill(kill: Kill | undefined): void {
    this.#kill = kill;
    this.writeCount = 0;
  }

  /** Counts a write, and dies before it if it is the one. Resolves to its number, when it counts. */
  #beforeWrite(): number | undefined {
    const queue = this.#process.getStore()?.queue;
    const { killIn } = this.#options;
    if (queue === undefined || (killIn !== undefined && !killIn.includes(queue))) return undefined;
    this.writeCount += 1;
    if (this.#kill?.when === 'before' && this.writeCount === this.#kill.atWrite) this.#die();
    return this.writeCount;
  }

  #afterWrite(write: number | undefined): void {
    if (write !== undefined && this.#kill?.when === 'after' && write === this.#kill.atWrite) this.#die();
  }

  #die(): never {
    this.kills += 1;
    const process = this.#process.getStore();
    if (process) process.dead = true;
    throw new Killed();
  }

  /** What a killed process still had in mind does not happen. */
  #refuseTheDead(): void {
    if (this.#process.getStore()?.dead) throw new Killed();
  }

  // The forge ---------------------------------------------------------------------------------------------------------------

  /** Commits files to a ref; the same files are the same commit. */
  commit(ref: RefId, files: Files): string {
    const commit = createHash('sha1')
      .update(JSON.stringify(Object.entries(files).sort()))
      .digest('hex');
    this.#commits.set(commit, files);
    for (const content of Object.values(files)) this.#blobs.set(blobSha(content), content);
    this.#refs.set(ref.ref, commit);
    return commit;
  }

  deleteRef(ref: RefId): void {
    this.#refs.delete(ref.ref);
  }

  push(ref: RefId): void {
    this.#pushedAtMs.push(this.nowMs);
    this.#send('pushes', {
      version: 1,
      kind: 'push',
      ref,
      repositoryName: 'acme/shop',
      deliveryId: `d${this.#sequence}`,
      lane: 'live',
      receivedAtMs: this.nowMs,
    });
  }

  #source(): RepositorySource {
    const closed = () => this.repositoryUnreadable && { kind: 'unreadable' as const, ...this.repositoryUnreadable };
    return {
      describe: async () =>
        closed() ?? { kind: 'repository', name: 'acme/shop', url: 'https://forge.example/acme/shop', defaultBranch: this.defaultBranch },
      head: async (ref) => {
        const commit = this.#refs.get(ref);
        return closed() ?? (commit === undefined ? { kind: 'absent' } : { kind: 'commit', commit });
      },
      tree: async (commit) => {
        this.onTree?.();
        return {
          complete: true,
          skipped: [...this.links].map((path) => ({ path, kind: 'symlink' as const })),
          entries: Object.entries(this.#commits.get(commit) ?? {}).map(([path, content]) => ({
            path,
            sha: blobSha(content),
            sizeBytes: content.length,
          })),
        };
      },
      blob: async (sha) => {
        this.#refuseTheDead();
        this.fetches += 1;
        this.onFetch?.(sha);
        const content = this.#blobs.get(sha);
        if (content === undefined || this.unreadableBlobs.has(sha)) throw new SourceError(`blob ${sha.slice(0, 7)} cannot be read`, false);
        return Buffer.from(content);
      },
      close: async () => undefined,
    };
  }

  // Queues ------------------------------------------------------------------------------------------------------------------

  #send(queue: QueueName, message: unknown, delaySeconds = 0): void {
    this.#refuseTheDead();
    const refused = this.refusedSends.get(queue) ?? 0;
    if (refused > 0) {
      this.refusedSends.set(queue, refused - 1);
      throw new Error(`SQS refused a message for ${queue}`);
    }
    const write = this.#beforeWrite();
    this.#sequence += 1;
    const visibleAtMs = this.nowMs + delaySeconds * 1000;
    this.#queue.push({ queue, body: JSON.stringify(message), sequence: this.#sequence, visibleAtMs, receiveCount: 0 });
    this.#afterWrite(write);
  }

  #sendAll(queue: QueueName, messages: readonly unknown[]): void {
    for (const message of messages) this.#send(queue, message);
  }

  /** As a late or repeated message would: the whole ref is evaluated again. */
  evaluate(ref: RefId): void {
    this.#send('evaluations', { version: 1, kind: 'evaluate', ref });
  }

  /** The events of which a sink is told that wants all refs. */
  told(): BusEvent[] {
    return this.events.filter((event) => chooseSinks(event, SINKS).wanted.length > 0);
  }

  waiting(queue: QueueName): number {
    return this.#queue.filter((message) => message.queue === queue).length;
  }

  /** Takes messages off a queue as if SQS had given up on them. */
  loseToDeadLetters(queue: QueueName): void {
    this.deadLetters.push(...this.#queue.filter((message) => message.queue === queue));
    this.#queue = this.#queue.filter((message) => message.queue !== queue);
  }

  /** Loses messages for good: what no queue does, and what `sweep` repairs all the same. */
  drop(queue: QueueName): void {
    this.#queue = this.#queue.filter((message) => message.queue !== queue);
  }

  /** Takes the messages of a queue away, as bodies, for `release` to send later, or several times. */
  hold(queue: QueueName): readonly HeldMessage[] {
    const held = this.#queue.filter((message) => message.queue === queue).map(({ body }) => ({ queue, body }));
    this.drop(queue);
    return held;
  }

  release(messages: readonly HeldMessage[]): void {
    for (const { queue, body } of messages) this.#send(queue, JSON.parse(body));
  }

  /** Delivers up to `atOnce` visible messages together; resolves to how many there were. */
  async deliver(atOnce = 1, order: () => number = () => 0): Promise<number> {
    const visible = this.#queue.filter(({ visibleAtMs }) => visibleAtMs <= this.nowMs);
    const taken: QueuedMessage[] = [];
    while (taken.length < atOnce && visible.length > 0) {
      const [message] = visible.splice(Math.floor(order() * visible.length), 1);
      if (message) taken.push(message);
    }
    for (const message of taken) {
      message.visibleAtMs = this.nowMs + VISIBILITY_MS[message.queue];
      message.receiveCount += 1;
    }
    await Promise.all(taken.map((message) => this.#process.run({ queue: message.queue, dead: false }, () => this.#receive(message))));
    return taken.length;
  }

  async #receive(message: QueuedMessage): Promise<void> {
    try {
      const result = await this.#handle(message);
      if (result === 'done') this.#queue = this.#queue.filter((other) => other !== message);
      else message.visibleAtMs = this.nowMs + result.againAfterSeconds * 1000;
    } catch (error) {
      if (error instanceof Killed) return;
      message.visibleAtMs = this.nowMs + retryDelaySeconds(message.receiveCount) * 1000;
      if (message.receiveCount > 50) throw error;
    }
  }

  async #handle({ queue, body, receiveCount, sequence }: QueuedMessage): Promise<'done' | { againAfterSeconds: number }> {
    const nowMs = () => this.nowMs;
    if (queue === 'pushes') {
      const result = await takeSnapshot(parsePushHint(body), DEFAULT_SETTINGS, {
        inventory: this.inventory,
        scans: this.scans,
        source: this.#source(),
        reader: this.reader,
        sendLookups: async (_, batches) => this.#sendAll('lookups', batches),
        sendEvaluate: async (message) => this.#send('evaluations', message),
        nowMs,
        functionTimeoutMs: TIMEOUT_MS.pushes,
        readUntilMs: this.nowMs + TIMEOUT_MS.pushes - 45_000,
        receiveCount,
      });
      if (result === 'out-of-time') {
        this.#send('pushes', JSON.parse(body));
        return 'done';
      }
      return result === 'swapped-unread' ? { againAfterSeconds: retryDelaySeconds(receiveCount) } : 'done';
    }
    if (queue === 'lookups') {
      return answerBatch(parseLookupBatch(body), {
        insights: this.insights,
        scans: this.scans,
        ask: async (packageVersion, questions) => {
          await this.onAsk?.(packageVersion);
          return this.#ask(packageVersion, questions);
        },
        sendEvaluations: async (messages) => this.#sendAll('evaluations', messages),
        owner: `worker-${sequence}-${receiveCount}`,
        deadlineAtMs: this.nowMs + TIMEOUT_MS.lookups,
        askUntilMs: this.nowMs + TIMEOUT_MS.lookups,
        packagesAtOnce: 4,
        writesAtOnce: 2,
        onWritten: () => undefined,
        nowMs,
        random: () => 0,
      });
    }
    const message = parseEvaluation(body);
    if (message.kind === 'answer-changed') {
      await fanOutAnswer(message, {
        inventory: this.inventory,
        send: async (messages) => this.#sendAll('evaluations', messages),
      });
    } else await evaluateRef(message, DEFAULT_SETTINGS, this.evaluatePorts());
    return 'done';
  }

  evaluatePorts(): EvaluatePorts {
    return {
      inventory: this.inventory,
      scans: this.scans,
      insights: this.insights,
      findings: this.findings,
      answers: 'cloud',
      reports: false,
      bus: {
        put: async (events) => {
          this.#refuseTheDead();
          if (this.busAway) return new Set();
          const write = this.#beforeWrite();
          const taken = events.filter((event) => !this.busRefuses?.(event));
          this.events.push(...taken);
          this.#afterWrite(write);
          return new Set(taken.map(({ eventId }) => eventId));
        },
      },
      sendReport: async () => undefined,
      sendAgain: async (message, delaySeconds) => this.#send('evaluations', message, delaySeconds),
      nowMs: () => this.nowMs,
      random: this.#options.random ?? (() => 0),
    };
  }

  #ask(packageVersion: PackageVersion, questions: readonly Question[]) {
    const key = packageKey(packageVersion);
    const answer = this.answers.get(key) ?? {};
    const asked = (this.calls.get(key) ?? 0) + 1;
    this.calls.set(key, asked);
    const checks = Object.fromEntries(questions.map((question) => [question, answer.checks?.[question] ?? { state: 'known' as const }]));
    if (asked <= (answer.failuresFirst ?? 0)) {
      const failed = Object.fromEntries(questions.map((question) => [question, { state: 'failed' as const, reason: 'SafeDep is away' }]));
      return { settled: { checks: {}, facts: {} }, failing: failed };
    }
    return { settled: { checks, facts: answer.facts ?? {} }, failing: {} };
  }

  // Running -----------------------------------------------------------------------------------------------------------------

  async sweepOnce(): Promise<void> {
    const ports: SweepPorts = {
      ...this.evaluatePorts(),
      sendLookups: async (_, batches) => this.#sendAll('lookups', batches),
      sendEvaluations: async (messages) => this.#sendAll('evaluations', messages),
    };
    await sweep(ports);
    await readDeadLetters(
      this.deadLetters.map(({ body }) => ({ messageId: 'm', receiptHandle: 'r', body })),
      ports,
    );
  }

  /** By hand unless `force` is false, as the schedule does it. */
  rescan(beforeMs: number, force = true) {
    return sendDue(beforeMs, 10_000, force, {
      insights: this.insights,
      inventory: this.inventory,
      send: async (batches) => this.#sendAll('lookups', batches),
      nowMs: () => this.nowMs,
      untilMs: Number.POSITIVE_INFINITY,
    });
  }

  /** Deletes what DynamoDB's time to live would have deleted by now. */
  async expireRows(): Promise<void> {
    for (const [TableName, shape] of Object.entries<TableShape>(TABLE_SHAPES)) {
      const attribute = shape.timeToLiveAttribute;
      if (attribute === undefined) continue;
      const { Items = [] } = await this.#client.send(new ScanCommand({ TableName }));
      for (const item of Items.filter((row) => Number(row[attribute]?.N ?? Number.POSITIVE_INFINITY) * 1000 <= this.nowMs)) {
        const keyNames = [shape.partitionKey.name, ...(shape.sortKey ? [shape.sortKey.name] : [])];
        const Key = Object.fromEntries(Object.entries(item).filter(([name]) => keyNames.includes(name)));
        await this.#client.send(new DeleteItemCommand({ TableName, Key }));
      }
    }
  }

  /**
   * Delivers until nothing is left, moving the clock to the next visible message, with a sweep every simulated minute. Stops
   * after `limitMs` simulated milliseconds; resolves to how many passed.
   */
  async settle({
    atOnce = 1,
    order,
    limitMs = 3 * 3_600_000,
  }: {
    atOnce?: number;
    order?: () => number;
    limitMs?: number;
  } = {}): Promise<number> {
    const startMs = this.nowMs;
    let nextSweepMs = this.nowMs + 60_000;
    let quietSweeps = 0;
    while (this.nowMs - startMs < limitMs) {
      if ((await this.deliver(atOnce, order)) > 0) {
        quietSweeps = 0;
        continue;
      }
      const nextVisibleMs = Math.min(...this.#queue.map(({ visibleAtMs }) => visibleAtMs));
      if (this.#queue.length === 0 && quietSweeps >= 2 && (await this.#openScans()) === 0) break;
      this.nowMs = Math.min(nextVisibleMs, nextSweepMs);
      if (this.nowMs === nextSweepMs) {
        nextSweepMs += 60_000;
        quietSweeps += 1;
        await this.sweepOnce();
      }
    }
    return this.nowMs - startMs;
  }

  async #openScans(): Promise<number> {
    return (await this.scans.openBefore(Number.MAX_SAFE_INTEGER, 100)).length;
  }

  // What came out -----------------------------------------------------------------------------------------------------------

  async openFindings(ref: RefId): Promise<string[]> {
    const stored = await this.findings.readAll(ref);
    return stored
      .filter(({ state }) => state === 'open')
      .map(({ finding }) => `${finding.kind} ${packageKey(finding.packageVersion)} ${finding.primaryId} in ${finding.lockFiles.join('+')}`)
      .sort();
  }

  findingEvents(): FindingEvent[] {
    return this.events.filter((event): event is FindingEvent => 'finding' in event);
  }

  /** From a push to the event that its scan ended, the longest of them, in simulated milliseconds. */
  longestScanMs(): number {
    const ends = this.scanEvents().map(({ occurredAt }) => Date.parse(occurredAt));
    return Math.max(...this.#pushedAtMs.map((pushedAtMs) => Math.min(...ends.filter((endMs) => endMs >= pushedAtMs)) - pushedAtMs));
  }

  scanEvents(): ScanEvent[] {
    return this.events.filter((event): event is ScanEvent => !('finding' in event));
  }
}

export function blobSha(content: string): string {
  return createHash('sha1')
    .update(`blob ${Buffer.byteLength(content)}\0${content}`)
    .digest('hex');
}

export const MAIN: RefId = { tenant: 'default', forge: 'git', host: 'localhost', repositoryId: 'r1', ref: 'refs/heads/main' };

/** A package-lock.json of version 3 with these packages, `name@version` each. */
export function packageLock(...packages: string[]): string {
  const entries = packages.map((entry) => {
    const at = entry.lastIndexOf('@');
    const [name, version] = [entry.slice(0, at), entry.slice(at + 1)];
    return [
      `node_modules/${name}`,
      { version, resolved: `https://registry.npm.example/${name}/-/${name}-${version}.tgz`, integrity: 'sha512-AAAA' },
    ];
  });
  return JSON.stringify({ name: 'shop', lockfileVersion: 3, packages: { '': { name: 'shop' }, ...Object.fromEntries(entries) } });
}

export function vulnerable(id: string, severity: 'critical' | 'high' | 'medium' = 'high'): SafeDepAnswer {
  return {
    facts: {
      vulnerabilities: [{ id, aliases: [], severity, title: `made for a test: ${id}` }],
      malware: { verdict: 'benign', analysisId: '', title: '' },
    },
  };
}

export function malicious(analysisId: string): SafeDepAnswer {
  return { facts: { vulnerabilities: [], malware: { verdict: 'malicious', analysisId, title: 'made for a test' } } };
}
