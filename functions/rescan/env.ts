import type { EnvironmentSpec } from '../../shared/aws/environment.ts';

export const RESCAN_ENVIRONMENT = {
  SETTINGS_TABLE_NAME: 'required',
  INVENTORY_TABLE_NAME: 'required',
  INSIGHTS_TABLE_NAME: 'required',
  LOOKUPS_BACKGROUND_QUEUE_URL: 'required',
  SAFEDEP_ANSWERS: 'required',
  TENANT: 'required',
} as const satisfies EnvironmentSpec;
