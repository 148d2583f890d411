/**
 * A process that has a function's process as its child, for tests that kill the parent. Arguments: the bundle's folder and `freeze` or
 * `run`. Prints the child's process id once the child has answered, then waits.
 */
import { LambdaRuntime } from '../../../../infra/local/engines/lambda-runtime.ts';
import { probePlan } from './probe-plan.ts';

const [, , codePath = '', mode] = process.argv;
const plan = probePlan({ codePath });
const runtime = new LambdaRuntime([plan], {
  variables: () => ({ LAMBDA_TASK_ROOT: codePath, _HANDLER: plan.handler }),
  log: ({ line }) => console.error(line),
  freeze: mode === 'freeze',
  maximumEnvironments: () => 1,
});
const result = await runtime.invoke(plan.name, JSON.stringify({ do: 'pid' }));
console.log(result.ok ? result.payload : result.errorMessage);
if (mode === 'busy') void runtime.invoke(plan.name, JSON.stringify({ do: 'spin' }));
setInterval(() => undefined, 60_000);
