import { CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ALERT_MAX_RECEIVE_COUNT } from '../../../shared/alerts/retry-schedule.ts';
import type { FunctionName } from '../bundle.ts';
import { Alarms } from '../constructs/alarms.ts';
import { CredentialUpkeep } from '../constructs/credential-upkeep.ts';
import { FindingBus } from '../constructs/finding-bus.ts';
import { FORGE_SECRETS, grantSecretsBelow, SINK_SECRETS } from '../constructs/operator-secret.ts';
import { RecurringRun } from '../constructs/recurring-run.ts';
import { SignedWebhook } from '../constructs/signed-webhook.ts';
import { STATIC_EGRESS_COST, StaticEgress } from '../constructs/static-egress.ts';
import { READ, READ_AND_UPDATE, READ_AND_WRITE } from '../constructs/tables.ts';
import { WatchFunction } from '../constructs/watch-function.ts';
import { WorkQueue } from '../constructs/work-queue.ts';
import type { StateStack } from './state.ts';

export interface PipelineOptions {
  readonly tenant: string;
  /** `on` sends every ended scan to SafeDep's control tower. */
  readonly reports: 'on' | 'off';
  /** Gets the alarms by mail. @default - nobody, until someone subscribes to the topic */
  readonly alarmEmail?: string;
  /** `off` leaves the API key to the operator. @default 'on' */
  readonly rotateApiKey?: 'on' | 'off';
  /** Days after the robot user's sign-in when somebody is told. @default 21 */
  readonly signInMaxAgeDays?: number;
  /** Calls to SafeDep go out from one address, for IP allow lists. @default false */
  readonly staticEgress?: boolean;
  /** `off` for an account whose quota has no room for them. @default 'on' */
  readonly reservedConcurrency?: 'on' | 'off';
}

/** Ours: providers commonly let a sign-in be kept alive for thirty days; SafeDep does not say. */
export const SIGN_IN_MAX_AGE_DAYS = 21;

export interface PipelineStackProps extends PipelineOptions {
  readonly state: StateStack;
  /** Folder of each function's bundle. */
  readonly bundles: Readonly<Record<FunctionName, string>>;
}

const TIMEOUTS = {
  /** A tree and some hundred blobs over REST, one after the other at worst. */
  extract: Duration.minutes(2),
  /** Design, section 4: a batch of 64 packages within the limiter, and its queue's visibility is 90 s. */
  worker: Duration.seconds(15),
  results: Duration.minutes(1),
  report: Duration.minutes(1),
  alert: Duration.seconds(30),
  rescan: Duration.minutes(1),
  /** Less than its rate, so that two never run at once. */
  sweep: Duration.seconds(50),
} as const;

/** Some nine hours of waits that grow from a second to ten minutes (`parkSeconds`), longer than a day at work; after that a person has to look. */
const FAILURES_UNTIL_DEAD_LETTER = 150;
/** What a push waits for. Longer than the forge's hourly allowance, or an outage that passes by itself, keeps it. */
const LIVE_WAIT_ALARM = Duration.hours(1);
/** A report is for a console that somebody opens now and then, and a sink may be away for a while. */
const OUTBOUND_WAIT_ALARM = Duration.hours(6);
/** An onboarding or a large rescan takes hours by design. */
const BACKGROUND_WAIT_ALARM = Duration.days(1);
/** SQS's most. For queues where waiting is normal and the handler counts its failures itself. */
const RECEIVES_WITHOUT_LIMIT = 1000;

/** Everything that moves: functions, queues, bus, schedules. Holds nothing that the state stack and the forges could not give again. */
export class PipelineStack extends Stack {
  constructor(scope: Construct, id: string, props: PipelineStackProps) {
    super(scope, id, {
      description: 'safedep-watch: functions, queues, event bus, schedules',
    });
    const { state, bundles, tenant } = props;

    const alarms = new Alarms(this, 'Alarms', props.alarmEmail ? { email: props.alarmEmail } : {});
    const bus = new FindingBus(this, 'Bus');
    const egress = props.staticEgress ? new StaticEgress(this, 'Egress') : undefined;
    const throughEgress = egress ? { egress } : {};

    const reads = { alarms, consumerTimeout: TIMEOUTS.extract, maxReceiveCount: FAILURES_UNTIL_DEAD_LETTER };
    const pushes = new WorkQueue(this, 'Pushes', {
      name: 'pushes',
      ...reads,
      waitAlarm: {
        after: LIVE_WAIT_ALARM,
        description:
          'A push has waited for an hour: what it brings in is not known yet. The log of extract says why: the token of the forge has ended, ' +
          'its hourly allowance is used up, or the forge is away. The push is read as soon as it can be.',
      },
    });
    const pushesBackground = new WorkQueue(this, 'PushesBackground', {
      name: 'pushes-background',
      ...reads,
      waitAlarm: {
        after: BACKGROUND_WAIT_ALARM,
        description: 'A repository has waited for a day to be read for the first time, or again. The log of extract says why.',
      },
    });
    const lookups = { alarms, consumerTimeout: TIMEOUTS.worker, maxReceiveCount: RECEIVES_WITHOUT_LIMIT };
    const lookupsLive = new WorkQueue(this, 'LookupsLive', {
      name: 'lookups-live',
      ...lookups,
      waitAlarm: {
        after: LIVE_WAIT_ALARM,
        description:
          'Look-ups of a push have waited for an hour: its scan is incomplete. The log of worker says why: SafeDep is away, refuses the key, ' +
          'or "npm run cli -- limit show" tells that the limit is lowered or used up.',
      },
    });
    const lookupsBackground = new WorkQueue(this, 'LookupsBackground', {
      name: 'lookups-background',
      ...lookups,
      waitAlarm: {
        after: BACKGROUND_WAIT_ALARM,
        description:
          'Look-ups of a rescan have waited for a day: answers grow old. The log of worker says why, and "npm run cli -- limit show" how the ' +
          'limit is used.',
      },
    });
    const evaluations = new WorkQueue(this, 'Evaluations', {
      name: 'evaluations',
      alarms,
      consumerTimeout: TIMEOUTS.results,
      maxReceiveCount: FAILURES_UNTIL_DEAD_LETTER,
      waitAlarm: {
        after: LIVE_WAIT_ALARM,
        description:
          'An evaluation has waited for an hour: answers are there, and findings are not told. The log of results says why; nothing is lost.',
      },
    });
    const reports = new WorkQueue(this, 'Reports', {
      name: 'reports',
      alarms,
      consumerTimeout: TIMEOUTS.report,
      maxReceiveCount: RECEIVES_WITHOUT_LIMIT,
      // A report that cannot be sent waits here, for a token or for SafeDep.
      retention: Duration.days(14),
      waitAlarm: {
        after: OUTBOUND_WAIT_ALARM,
        description:
          'A report has waited for hours and is kept for 14 days: SafeDep does not take it, or not with the credential that there is. ' +
          '"npm run cli -- report show" says why; findings and alerts do not wait for it.',
      },
    });
    const alertsWebhook = new WorkQueue(this, 'AlertsWebhook', {
      name: 'alerts-webhook',
      alarms,
      consumerTimeout: TIMEOUTS.alert,
      // A sink may be away for days: the handler makes a message wait longer each time, 72 h and more in all.
      maxReceiveCount: ALERT_MAX_RECEIVE_COUNT,
      retention: Duration.days(14),
      waitAlarm: {
        after: OUTBOUND_WAIT_ALARM,
        description:
          'An alert has waited for hours: a sink does not take it. The log of alert names the sink and its answer; each is tried again for ' +
          'three days and more.',
      },
    });

    bus.deliverTo('AlertsWebhook', alertsWebhook);

    const webhook = new SignedWebhook(this, 'Webhook', {
      bundle: bundles.webhook,
      alarms,
      reservedConcurrency: props.reservedConcurrency ?? 'on',
      environment: {
        TENANT: tenant,
        PUSHES_QUEUE_URL: pushes.url,
        GITHUB_WEBHOOK_SECRET_ID: state.gitHubWebhook.secretArn,
      },
    });
    pushes.grantSend(webhook.receiver);
    state.gitHubWebhook.grantRead(webhook.receiver);

    const extract = new WatchFunction(this, 'Extract', {
      name: 'extract',
      description: 'Reads the head of a ref and its lock files, and stores what it depends on',
      bundle: bundles.extract,
      timeout: TIMEOUTS.extract,
      memorySizeMiB: 1769,
      // Where one invocation has no time for all lock files.
      sendsToItsOwnQueue: true,
      environment: {
        PUSHES_QUEUE_URL: pushes.url,
        PUSHES_BACKGROUND_QUEUE_URL: pushesBackground.url,
        SETTINGS_TABLE_NAME: state.settings.table.tableName,
        INVENTORY_TABLE_NAME: state.inventory.table.tableName,
        SCANS_TABLE_NAME: state.scans.table.tableName,
        LOOKUPS_LIVE_QUEUE_URL: lookupsLive.url,
        LOOKUPS_BACKGROUND_QUEUE_URL: lookupsBackground.url,
        EVALUATIONS_QUEUE_URL: evaluations.url,
      },
    });
    pushes.deliverTo(extract, { batchSize: 1, maxConcurrency: 10 });
    // An onboarding reads no faster than this: the forge's own hourly allowance ends sooner.
    pushesBackground.deliverTo(extract, { batchSize: 1, maxConcurrency: 2 });
    state.settings.grant(extract, ['Query']);
    state.inventory.grant(extract, READ_AND_WRITE);
    state.scans.grant(extract, [...READ_AND_UPDATE, 'PutItem']);
    pushes.grantSend(extract);
    pushesBackground.grantSend(extract);
    lookupsLive.grantSend(extract);
    lookupsBackground.grantSend(extract);
    evaluations.grantSend(extract);
    grantSecretsBelow(extract, FORGE_SECRETS);

    const worker = new WatchFunction(this, 'Worker', {
      name: 'worker',
      description: 'Asks SafeDep about package versions, within its limit, and stores the answers',
      bundle: bundles.worker,
      ...throughEgress,
      timeout: TIMEOUTS.worker,
      memorySizeMiB: 1024,
      environment: {
        TENANT: tenant,
        SETTINGS_TABLE_NAME: state.settings.table.tableName,
        INSIGHTS_TABLE_NAME: state.insights.table.tableName,
        SCANS_TABLE_NAME: state.scans.table.tableName,
        RATE_LIMITS_TABLE_NAME: state.rateLimits.table.tableName,
        LOOKUPS_LIVE_QUEUE_URL: lookupsLive.url,
        LOOKUPS_BACKGROUND_QUEUE_URL: lookupsBackground.url,
        EVALUATIONS_QUEUE_URL: evaluations.url,
        SAFEDEP_ANSWERS: 'cloud',
        SAFEDEP_API_KEY_SECRET_ID: state.safeDepApiKey.secretArn,
      },
    });
    // A message is a batch of packages already. Lanes have a mapping each, so that neither waits for the other's slots.
    lookupsLive.deliverTo(worker, { batchSize: 1, maxConcurrency: 8 });
    lookupsBackground.deliverTo(worker, { batchSize: 1, maxConcurrency: 8 });
    state.settings.grant(worker, ['Query']);
    state.insights.grant(worker, READ_AND_UPDATE);
    state.scans.grant(worker, READ_AND_UPDATE);
    state.rateLimits.grant(worker, ['GetItem', 'PutItem', 'UpdateItem']);
    evaluations.grantSend(worker);
    state.safeDepApiKey.grantRead(worker);

    const results = new WatchFunction(this, 'Results', {
      name: 'results',
      description: 'Holds what a ref depends on against the answers and the policy, and opens and resolves findings',
      bundle: bundles.results,
      timeout: TIMEOUTS.results,
      memorySizeMiB: 1024,
      sendsToItsOwnQueue: true,
      environment: {
        SETTINGS_TABLE_NAME: state.settings.table.tableName,
        INVENTORY_TABLE_NAME: state.inventory.table.tableName,
        SCANS_TABLE_NAME: state.scans.table.tableName,
        INSIGHTS_TABLE_NAME: state.insights.table.tableName,
        FINDINGS_TABLE_NAME: state.findings.table.tableName,
        EVALUATIONS_QUEUE_URL: evaluations.url,
        REPORTS_QUEUE_URL: reports.url,
        EVENT_BUS_NAME: bus.busName,
        SAFEDEP_ANSWERS: 'cloud',
        REPORTS: props.reports,
      },
    });
    evaluations.deliverTo(results, { batchSize: 5, maxConcurrency: 10 });
    state.settings.grant(results, ['Query']);
    state.inventory.grant(results, READ_AND_UPDATE);
    state.scans.grant(results, READ_AND_UPDATE);
    state.insights.grant(results, READ_AND_UPDATE);
    state.findings.grant(results, READ_AND_UPDATE);
    evaluations.grantSend(results);
    reports.grantSend(results);
    bus.grantPutEvents(results);

    const report = new WatchFunction(this, 'Report', {
      name: 'report',
      description: 'Sends an ended scan to SafeDep as one report session',
      bundle: bundles.report,
      ...throughEgress,
      timeout: TIMEOUTS.report,
      memorySizeMiB: 1024,
      environment: {
        TENANT: tenant,
        SETTINGS_TABLE_NAME: state.settings.table.tableName,
        INVENTORY_TABLE_NAME: state.inventory.table.tableName,
        SCANS_TABLE_NAME: state.scans.table.tableName,
        INSIGHTS_TABLE_NAME: state.insights.table.tableName,
        FINDINGS_TABLE_NAME: state.findings.table.tableName,
        RATE_LIMITS_TABLE_NAME: state.rateLimits.table.tableName,
        SAFEDEP_ANSWERS: 'cloud',
        REPORTS_QUEUE_URL: reports.url,
        SAFEDEP_SERVICE_JWT_SECRET_ID: state.safeDepServiceJwt.secretArn,
        SAFEDEP_API_KEY_SECRET_ID: state.safeDepApiKey.secretArn,
      },
    });
    reports.deliverTo(report, { batchSize: 1, maxConcurrency: 2 });
    state.settings.grant(report, ['Query']);
    state.inventory.grant(report, READ);
    state.insights.grant(report, READ);
    state.findings.grant(report, READ);
    state.scans.grant(report, READ_AND_UPDATE);
    state.rateLimits.grant(report, ['GetItem', 'PutItem', 'UpdateItem']);
    state.safeDepServiceJwt.grantRead(report);
    state.safeDepApiKey.grantRead(report);

    const alert = new WatchFunction(this, 'Alert', {
      name: 'alert',
      description: 'Delivers one event to one sink, signed, until it is acknowledged',
      bundle: bundles.alert,
      timeout: TIMEOUTS.alert,
      memorySizeMiB: 512,
      sendsToItsOwnQueue: true,
      environment: {
        TENANT: tenant,
        SETTINGS_TABLE_NAME: state.settings.table.tableName,
        ALERTS_WEBHOOK_QUEUE_URL: alertsWebhook.url,
      },
    });
    alertsWebhook.deliverTo(alert, { batchSize: 1, maxConcurrency: 5 });
    state.settings.grant(alert, ['Query']);
    alertsWebhook.grantSend(alert);
    grantSecretsBelow(alert, SINK_SECRETS);

    const rescan = new WatchFunction(this, 'Rescan', {
      name: 'rescan',
      description: 'Asks again about the package versions whose answers are due',
      bundle: bundles.rescan,
      timeout: TIMEOUTS.rescan,
      memorySizeMiB: 512,
      environment: {
        TENANT: tenant,
        SETTINGS_TABLE_NAME: state.settings.table.tableName,
        INSIGHTS_TABLE_NAME: state.insights.table.tableName,
        INVENTORY_TABLE_NAME: state.inventory.table.tableName,
        LOOKUPS_BACKGROUND_QUEUE_URL: lookupsBackground.url,
        SAFEDEP_ANSWERS: 'cloud',
      },
    });
    state.settings.grant(rescan, ['Query']);
    state.inventory.grant(rescan, READ);
    state.insights.grant(rescan, READ_AND_UPDATE, ['due']);
    lookupsBackground.grantSend(rescan);
    new RecurringRun(this, 'RescanSchedule', {
      runs: rescan,
      every: Duration.minutes(5),
      alarms,
      deadLetterLogicalId: 'RescanScheduleDeadLetterQueue',
      impact: 'Answers about known packages grow old: new malware reports and vulnerabilities are found late.',
    });

    const workQueues = [pushes, pushesBackground, lookupsLive, lookupsBackground, evaluations, reports, alertsWebhook];
    const sweep = new WatchFunction(this, 'Sweep', {
      name: 'sweep',
      description: 'Finds what was marked and never taken, sends it again, and ends scans that cannot end',
      bundle: bundles.sweep,
      timeout: TIMEOUTS.sweep,
      memorySizeMiB: 512,
      environment: {
        TENANT: tenant,
        SAFEDEP_ANSWERS: 'cloud',
        INVENTORY_TABLE_NAME: state.inventory.table.tableName,
        SCANS_TABLE_NAME: state.scans.table.tableName,
        INSIGHTS_TABLE_NAME: state.insights.table.tableName,
        FINDINGS_TABLE_NAME: state.findings.table.tableName,
        LOOKUPS_LIVE_QUEUE_URL: lookupsLive.url,
        LOOKUPS_BACKGROUND_QUEUE_URL: lookupsBackground.url,
        EVALUATIONS_QUEUE_URL: evaluations.url,
        REPORTS_QUEUE_URL: reports.url,
        EVENT_BUS_NAME: bus.busName,
        DEAD_LETTER_QUEUE_URLS: workQueues.map(({ deadLetterQueue }) => deadLetterQueue.queueUrl).join(','),
      },
    });
    state.inventory.grant(sweep, READ);
    state.scans.grant(sweep, READ_AND_UPDATE, ['open', 'intents']);
    state.insights.grant(sweep, READ_AND_UPDATE, ['un-fanned']);
    state.findings.grant(sweep, READ_AND_UPDATE, ['intents']);
    for (const queue of [lookupsLive, lookupsBackground, evaluations, reports]) queue.grantSend(sweep);
    for (const queue of workQueues) queue.grantReadDeadLetters(sweep);
    bus.grantPutEvents(sweep);
    new RecurringRun(this, 'SweepSchedule', {
      runs: sweep,
      every: Duration.minutes(1),
      alarms,
      deadLetterLogicalId: 'SweepScheduleDeadLetterQueue',
      impact: 'Scans that lost a message do not end, and findings whose event was not taken are not told.',
    });

    new CredentialUpkeep(this, 'Credentials', {
      state,
      bundle: bundles.rotate,
      tenant,
      alarms,
      rotateApiKey: props.rotateApiKey ?? 'on',
      reservedConcurrency: props.reservedConcurrency ?? 'on',
      signInMaxAge: Duration.days(props.signInMaxAgeDays ?? SIGN_IN_MAX_AGE_DAYS),
      ...throughEgress,
    });

    this.output(webhook.address, alarms, rescan, reports);
    if (egress) {
      new CfnOutput(this, 'EgressAddress', {
        description: `Calls to SafeDep come from here, for its allow list; ${STATIC_EGRESS_COST}`,
        value: egress.address,
      });
    }
  }

  private output(webhookAddress: string, alarms: Alarms, rescan: WatchFunction, reports: WorkQueue): void {
    new CfnOutput(this, 'WebhookAddress', {
      description: 'Payload URL for GitHub (content type application/json)',
      value: `${webhookAddress}github`,
    });
    new CfnOutput(this, 'AlarmTopicArn', { description: 'Every alarm goes here', value: alarms.topic.topicArn });
    // `npm run cli -- rescan --function` takes it.
    new CfnOutput(this, 'RescanFunctionName', { value: rescan.function.functionName });
    // `npm run cli -- report resend --queue` takes it.
    new CfnOutput(this, 'ReportsQueueUrl', { value: reports.url });
    new CfnOutput(this, 'NextSteps', {
      value: [
        '1. aws secretsmanager put-secret-value --secret-id safedep-watch/safedep-api-key --secret-string \'{"apiKey":"...","tenantId":"..."}\'',
        '2. The same for safedep-watch/forges/github-token (the bare token).',
        '3. npm run cli -- settings apply safedep-watch.json --table (SettingsTableName, above)',
        '4. In GitHub, add a webhook for pushes: WebhookAddress, application/json, and the value of safedep-watch/forges/github-webhook.',
        '5. npm run cli -- auth login --service: signs a robot user in, so that reports carry its name and the API key is rotated.',
        '6. Subscribe to AlarmTopicArn, or deploy with -c alarmEmail=ADDRESS.',
      ].join(' '),
    });
  }
}
