import type { AlertPayload } from '../../../shared/alerts/sign-alert.ts';
import { sustainedPerSecond } from '../../../shared/rate-limit/slots.ts';
import { startLocalPipeline } from '../local-pipeline.ts';
import { localSettings } from '../local-settings.ts';
import { type ExitCode, type StartOptions, UsageError } from '../options.ts';
import { chooseSafeDep } from '../safedep-source.ts';
import { startAlertReceiver } from '../terminal/alert-receiver.ts';
import { createFunctionLog } from '../terminal/function-log.ts';
import type { Screen } from '../terminal/screen.ts';
import { showStart, showUncommitted } from '../terminal/show-start.ts';
import { resolveRepositories } from '../watch/resolve-repository.ts';
import { keepWatching } from './keep-watching.ts';
import type { Run, RunPorts } from './run-state.ts';
import { scanOnce } from './scan-once.ts';

/** Starts the pipeline, scans and, without `--once`, watches until it is interrupted. Throws what the person did wrong. */
export async function run(options: StartOptions, ports: RunPorts): Promise<ExitCode> {
  const repositories = await resolveRepositories(options.paths);
  const startedAtMs = ports.nowMs();
  const functionLog = createFunctionLog(ports.screen, ports.nowMs);
  const alerts: AlertPayload[] = [];
  const receiver = await startAlertReceiver((alert) => {
    alerts.push(alert);
    showAlert(alert, options, ports.screen);
  });
  const closers: (() => unknown)[] = [() => receiver.close()];
  try {
    const { settings, secrets } = await localSettings(options.configPath, repositories, receiver, ports.variables);
    const choosing = chooseSafeDep(options.safedep, !options.once, ports.variables).then((safedep) => {
      closers.push(() => safedep.close());
      if (options.report && safedep.answers !== 'cloud')
        throw new UsageError('--report sends to SafeDep Cloud: set SAFEDEP_API_KEY and SAFEDEP_TENANT_ID.');
      return safedep;
    });
    const pipeline = await startLocalPipeline({
      safedep: choosing,
      settings,
      secrets,
      report: options.report,
      port: options.port,
      log: functionLog.read,
    });
    closers.push(() => pipeline.close());
    const safedep = await choosing;
    const state: Run = {
      ...ports,
      options,
      repositories,
      safedep,
      pipeline,
      settings,
      callsPerSecond: sustainedPerSecond(safedep.answers === 'community' ? settings.limits.community : settings.limits.dataPlane),
      functionLog,
      alerts,
    };
    showStart(state, startedAtMs);
    await showUncommitted(state);
    return options.once ? await scanOnce(state) : await keepWatching(state);
  } finally {
    await Promise.allSettled(closers.reverse().map((close) => close()));
  }
}

/** What is found after the first scan is news: shown as it comes. The first scan has its summary. */
function showAlert({ data, text }: AlertPayload, { once }: StartOptions, screen: Screen): void {
  if (once || !('finding' in data)) return;
  const isGood = data.detailType === 'finding resolved' || data.finding.decision === 'accept';
  for (const line of text.split('\n')) screen.line(`${screen.paint(isGood ? 'green' : 'red', 'alert')}  ${line}`);
}
