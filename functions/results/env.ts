import type { EnvironmentSpec } from '../../shared/aws/environment.ts';

export const RESULTS_ENVIRONMENT = {
  SETTINGS_TABLE_NAME: 'required',
  INVENTORY_TABLE_NAME: 'required',
  SCANS_TABLE_NAME: 'required',
  INSIGHTS_TABLE_NAME: 'required',
  FINDINGS_TABLE_NAME: 'required',
  EVALUATIONS_QUEUE_URL: 'required',
  REPORTS_QUEUE_URL: 'required',
  EVENT_BUS_NAME: 'required',
  SAFEDEP_ANSWERS: 'required',
  /** `on` sends every ended scan to SafeDep's control tower. */
  REPORTS: 'required',
} as const satisfies EnvironmentSpec;
