import type { FunctionPlan } from '../../../../infra/local/engines/plan.ts';

/** The probe as a function of a plan; `over` wins. `codePath` is where its bundle is. */
export function probePlan(over: Partial<FunctionPlan>): FunctionPlan {
  const name = over.name ?? 'probe';
  return {
    stackName: 'App',
    logicalId: 'Probe',
    name,
    arn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
    handler: 'index.handler',
    runtime: 'nodejs24.x',
    codePath: '',
    timeoutSeconds: 10,
    memoryMb: 256,
    environment: {},
    asyncInvoke: { maximumRetryAttempts: 2 },
    ...over,
  };
}
