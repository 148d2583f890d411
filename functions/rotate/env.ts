import type { EnvironmentSpec } from '../../shared/aws/environment.ts';

export const ROTATE_ENVIRONMENT = {
  TENANT: 'required',
  SETTINGS_TABLE_NAME: 'required',
  RATE_LIMITS_TABLE_NAME: 'required',
  IDENTITY_TABLE_NAME: 'required',
  /** Secrets (name or ARN); it writes all three, and nobody else reads the refresh token. */
  SAFEDEP_API_KEY_SECRET_ID: 'required',
  SAFEDEP_SERVICE_JWT_SECRET_ID: 'required',
  SAFEDEP_REFRESH_TOKEN_SECRET_ID: 'required',
  SAFEDEP_DATA_PLANE_URL: 'optional',
  SAFEDEP_CONTROL_PLANE_URL: 'optional',
  SAFEDEP_TRANSPORT: 'optional',
  TIME_SERVER: 'optional',
} as const satisfies EnvironmentSpec;
