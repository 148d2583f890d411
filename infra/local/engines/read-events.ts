import { compilePattern, EventPatternError } from './event-pattern.ts';
import { isRecord } from './intrinsics.ts';
import type { AsyncInvokePlan, EventBusPlan, RulePlan, SchedulePlan, TargetPlan } from './plan.ts';
import type { Properties } from './properties.ts';
import { toResource } from './read-stores.ts';
import type { TemplateResource } from './stacks.ts';

/** AWS's default for asynchronous events (Lambda API, PutFunctionEventInvokeConfig). */
export const DEFAULT_ASYNC_INVOKE: AsyncInvokePlan = { maximumRetryAttempts: 2 };

export function readEventBus(resource: TemplateResource): EventBusPlan {
  resource.properties.withoutLocalEffect('Name', 'Description', 'KmsKeyIdentifier', 'LogConfig', 'Policy', 'Tags').done();
  return toResource(resource);
}

/** A rule with an event pattern. Rules with a schedule are refused: the scheduler is what this app uses for time. */
export function readRule(resource: TemplateResource): RulePlan {
  const { properties } = resource;
  properties.withoutLocalEffect('Name', 'Description', 'RoleArn', 'Tags');
  const pattern = properties.value('EventPattern');
  if (!isRecord(pattern)) return properties.refuse('EventPattern is missing: rules with a schedule are not run here');
  checkPattern(properties, pattern);
  const rule: RulePlan = {
    ...toResource(resource),
    eventBusName: nameOfBus(properties.string('EventBusName') ?? 'default'),
    pattern,
    enabled: readState(properties),
    targets: properties.children('Targets').map((target) => {
      target.withoutLocalEffect('Id');
      return readTarget(target);
    }),
  };
  properties.done();
  return rule;
}

/** A schedule of EventBridge Scheduler. A flexible window is run at its start. */
export function readSchedule(resource: TemplateResource): SchedulePlan {
  const { properties } = resource;
  properties.withoutLocalEffect('Name', 'Description', 'GroupName', 'FlexibleTimeWindow', 'KmsKeyArn');
  const target = properties.child('Target') ?? properties.refuse('Target is missing');
  const schedule: SchedulePlan = {
    ...toResource(resource),
    expression: properties.requiredString('ScheduleExpression'),
    timeZone: properties.string('ScheduleExpressionTimezone') ?? 'UTC',
    enabled: readState(properties),
    target: readTarget(target),
  };
  properties.done();
  return schedule;
}

/** How a function's failed asynchronous events are handled, and which function that is (name, ARN or `NAME:$LATEST`). */
export function readAsyncInvoke(resource: TemplateResource): { functionName: string; asyncInvoke: AsyncInvokePlan } {
  const { properties } = resource;
  properties.withoutLocalEffect('MaximumEventAgeInSeconds');
  properties.only('Qualifier', '$LATEST');
  const destination = properties.child('DestinationConfig');
  const onFailureArn = destination?.child('OnFailure')?.requiredString('Destination');
  const found = {
    functionName: properties.requiredString('FunctionName'),
    asyncInvoke: {
      maximumRetryAttempts: properties.number('MaximumRetryAttempts') ?? DEFAULT_ASYNC_INVOKE.maximumRetryAttempts,
      ...(onFailureArn === undefined ? {} : { onFailureArn }),
    },
  };
  properties.done();
  return found;
}

function checkPattern(properties: Properties, pattern: Record<string, unknown>): void {
  try {
    compilePattern(pattern);
  } catch (error) {
    if (error instanceof EventPatternError) properties.refuse(`EventPattern: ${error.message}`);
    throw error;
  }
}

function readTarget(target: Properties): TargetPlan {
  // The engines' own deliveries do not fail and are not retried; the right to deliver is AWS's matter.
  target.withoutLocalEffect('RoleArn', 'RetryPolicy');
  const input = target.string('Input');
  const inputPath = target.string('InputPath');
  const deadLetterQueueArn = target.child('DeadLetterConfig')?.string('Arn');
  return {
    arn: target.requiredString('Arn'),
    ...(input === undefined ? {} : { input }),
    ...(inputPath === undefined ? {} : { inputPath }),
    ...(deadLetterQueueArn === undefined ? {} : { deadLetterQueueArn }),
  };
}

function readState(properties: Properties): boolean {
  const state = properties.string('State') ?? 'ENABLED';
  if (state !== 'ENABLED' && state !== 'DISABLED') return properties.refuse(`State = ${state} is not run by the local engines`);
  return state === 'ENABLED';
}

const nameOfBus = (nameOrArn: string): string => nameOrArn.replace(/^arn:.*:event-bus\//, '');
