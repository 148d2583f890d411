import { Duration } from 'aws-cdk-lib';
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { ALARM_PERIOD, type Alarms } from './alarms.ts';
import { pinLogicalId, toPascalCase } from './logical-id.ts';
import type { WatchFunction } from './watch-function.ts';

/**
 * The longest that SQS keeps a message. A standard queue counts from the first send, also after the move to a dead-letter queue:
 * with less here, a message that retried for days would have hours left.
 */
const DEAD_LETTER_RETENTION = Duration.days(14);
/** Lambda's own advice: shorter, and a throttled or retried batch becomes visible again while it is still worked on. */
const VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT = 6;

export interface DeadLetterQueueProps {
  readonly alarms: Alarms;
  readonly logicalId: string;
  /** What lies in it and what to do about it: the alarm's text. */
  readonly alarmDescription: string;
}

/** Where messages wait for a person. One message in it raises its alarm. */
export class DeadLetterQueue extends Construct {
  readonly queue: Queue;

  constructor(scope: Construct, id: string, props: DeadLetterQueueProps) {
    super(scope, id);
    this.queue = new Queue(this, 'Queue', {
      enforceSSL: true,
      encryption: QueueEncryption.SQS_MANAGED,
      retentionPeriod: DEAD_LETTER_RETENTION,
    });
    pinLogicalId(this.queue, props.logicalId);
    props.alarms.add(this, 'NotEmpty', {
      description: props.alarmDescription,
      threshold: 1,
      // `sweep` reads the queue every minute and leaves the messages there: invisible meanwhile, but no less dead.
      metric: new MathExpression({
        expression: 'waiting + beingRead',
        label: 'messages in the dead-letter queue',
        usingMetrics: {
          waiting: this.queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum' }),
          beingRead: this.queue.metricApproximateNumberOfMessagesNotVisible({ statistic: 'Maximum' }),
        },
        period: ALARM_PERIOD,
      }),
    });
  }
}

export interface WorkQueueProps {
  /** In kebab case; makes the logical ids. */
  readonly name: string;
  readonly alarms: Alarms;
  /** Timeout of the function that will read it: the queue's visibility timeout is six times that. */
  readonly consumerTimeout: Duration;
  /** Receives before a message is dead-lettered. Every receive counts, also a throttled one and one that only waited. */
  readonly maxReceiveCount: number;
  /** @default - 4 days */
  readonly retention?: Duration;
  /** How long a message may wait, failing or not, before somebody is told; the dead-letter queue hears of it much later. */
  readonly waitAlarm: { readonly after: Duration; readonly description: string };
}

export interface DeliveryProps {
  /** Messages an invocation; up to 10 need no batching window. */
  readonly batchSize: number;
  /** Invocations at once, 2 or more. */
  readonly maxConcurrency: number;
}

/** A queue with its dead-letter queue and the alarm on it. */
export class WorkQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  readonly #consumerTimeout: Duration;

  constructor(scope: Construct, id: string, props: WorkQueueProps) {
    super(scope, id);
    this.#consumerTimeout = props.consumerTimeout;
    const logicalName = toPascalCase(props.name);
    this.deadLetterQueue = new DeadLetterQueue(this, 'DeadLetter', {
      alarms: props.alarms,
      logicalId: `${logicalName}DeadLetterQueue`,
      alarmDescription:
        `Messages of the queue "${props.name}" failed ${props.maxReceiveCount} times and wait in its dead-letter queue. ` +
        'The log of the function that reads the queue says why; after mending, redrive them. They are kept for 14 days from their first send.',
    }).queue;
    this.queue = new Queue(this, 'Queue', {
      enforceSSL: true,
      encryption: QueueEncryption.SQS_MANAGED,
      retentionPeriod: props.retention ?? Duration.days(4),
      visibilityTimeout: Duration.seconds(props.consumerTimeout.toSeconds() * VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT),
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: props.maxReceiveCount },
    });
    pinLogicalId(this.queue, `${logicalName}Queue`);
    props.alarms.add(this, 'Waits', {
      description: props.waitAlarm.description,
      threshold: props.waitAlarm.after.toSeconds(),
      metric: this.queue.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum', period: ALARM_PERIOD }),
    });
  }

  get url(): string {
    return this.queue.queueUrl;
  }

  /** Invokes `consumer` with the queue's messages, without a window; the handler answers for each message by itself. */
  deliverTo(consumer: WatchFunction, { batchSize, maxConcurrency }: DeliveryProps): void {
    if (consumer.timeout.toSeconds() !== this.#consumerTimeout.toSeconds()) {
      throw new Error(
        `${this.node.path} was made for a consumer with a timeout of ${this.#consumerTimeout.toSeconds()} s, ` +
          `got one with ${consumer.timeout.toSeconds()} s`,
      );
    }
    this.grant(consumer, ['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes', 'ChangeMessageVisibility']);
    new EventSourceMapping(this, 'Delivery', {
      target: consumer.function,
      eventSourceArn: this.queue.queueArn,
      batchSize,
      maxConcurrency,
      reportBatchItemFailures: true,
    });
  }

  grantSend(sender: IGrantable): void {
    this.grant(sender, ['SendMessage']);
  }

  /** To look at dead letters, not to take them: a message that is not deleted comes back. */
  grantReadDeadLetters(reader: IGrantable): void {
    reader.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['sqs:ReceiveMessage'], resources: [this.deadLetterQueue.queueArn] }),
    );
  }

  private grant(grantee: IGrantable, actions: readonly string[]): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: actions.map((action) => `sqs:${action}`), resources: [this.queue.queueArn] }),
    );
  }
}
