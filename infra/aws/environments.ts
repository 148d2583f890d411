import { ALERT_ENVIRONMENT } from '../../functions/alert/env.ts';
import { EXTRACT_ENVIRONMENT } from '../../functions/extract/env.ts';
import { REPORT_ENVIRONMENT } from '../../functions/report/env.ts';
import { RESCAN_ENVIRONMENT } from '../../functions/rescan/env.ts';
import { RESULTS_ENVIRONMENT } from '../../functions/results/env.ts';
import { ROTATE_ENVIRONMENT } from '../../functions/rotate/env.ts';
import { SWEEP_ENVIRONMENT } from '../../functions/sweep/env.ts';
import { WEBHOOK_ENVIRONMENT } from '../../functions/webhook/env.ts';
import { WORKER_ENVIRONMENT } from '../../functions/worker/env.ts';
import type { Environment, EnvironmentSpec } from '../../shared/aws/environment.ts';
import type { FunctionName } from './bundle.ts';

/** Each function's own list of its variables. */
export const ENVIRONMENTS = {
  webhook: WEBHOOK_ENVIRONMENT,
  extract: EXTRACT_ENVIRONMENT,
  worker: WORKER_ENVIRONMENT,
  results: RESULTS_ENVIRONMENT,
  report: REPORT_ENVIRONMENT,
  alert: ALERT_ENVIRONMENT,
  rescan: RESCAN_ENVIRONMENT,
  sweep: SWEEP_ENVIRONMENT,
  rotate: ROTATE_ENVIRONMENT,
} as const satisfies Record<FunctionName, EnvironmentSpec>;

/** They open doors that must not exist in an account: an unauthenticated-by-forge route, repositories of the machine itself. */
export const LOCAL_ONLY_VARIABLES = ['GIT_WEBHOOK_SECRET_ID', 'ALLOW_GIT_SOURCES'] as const;

/**
 * What the template may and must set for a function: a variable that is renamed in its `env.ts`, forgotten here, or meant for
 * local mode only does not compile.
 */
export type DeployedEnvironment<N extends FunctionName> = Omit<
  Environment<(typeof ENVIRONMENTS)[N]>,
  (typeof LOCAL_ONLY_VARIABLES)[number]
>;
