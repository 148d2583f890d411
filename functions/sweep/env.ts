import type { EnvironmentSpec } from '../../shared/aws/environment.ts';

export const SWEEP_ENVIRONMENT = {
  TENANT: 'required',
  SAFEDEP_ANSWERS: 'required',
  INVENTORY_TABLE_NAME: 'required',
  SCANS_TABLE_NAME: 'required',
  INSIGHTS_TABLE_NAME: 'required',
  FINDINGS_TABLE_NAME: 'required',
  LOOKUPS_LIVE_QUEUE_URL: 'required',
  LOOKUPS_BACKGROUND_QUEUE_URL: 'required',
  EVALUATIONS_QUEUE_URL: 'required',
  REPORTS_QUEUE_URL: 'required',
  EVENT_BUS_NAME: 'required',
  /** The dead-letter queues, addresses divided by commas. */
  DEAD_LETTER_QUEUE_URLS: 'required',
} as const satisfies EnvironmentSpec;
