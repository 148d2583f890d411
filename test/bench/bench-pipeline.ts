import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLine } from '../../infra/local/engines/lambda-environment.ts';
import { type LocalPipeline, type LocalPipelineOptions, startLocalPipeline } from '../../infra/local/local-pipeline.ts';
import { localSettings } from '../../infra/local/local-settings.ts';
import type { ChosenSafeDep } from '../../infra/local/safedep-source.ts';
import { startAlertReceiver } from '../../infra/local/terminal/alert-receiver.ts';
import { type LocalRepository, resolveRepositories } from '../../infra/local/watch/resolve-repository.ts';
import { watchRepositories } from '../../infra/local/watch/watch-repositories.ts';
import { type BusEvent, parseBusEvent, type ScanEvent } from '../../shared/messages/bus-events.ts';
import type { SourceSettings } from '../../shared/model/settings/settings.ts';

/** What one worker invocation logged of its calls. */
export interface CallsLine {
  readonly insight: number;
  readonly malware: number;
  readonly packages: number;
  /** Instants of the sends, where the functions run with `LOG_SEND_STAMPS=1`. */
  readonly sentAtMs?: readonly string[];
}

export interface PushOutcome {
  /** From the push seen to the scan's own event, which the bus takes after those of its findings. */
  readonly tookMs: number;
  readonly scan: ScanEvent;
  readonly findingEvents: number;
}

export interface BenchPipeline {
  readonly pipeline: LocalPipeline;
  readonly callsLines: readonly CallsLine[];
  /** What the bus took, in its order. */
  readonly events: readonly BusEvent[];
  /** Warnings and errors that functions logged, calls that were refused for their credential, and what their processes wrote on standard error. */
  readonly complaints: readonly string[];
  /** Pushes the head of a repository, or of several at once, through the webhook; resolves when each scan's event is out. */
  push(...paths: readonly string[]): Promise<readonly PushOutcome[]>;
  close(): Promise<void>;
}

export interface BenchPipelineOptions {
  readonly safedep: ChosenSafeDep;
  /** Every repository that will be pushed. */
  readonly paths: readonly string[];
  /** Sources beside the git repositories, and the secrets that they name. */
  readonly sources?: readonly SourceSettings[];
  readonly secrets?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether ended scans are reported. @default false */
  readonly report?: boolean;
  readonly engines?: Omit<NonNullable<LocalPipelineOptions['engines']>, 'eventBus'>;
}

/** A scan that takes longer has stalled: nothing here is meant to. */
const SCAN_MAX_MS = 300_000;
const DRAIN_MAX_MS = 300_000;

/** The pipeline as `npm start` runs it, observed at its bus. */
export async function startBenchPipeline(options: BenchPipelineOptions): Promise<BenchPipeline> {
  const { safedep, paths, environment, engines } = options;
  const repositories = await resolveRepositories(paths);
  const receiver = await startAlertReceiver(() => undefined);
  const { settings, secrets } = await localSettings(undefined, repositories, receiver, {});
  const callsLines: CallsLine[] = [];
  const complaints: string[] = [];
  const events: BusEvent[] = [];
  const onEvent = new Set<(event: BusEvent) => void>();
  const pipeline = await startLocalPipeline({
    safedep: Promise.resolve(safedep),
    settings: { ...settings, sources: [...settings.sources, ...(options.sources ?? [])] },
    secrets: { ...secrets, ...options.secrets },
    report: options.report ?? false,
    port: 0,
    log: (line) => readLine(line, callsLines, complaints),
    ...(environment ? { environment } : {}),
    engines: {
      ...engines,
      eventBus: {
        onEvent: ({ detail }) => {
          const event = parseBusEvent(detail);
          events.push(event);
          for (const hear of onEvent) hear(event);
        },
      },
    },
  });

  function pushOne(repository: LocalRepository): Promise<PushOutcome> {
    return new Promise((resolve, reject) => {
      let seenAtMs = 0;
      let findingEvents = 0;
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        onEvent.delete(hear);
        watching.close().then(settle, reject);
      };
      const hear = (event: BusEvent): void => {
        if (event.repository.repositoryId !== repository.repositoryId) return;
        if ('finding' in event) findingEvents += 1;
        else {
          const tookMs = Date.now() - seenAtMs;
          finish(() => resolve({ tookMs, scan: event, findingEvents }));
        }
      };
      const fail = (reason: string): void => {
        const said = complaints.slice(-3).map((line) => `\n  ${line.slice(0, 300)}`);
        finish(() => reject(new Error(`${repository.name}: ${reason}${said.join('')}`)));
      };
      const timer = setTimeout(() => fail(`no scan ended within ${SCAN_MAX_MS / 1000} s`), SCAN_MAX_MS);
      onEvent.add(hear);
      const watching = watchRepositories([repository], {
        webhookUrl: pipeline.webhookUrl,
        secret: pipeline.webhookSecret,
        onPush: (push) => {
          seenAtMs ||= push.seenAtMs;
        },
        onProblem: (_, sentence) => fail(sentence),
      });
    });
  }

  return {
    pipeline,
    callsLines,
    events,
    complaints,
    push: async (...pushed) => Promise.all((await resolveRepositories(pushed)).map(pushOne)),
    close: async () => {
      await pipeline.close();
      await receiver.close();
    },
  };
}

/** Waits until these queues have nothing, waiting or in hand. */
export async function drained({ pipeline }: BenchPipeline, ...queueNames: readonly string[]): Promise<void> {
  const untilMs = Date.now() + DRAIN_MAX_MS;
  const isBusy = () =>
    queueNames.some((name) => {
      const { visible, inFlight, delayed } = pipeline.engines.queueCounts(name);
      return visible + inFlight + delayed > 0;
    });
  while (isBusy()) {
    if (Date.now() >= untilMs) throw new Error(`${queueNames.join(', ')} did not run empty within 5 minutes`);
    await sleep(100);
  }
}

function readLine({ line, stream }: LogLine, callsLines: CallsLine[], complaints: string[]): void {
  if (!line.startsWith('{')) {
    if (stream === 'stderr') complaints.push(line);
    return;
  }
  const entry = JSON.parse(line) as { level?: string; message?: string; authenticationFailures?: number };
  if (entry.message === 'calls') callsLines.push(entry as unknown as CallsLine);
  else if (entry.level !== 'info' || entry.authenticationFailures !== undefined) complaints.push(line);
}
