import { type Duration, Validations } from 'aws-cdk-lib';
import { ComparisonOperator } from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type IScheduleTarget, Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import { ALARM_PERIOD, type Alarms } from './alarms.ts';
import type { WatchFunction } from './watch-function.ts';
import { DeadLetterQueue } from './work-queue.ts';

export interface RecurringRunProps {
  readonly runs: WatchFunction;
  readonly every: Duration;
  readonly alarms: Alarms;
  /** Logical id of the queue with the runs that the scheduler could not start. */
  readonly deadLetterLogicalId: string;
  /** What stays undone while it does not run: the alarms' text. */
  readonly impact: string;
}

/** Periods without a run, or with a failed one, before somebody is told. */
const ALARM_PERIODS = 2;

/** Runs a function at a fixed rate, with `{"scheduled": true}`, and says when it fails or stops. */
export class RecurringRun extends Construct {
  constructor(scope: Construct, id: string, { runs, every, alarms, deadLetterLogicalId, impact }: RecurringRunProps) {
    super(scope, id);
    const { queue: deadLetterQueue } = new DeadLetterQueue(this, 'DeadLetter', {
      alarms,
      logicalId: deadLetterLogicalId,
      alarmDescription: `A scheduled run could not be started. ${impact} The message says why; later runs make up for it, then purge the queue.`,
    });
    Validations.of(deadLetterQueue).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is the dead-letter queue of a schedule, which the rule does not look for',
    });

    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('scheduler.amazonaws.com') });
    role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [runs.function.functionArn] }));
    role.addToPolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [deadLetterQueue.queueArn] }));
    // The library's own target also grants every version of the function.
    const target: IScheduleTarget = {
      bind: () => ({
        arn: runs.function.functionArn,
        role,
        input: ScheduleTargetInput.fromObject({ scheduled: true }),
        deadLetterConfig: { arn: deadLetterQueue.queueArn },
        // A run that is late by a whole interval has been overtaken by the next.
        retryPolicy: { maximumRetryAttempts: 3, maximumEventAgeInSeconds: every.toSeconds() },
      }),
    };
    new Schedule(this, 'Schedule', { schedule: ScheduleExpression.rate(every), target, description: runs.node.id });

    alarms.add(this, 'Failing', {
      metric: runs.function.metricErrors({ period: ALARM_PERIOD, statistic: 'Sum' }),
      threshold: 1,
      evaluationPeriods: ALARM_PERIODS,
      description: `Runs keep failing. ${impact} The function's log says why.`,
    });
    alarms.add(this, 'Silent', {
      metric: runs.function.metricInvocations({ period: ALARM_PERIOD, statistic: 'Sum' }),
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: ALARM_PERIODS + 1,
      missingIsAlarm: true,
      description: `It has not run for ${ALARM_PERIOD.toMinutes() * (ALARM_PERIODS + 1)} minutes. ${impact} Is its schedule enabled?`,
    });
  }
}
