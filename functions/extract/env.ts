import type { EnvironmentSpec } from '../../shared/aws/environment.ts';

export const EXTRACT_ENVIRONMENT = {
  PUSHES_QUEUE_URL: 'required',
  PUSHES_BACKGROUND_QUEUE_URL: 'required',
  SETTINGS_TABLE_NAME: 'required',
  INVENTORY_TABLE_NAME: 'required',
  SCANS_TABLE_NAME: 'required',
  LOOKUPS_LIVE_QUEUE_URL: 'required',
  LOOKUPS_BACKGROUND_QUEUE_URL: 'required',
  EVALUATIONS_QUEUE_URL: 'required',
  /** Local mode only: `1` lets the settings name git repositories of this machine. */
  ALLOW_GIT_SOURCES: 'optional',
} as const satisfies EnvironmentSpec;
