import type { AlertPayload } from '../../../shared/alerts/sign-alert.ts';
import type { Settings } from '../../../shared/model/settings/settings.ts';
import type { LocalPipeline } from '../local-pipeline.ts';
import type { StartOptions } from '../options.ts';
import type { ChosenSafeDep } from '../safedep-source.ts';
import type { createFunctionLog } from '../terminal/function-log.ts';
import type { Screen } from '../terminal/screen.ts';
import type { LocalRepository } from '../watch/resolve-repository.ts';

export interface RunPorts {
  /** For people. */
  readonly screen: Screen;
  /** For the one document of `--json`. */
  writeDocument(text: string): void;
  readonly variables: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  nowMs(): number;
}

/** Everything that a run has open, and what it goes by. */
export interface Run extends RunPorts {
  readonly options: StartOptions;
  readonly repositories: readonly LocalRepository[];
  readonly safedep: ChosenSafeDep;
  readonly pipeline: LocalPipeline;
  readonly settings: Settings;
  readonly callsPerSecond: number;
  readonly functionLog: ReturnType<typeof createFunctionLog>;
  readonly alerts: AlertPayload[];
}

/** Rejects when the run is interrupted. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
