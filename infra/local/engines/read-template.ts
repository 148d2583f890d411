import { type EventSourceMappingPlan, type FunctionPlan, type Plan, TemplateError } from './plan.ts';
import { readAsyncInvoke, readEventBus, readRule, readSchedule } from './read-events.ts';
import { readEventSourceMapping, readFunction, readFunctionUrl, readHttpApis } from './read-functions.ts';
import { readQueue, readRotation, readSecret, readTable } from './read-stores.ts';
import { Stacks, type StackTemplate, type TemplateResource } from './stacks.ts';

export type { StackTemplate } from './stacks.ts';

/**
 * Reads the templates of one app (several stacks may import from each other) into a plan. Pure.
 * `parameters` gives values to template parameters that have no default. Throws `TemplateError`, naming the resource and its type, for
 * whatever the engines cannot run: a resource is never skipped, and a property that nobody reads is never ignored in silence.
 */
export function readTemplate(templates: readonly StackTemplate[], parameters: Readonly<Record<string, string>> = {}): Plan {
  const stacks = new Stacks(templates, parameters);
  const resources = stacks.resources();
  const ofType = <T>(type: string, read: (resource: TemplateResource) => T): T[] =>
    resources.filter((resource) => resource.type === type).map(read);

  const asyncInvokes = ofType('AWS::Lambda::EventInvokeConfig', readAsyncInvoke);
  const functions = ofType('AWS::Lambda::Function', readFunction).map((plan): FunctionPlan => {
    const configured = asyncInvokes.find(({ functionName }) => isNameOf(plan, functionName));
    return configured ? { ...plan, asyncInvoke: { ...plan.asyncInvoke, ...configured.asyncInvoke } } : plan;
  });
  const plan: Plan = {
    tables: [...ofType('AWS::DynamoDB::Table', readTable), ...ofType('AWS::DynamoDB::GlobalTable', readTable)],
    queues: ofType('AWS::SQS::Queue', readQueue),
    secrets: ofType('AWS::SecretsManager::Secret', readSecret),
    rotations: ofType('AWS::SecretsManager::RotationSchedule', readRotation),
    eventBuses: ofType('AWS::Events::EventBus', readEventBus),
    rules: ofType('AWS::Events::Rule', readRule),
    schedules: ofType('AWS::Scheduler::Schedule', readSchedule),
    functions,
    eventSourceMappings: ofType('AWS::Lambda::EventSourceMapping', readEventSourceMapping).map(({ functionName, ...mapping }) => ({
      ...mapping,
      functionArn: functions.find((candidate) => isNameOf(candidate, functionName))?.arn ?? functionName,
    })),
    httpFronts: [...ofType('AWS::Lambda::Url', readFunctionUrl), ...readHttpApis(resources)],
    outputs: stacks.outputs(),
  };
  checkConnections(plan);
  return plan;
}

const isNameOf = (plan: FunctionPlan, nameOrArn: string): boolean => plan.name === nameOrArn || plan.arn === nameOrArn;

/** Everything that points at something must point at something of these templates. */
function checkConnections(plan: Plan): void {
  const queues = new Map(plan.queues.map((queue) => [queue.arn, queue]));
  const functions = new Map(plan.functions.map((found) => [found.arn, found]));
  const buses = new Set(['default', ...plan.eventBuses.map(({ name }) => name)]);
  const fail = ({ stackName, logicalId }: { stackName: string; logicalId: string }, problem: string): never => {
    throw new TemplateError(`${stackName}/${logicalId}: ${problem}`);
  };
  for (const queue of plan.queues) {
    if (queue.redrive && !queues.has(queue.redrive.deadLetterQueueArn)) {
      fail(queue, `its dead-letter queue ${queue.redrive.deadLetterQueueArn} is not in the templates`);
    }
  }
  for (const owner of [...plan.rules, ...plan.schedules]) {
    for (const target of 'targets' in owner ? owner.targets : [owner.target]) {
      if (!queues.has(target.arn) && !functions.has(target.arn)) {
        fail(owner, `its target ${target.arn} is neither a queue nor a function of the templates`);
      }
      if (target.deadLetterQueueArn !== undefined && !queues.has(target.deadLetterQueueArn)) {
        fail(owner, `its dead-letter queue ${target.deadLetterQueueArn} is not in the templates`);
      }
    }
  }
  for (const rule of plan.rules) {
    if (!buses.has(rule.eventBusName)) fail(rule, `its event bus ${rule.eventBusName} is not in the templates`);
  }
  for (const target of plan.functions) {
    for (const arn of [target.asyncInvoke.onFailureArn, target.asyncInvoke.deadLetterQueueArn]) {
      if (arn !== undefined && !queues.has(arn)) fail(target, `its failure destination ${arn} is no queue of the templates`);
    }
  }
  for (const rotation of plan.rotations) {
    if (!plan.secrets.some(({ arn }) => arn === rotation.secretArn))
      fail(rotation, `its secret ${rotation.secretArn} is not in the templates`);
    if (!functions.has(rotation.functionArn)) fail(rotation, `its function ${rotation.functionArn} is not in the templates`);
  }
  for (const mapping of plan.eventSourceMappings) checkMapping(mapping, queues, functions, fail);
  for (const front of plan.httpFronts) {
    for (const route of front.routes) {
      if (!functions.has(route.functionArn)) fail(front, `its function ${route.functionArn} is not in the templates`);
    }
  }
}

function checkMapping(
  mapping: EventSourceMappingPlan,
  queues: ReadonlyMap<string, Plan['queues'][number]>,
  functions: ReadonlyMap<string, FunctionPlan>,
  fail: (owner: EventSourceMappingPlan, problem: string) => never,
): void {
  const queue = queues.get(mapping.queueArn) ?? fail(mapping, `its queue ${mapping.queueArn} is not in the templates`);
  const target = functions.get(mapping.functionArn) ?? fail(mapping, `its function ${mapping.functionArn} is not in the templates`);
  if (queue.visibilityTimeoutSeconds < target.timeoutSeconds) {
    fail(
      mapping,
      `AWS refuses it: the queue's visibility timeout (${queue.visibilityTimeoutSeconds} s) is shorter than the function's timeout (${target.timeoutSeconds} s)`,
    );
  }
}
