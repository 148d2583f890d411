import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { OperatorSecret } from '../constructs/operator-secret.ts';
import { WatchTable } from '../constructs/tables.ts';

/** What cannot be made again: tables and secrets. Kept when the stack is deleted, and changed as rarely as can be. */
export class StateStack extends Stack {
  readonly rateLimits: WatchTable<'rate-limits'>;
  readonly insights: WatchTable<'insights'>;
  readonly inventory: WatchTable<'inventory'>;
  readonly scans: WatchTable<'scans'>;
  readonly findings: WatchTable<'findings'>;
  readonly settings: WatchTable<'settings'>;
  readonly identity: WatchTable<'identity'>;
  readonly safeDepApiKey: OperatorSecret;
  readonly safeDepServiceJwt: OperatorSecret;
  readonly safeDepRefreshToken: OperatorSecret;
  readonly gitHubWebhook: OperatorSecret;
  readonly gitHubToken: OperatorSecret;

  constructor(scope: Construct, id: string) {
    super(scope, id, {
      description: 'safedep-watch: tables and secrets',
      terminationProtection: true,
    });

    this.rateLimits = new WatchTable(this, 'RateLimits', 'rate-limits');
    this.insights = new WatchTable(this, 'Insights', 'insights');
    this.inventory = new WatchTable(this, 'Inventory', 'inventory');
    this.scans = new WatchTable(this, 'Scans', 'scans');
    this.findings = new WatchTable(this, 'Findings', 'findings');
    this.settings = new WatchTable(this, 'Settings', 'settings');
    this.identity = new WatchTable(this, 'Identity', 'identity');

    this.safeDepApiKey = new OperatorSecret(this, 'SafeDepApiKey', {
      logicalId: 'SafeDepApiKeySecret',
      name: 'safedep-api-key',
      description: 'SafeDep API key and its tenant, as JSON: {"apiKey": "...", "tenantId": "..."}',
      value: 'by-operator',
      notRotatedBecause: 'Its schedule stands beside the function that rotates it, in the pipeline stack',
    });
    this.safeDepServiceJwt = new OperatorSecret(this, 'SafeDepServiceJwt', {
      logicalId: 'SafeDepServiceJwtSecret',
      name: 'safedep-service-jwt',
      description:
        'SafeDep service JWT for reports and its tenant, as JSON: {"accessToken": "...", "tenantId": "..."}. Optional: without it the API key is used',
      value: 'by-operator',
      notRotatedBecause: 'The function rotate replaces it by what the token itself says, many times before a schedule could',
    });
    this.safeDepRefreshToken = new OperatorSecret(this, 'SafeDepRefreshToken', {
      logicalId: 'SafeDepRefreshTokenSecret',
      name: 'safedep-refresh-token',
      description:
        'Sign-in of the robot user, put here by "npm run cli -- auth login --service" and kept alive by the function rotate, which alone may read it',
      value: 'by-operator',
      notRotatedBecause: 'The function rotate replaces it whenever it gets a new service JWT',
    });
    this.gitHubWebhook = new OperatorSecret(this, 'GitHubWebhook', {
      logicalId: 'GitHubWebhookSecret',
      name: 'forges/github-webhook',
      description:
        'Secret of the webhook in GitHub: made here, pasted there. The previous version is accepted too, so it can be replaced without a gap',
      value: 'generated',
      notRotatedBecause: 'Its other end is a field in GitHub: a rotation without a person would refuse every push until that is changed',
    });
    this.gitHubToken = new OperatorSecret(this, 'GitHubToken', {
      logicalId: 'GitHubTokenSecret',
      name: 'forges/github-token',
      description: 'GitHub token that may read the contents of the watched repositories, and nothing else',
      value: 'by-operator',
      notRotatedBecause: 'GitHub issues it to a person; it cannot be renewed by a program',
    });

    const secrets = [this.safeDepApiKey, this.safeDepServiceJwt, this.safeDepRefreshToken, this.gitHubWebhook, this.gitHubToken];
    new CfnOutput(this, 'SecretNames', {
      description: 'Secrets Manager: NextSteps of the pipeline stack says how each gets its value',
      value: secrets.map(({ secretName }) => secretName).join(', '),
    });
    // `npm run cli -- settings`, `limit` and `report` take them.
    new CfnOutput(this, 'RateLimitsTableName', { value: this.rateLimits.table.tableName });
    new CfnOutput(this, 'ScansTableName', { value: this.scans.table.tableName });
    new CfnOutput(this, 'SettingsTableName', { value: this.settings.table.tableName });
  }
}
