import type { EnvironmentSpec } from '../../shared/aws/environment.ts';

export const WEBHOOK_ENVIRONMENT = {
  TENANT: 'required',
  PUSHES_QUEUE_URL: 'required',
  /** Secret (name or ARN) with GitHub's webhook secret; its previous version is accepted too. */
  GITHUB_WEBHOOK_SECRET_ID: 'required',
  /** Local mode only: secret with which the watcher of local repositories signs. Without it the route `/git` does not exist. */
  GIT_WEBHOOK_SECRET_ID: 'optional',
} as const satisfies EnvironmentSpec;
