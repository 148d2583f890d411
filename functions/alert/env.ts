import type { EnvironmentSpec } from '../../shared/aws/environment.ts';

export const ALERT_ENVIRONMENT = {
  TENANT: 'required',
  SETTINGS_TABLE_NAME: 'required',
  ALERTS_WEBHOOK_QUEUE_URL: 'required',
} as const satisfies EnvironmentSpec;
