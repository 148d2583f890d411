import { Duration, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';

export interface AlarmsProps {
  /** Gets every alarm by mail once its owner has confirmed. @default - nobody, until someone subscribes to the topic */
  readonly email?: string;
}

export interface AlarmProps {
  readonly metric: IMetric;
  /** What it means and what to do next: the text of the mail. */
  readonly description: string;
  readonly threshold: number;
  /** @default - at or above the threshold */
  readonly comparison?: ComparisonOperator;
  /** Periods in a row. @default 1 */
  readonly evaluationPeriods?: number;
  /** A heartbeat that stops sends no data at all. @default false */
  readonly missingIsAlarm?: boolean;
}

export const ALARM_PERIOD = Duration.minutes(5);

/** Where every alarm goes: one topic. Constructs take it as a required property, so none is silent by omission. */
export class Alarms extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', { displayName: 'safedep-watch alarms', enforceSSL: true });
    // The refusal of plain HTTP is a policy of the topic's own, and with one of those the account's standing right to publish is gone.
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    if (props.email) this.topic.addSubscription(new EmailSubscription(props.email));
  }

  add(scope: Construct, id: string, props: AlarmProps): void {
    const alarm = new Alarm(scope, id, {
      metric: props.metric,
      alarmDescription: props.description,
      threshold: props.threshold,
      comparisonOperator: props.comparison ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: props.evaluationPeriods ?? 1,
      treatMissingData: props.missingIsAlarm ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
  }
}
