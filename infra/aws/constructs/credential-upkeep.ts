import { Duration, Stack } from 'aws-cdk-lib';
import { ComparisonOperator, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { CfnRotationSchedule } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import {
  AUTHENTICATION_FAILURES,
  type AuthenticationFailure,
  IDENTITY_DIMENSION,
  type IdentityMetrics,
  METRICS_NAMESPACE,
} from '../../../shared/aws/metrics.ts';
import type { StateStack } from '../stacks/state.ts';
import { ALARM_PERIOD, type Alarms } from './alarms.ts';
import { RecurringRun } from './recurring-run.ts';
import type { StaticEgress } from './static-egress.ts';
import { WatchFunction } from './watch-function.ts';

export interface CredentialUpkeepProps {
  readonly state: StateStack;
  /** Folder of the bundle of `rotate`. */
  readonly bundle: string;
  readonly tenant: string;
  readonly alarms: Alarms;
  /** `off` leaves the API key to the operator. */
  readonly rotateApiKey: 'on' | 'off';
  /** `on` keeps one execution for `rotate`, and no more. */
  readonly reservedConcurrency: 'on' | 'off';
  /** When somebody is told that the robot user's sign-in grows old. */
  readonly signInMaxAge: Duration;
  readonly egress?: StaticEgress;
}

/** Two thirds of a key's ninety days: a month for whatever goes wrong. */
const ROTATE_EVERY_DAYS = 60;
/** Somebody is told that a key ends in so many days, after `rotate` itself has had eleven to mend it. */
const KEY_ENDS_SOON_DAYS = 14;
/** Three tries to get new tokens, each with its claim. */
const TIMEOUT = Duration.minutes(2);
/** Calls refused in a period before somebody is told: a rotated credential that a process learns of by a refusal costs one or two. */
const REFUSED_CALLS = 20;

const REFUSALS: Readonly<Record<AuthenticationFailure, string>> = {
  'sign-in':
    'SafeDep refuses the API key or the service JWT. Was it deleted, or has it ended? The log of worker or report says which. ' +
    'A key: npm run cli -- key rotate; a sign-in: npm run cli -- auth login --service. Look-ups and reports wait meanwhile.',
  'missing-entitlement':
    'SafeDep takes the credential and refuses the call: the plan of the tenant, or the role of the robot user, does not include it. ' +
    'The log of worker or report says what is missing; ask SafeDep, or the owner of the tenant.',
  unreadable:
    'The secret of the API key or of the service JWT has no value, is malformed or cannot be read. ' +
    'The log of worker or report says which; its form stands in the description of the secret.',
};

/** The function `rotate`, what makes it run, and everything that somebody should hear of the credentials for SafeDep. */
export class CredentialUpkeep extends Construct {
  readonly function: WatchFunction<'rotate'>;

  constructor(scope: Construct, id: string, props: CredentialUpkeepProps) {
    super(scope, id);
    const { state, alarms } = props;
    const rotate = new WatchFunction(this, 'Rotate', {
      name: 'rotate',
      description: 'Keeps the sign-in at SafeDep alive and replaces the API key',
      bundle: props.bundle,
      timeout: TIMEOUT,
      memorySizeMiB: 512,
      // The refresh token has one writer. The claim in DynamoDB decides; this keeps them from meeting there.
      ...(props.reservedConcurrency === 'on' ? { reservedConcurrentExecutions: 1 } : {}),
      environment: {
        TENANT: props.tenant,
        SETTINGS_TABLE_NAME: state.settings.table.tableName,
        RATE_LIMITS_TABLE_NAME: state.rateLimits.table.tableName,
        IDENTITY_TABLE_NAME: state.identity.table.tableName,
        SAFEDEP_API_KEY_SECRET_ID: state.safeDepApiKey.secretArn,
        SAFEDEP_SERVICE_JWT_SECRET_ID: state.safeDepServiceJwt.secretArn,
        SAFEDEP_REFRESH_TOKEN_SECRET_ID: state.safeDepRefreshToken.secretArn,
      },
      ...(props.egress ? { egress: props.egress } : {}),
    });
    this.function = rotate;
    state.settings.grant(rotate, ['Query']);
    state.rateLimits.grant(rotate, ['GetItem', 'PutItem', 'UpdateItem']);
    state.identity.grant(rotate, ['GetItem', 'UpdateItem']);
    for (const secret of [state.safeDepApiKey, state.safeDepServiceJwt, state.safeDepRefreshToken]) secret.grantReplace(rotate);
    new RecurringRun(this, 'Schedule', {
      runs: rotate,
      every: Duration.minutes(5),
      alarms,
      deadLetterLogicalId: 'RotateScheduleDeadLetterQueue',
      impact: 'The sign-in at SafeDep is not kept alive, and nobody looks after the API key.',
    });
    if (props.rotateApiKey === 'on') this.#rotateApiKey(rotate, props);
    this.#watch(props);
  }

  #rotateApiKey(rotate: WatchFunction, { state, alarms }: CredentialUpkeepProps): void {
    const functionArn = rotate.function.functionArn;
    const permission = new CfnPermission(this, 'RotationPermission', {
      action: 'lambda:InvokeFunction',
      functionName: functionArn,
      principal: 'secretsmanager.amazonaws.com',
      sourceAccount: Stack.of(this).account,
    });
    const schedule = new CfnRotationSchedule(this, 'Rotation', {
      secretId: state.safeDepApiKey.secretArn,
      rotationLambdaArn: functionArn,
      rotationRules: { automaticallyAfterDays: ROTATE_EVERY_DAYS },
      // A deployment changes no key; in a new stack there is none yet.
      rotateImmediatelyOnUpdate: false,
    });
    schedule.addResourceDependency(permission);
    // What is stuck or overdue is begun anew, for which Secrets Manager wants both rights. Beside the role's own policy, which the function
    // waits for: this one waits for the function.
    const again = new Policy(this, 'RotateAgain', {
      statements: [
        new PolicyStatement({ actions: ['secretsmanager:RotateSecret'], resources: [state.safeDepApiKey.secretArn] }),
        new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [functionArn] }),
      ],
    });
    rotate.attach(again);
    alarms.add(this, 'RotationFailed', {
      metric: identityMetric('rotationFailed', 'Sum'),
      threshold: 1,
      description:
        'A step of the rotation of the API key failed; Secrets Manager tries again, and the key in use stays good until it ends. ' +
        'The log of rotate says why. Nobody signed in: npm run cli -- auth login --service.',
    });
  }

  #watch({ alarms, signInMaxAge }: CredentialUpkeepProps): void {
    alarms.add(this, 'SignInNeeded', {
      metric: identityMetric('signInNeeded', 'Maximum'),
      threshold: 1,
      description:
        'The identity provider rejects the refresh token: the robot user has to sign in again, by npm run cli -- auth login --service. ' +
        'Reports go out with the API key until then; the key is not rotated.',
    });
    alarms.add(this, 'SignInGrowsOld', {
      metric: identityMetric('refreshTokenAgeDays', 'Maximum'),
      threshold: signInMaxAge.toDays(),
      description:
        `The robot user signed in ${signInMaxAge.toDays()} days ago. How long a sign-in can be kept alive is not documented: sign in again ` +
        'by npm run cli -- auth login --service, or deploy with -c signInMaxAgeDays=N where you know that it lives longer.',
    });
    alarms.add(this, 'ApiKeyEndsSoon', {
      metric: identityMetric('apiKeyLeftDays', 'Minimum'),
      threshold: KEY_ENDS_SOON_DAYS,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      description:
        `The API key ends in less than ${KEY_ENDS_SOON_DAYS} days, and its rotation has not replaced it; then every look-up stops. ` +
        'The log of rotate says why. By hand: npm run cli -- key rotate.',
    });
    for (const failure of AUTHENTICATION_FAILURES) {
      alarms.add(this, `Refused-${failure}`, {
        metric: new Metric({
          namespace: METRICS_NAMESPACE,
          metricName: 'authenticationFailures',
          dimensionsMap: { failure },
          statistic: 'Sum',
          period: ALARM_PERIOD,
        }),
        threshold: REFUSED_CALLS,
        description: REFUSALS[failure],
      });
    }
  }
}

function identityMetric(metricName: keyof IdentityMetrics, statistic: 'Sum' | 'Maximum' | 'Minimum'): Metric {
  return new Metric({ namespace: METRICS_NAMESPACE, metricName, dimensionsMap: IDENTITY_DIMENSION, statistic, period: ALARM_PERIOD });
}
