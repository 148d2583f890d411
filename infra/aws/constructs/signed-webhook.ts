import { Duration } from 'aws-cdk-lib';
import { FunctionUrlAuthType } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { DeployedEnvironment } from '../environments.ts';
import { ALARM_PERIOD, type Alarms } from './alarms.ts';
import { pinLogicalId } from './logical-id.ts';
import { WatchFunction } from './watch-function.ts';

/** GitHub gives up on a delivery after 10 s and does not try again by itself. */
const FORGE_DELIVERY_TIMEOUT = Duration.seconds(10);
/** Kept free of what the rest of the account does, and the most that a flood of unsigned requests can take from it. */
const RESERVED_CONCURRENT_EXECUTIONS = 100;

export interface SignedWebhookProps {
  readonly bundle: string;
  readonly environment: DeployedEnvironment<'webhook'>;
  readonly alarms: Alarms;
  /** `off` leaves the account's unreserved concurrency to it, which everything else of the account uses, too. */
  readonly reservedConcurrency: 'on' | 'off';
}

/**
 * The address that forges send pushes to: a function URL. It has no authorisation of AWS's own, because a forge cannot sign for AWS;
 * the handler verifies the forge's signature over the raw body. Against an HTTP API it has no limit of 10 KB on the headers, one
 * service less in the chain, and the same 6 MB for the body.
 */
export class SignedWebhook extends Construct {
  readonly receiver: WatchFunction<'webhook'>;
  /** Ends in `/`; the forge's name follows. */
  readonly address: string;

  constructor(scope: Construct, id: string, { bundle, environment, alarms, reservedConcurrency }: SignedWebhookProps) {
    super(scope, id);
    this.receiver = new WatchFunction(this, 'Receiver', {
      name: 'webhook',
      description: 'Verifies the signature of a push and puts it on the queue before it answers',
      bundle,
      environment,
      timeout: FORGE_DELIVERY_TIMEOUT,
      memorySizeMiB: 512,
      ...(reservedConcurrency === 'on' ? { reservedConcurrentExecutions: RESERVED_CONCURRENT_EXECUTIONS } : {}),
    });
    const { function: receiver } = this.receiver;
    const functionUrl = receiver.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
    pinLogicalId(functionUrl, 'WebhookUrl');
    this.address = functionUrl.url;

    alarms.add(this, 'Throttled', {
      metric: receiver.metricThrottles({ period: ALARM_PERIOD, statistic: 'Sum' }),
      threshold: 1,
      description:
        `${reservedConcurrency === 'on' ? `More than ${RESERVED_CONCURRENT_EXECUTIONS} deliveries at once` : "The account's concurrency was used up"}: ` +
        'some were refused. A forge does not send them again by itself; redeliver them from its list of deliveries, and give the webhook ' +
        'more room if it was no flood.',
    });
    alarms.add(this, 'Failing', {
      metric: receiver.metricErrors({ period: ALARM_PERIOD, statistic: 'Sum' }),
      threshold: 1,
      description: "The webhook failed on a delivery. Its log says why; redeliver from the forge's list of deliveries after mending.",
    });
  }
}
