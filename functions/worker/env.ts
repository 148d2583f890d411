import type { EnvironmentSpec } from '../../shared/aws/environment.ts';

export const WORKER_ENVIRONMENT = {
  TENANT: 'required',
  SETTINGS_TABLE_NAME: 'required',
  INSIGHTS_TABLE_NAME: 'required',
  SCANS_TABLE_NAME: 'required',
  RATE_LIMITS_TABLE_NAME: 'required',
  LOOKUPS_LIVE_QUEUE_URL: 'required',
  LOOKUPS_BACKGROUND_QUEUE_URL: 'required',
  EVALUATIONS_QUEUE_URL: 'required',
  /** `cloud`, `community` or `stand-in`: which answers these are. */
  SAFEDEP_ANSWERS: 'required',
  /** Secret (name or ARN) with the API key and its tenant; not read for `community`. */
  SAFEDEP_API_KEY_SECRET_ID: 'optional',
  SAFEDEP_DATA_PLANE_URL: 'optional',
  SAFEDEP_COMMUNITY_URL: 'optional',
  /** `grpc` (default), `connect-json` or `connect`. */
  SAFEDEP_TRANSPORT: 'optional',
  /** SNTP server, `host` or `host:port`; default Amazon's. */
  TIME_SERVER: 'optional',
  /** `1` logs the instant of every call that is sent: for proofs of the rate, not for every day. */
  LOG_SEND_STAMPS: 'optional',
} as const satisfies EnvironmentSpec;
