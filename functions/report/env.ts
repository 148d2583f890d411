import type { EnvironmentSpec } from '../../shared/aws/environment.ts';

export const REPORT_ENVIRONMENT = {
  TENANT: 'required',
  SETTINGS_TABLE_NAME: 'required',
  INVENTORY_TABLE_NAME: 'required',
  SCANS_TABLE_NAME: 'required',
  INSIGHTS_TABLE_NAME: 'required',
  FINDINGS_TABLE_NAME: 'required',
  RATE_LIMITS_TABLE_NAME: 'required',
  REPORTS_QUEUE_URL: 'required',
  SAFEDEP_ANSWERS: 'required',
  /** Secret (name or ARN) with the service JWT; where it is empty the API key is used, and that is said once. */
  SAFEDEP_SERVICE_JWT_SECRET_ID: 'optional',
  SAFEDEP_API_KEY_SECRET_ID: 'optional',
  SAFEDEP_DATA_PLANE_URL: 'optional',
  SAFEDEP_TRANSPORT: 'optional',
  TIME_SERVER: 'optional',
} as const satisfies EnvironmentSpec;
