import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { InvokeResult, LogLine } from '../../../../infra/local/engines/lambda-environment.ts';
import { LambdaRuntime, type LambdaRuntimeOptions } from '../../../../infra/local/engines/lambda-runtime.ts';
import type { FunctionPlan } from '../../../../infra/local/engines/plan.ts';
import { probePlan } from './probe-plan.ts';
import { bundleProbe, makeTemporaryDirectory } from './probe-stack.ts';

const directory = makeTemporaryDirectory();
beforeAll(() => bundleProbe(directory.path));
afterAll(directory.remove);

const runtimes: LambdaRuntime[] = [];
afterEach(async () => {
  await Promise.all(runtimes.splice(0).map((runtime) => runtime.stop()));
});

function start(over: Partial<FunctionPlan> = {}, options: Partial<LambdaRuntimeOptions> = {}) {
  const plan = probePlan({ codePath: directory.path, ...over });
  const lines: LogLine[] = [];
  const runtime = new LambdaRuntime([plan], {
    variables: () => ({ LAMBDA_TASK_ROOT: plan.codePath, _HANDLER: plan.handler, ...plan.environment }),
    log: (line) => lines.push(line),
    freeze: false,
    maximumEnvironments: () => 2,
    ...options,
  });
  runtimes.push(runtime);
  const invoke = (event: unknown): Promise<InvokeResult> => runtime.invoke('Probe', JSON.stringify(event));
  return { runtime, lines, invoke };
}

const payloadOf = (result: InvokeResult): unknown => (result.ok ? JSON.parse(result.payload) : result);

/** Waits for what another process does; fails by the test's own timeout. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(10);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

describe('an invocation', () => {
  it('gives the answer, and the same process serves the next event', async () => {
    const { invoke } = start();
    expect(payloadOf(await invoke({ do: 'echo', value: { deep: ['ä'] } }))).toEqual({ deep: ['ä'] });
    expect(payloadOf(await invoke({ do: 'nothing' }))).toBeNull();
    expect(payloadOf(await invoke({ do: 'pid' }))).toBe(payloadOf(await invoke({ do: 'pid' })));
  });

  it('knows how much time it has left, and who it is', async () => {
    const { invoke } = start({ timeoutSeconds: 7 });
    const { ms, context } = payloadOf(await invoke({ do: 'remaining' })) as { ms: number; context: Record<string, unknown> };
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThanOrEqual(7000);
    expect(context['invokedFunctionArn']).toBe('arn:aws:lambda:us-east-1:000000000000:function:probe');
    expect(context['awsRequestId']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('sees the variables that it is given and nothing of this process', async () => {
    process.env['PROBE_SECRET'] = 'not for functions';
    const { invoke } = start({ environment: { TENANT: 'acme' } });
    const variables = payloadOf(await invoke({ do: 'environment' })) as Record<string, string>;
    delete process.env['PROBE_SECRET'];
    expect(Object.keys(variables).sort()).toEqual(['AWS_LAMBDA_RUNTIME_API', 'LAMBDA_TASK_ROOT', 'TENANT', '_HANDLER']);
  });

  it('that throws is an error, and its process goes on', async () => {
    const { invoke, lines } = start();
    const before = payloadOf(await invoke({ do: 'pid' }));
    expect(await invoke({ do: 'throw', message: 'on purpose' })).toMatchObject({
      ok: false,
      reason: 'error',
      errorType: 'RangeError',
      errorMessage: 'on purpose',
    });
    expect(payloadOf(await invoke({ do: 'pid' }))).toBe(before);
    expect(lines.some(({ line }) => line.includes('Invoke Error') && line.includes('on purpose'))).toBe(true);
  });

  it('that runs into its time is killed, and the next event has a new process', async () => {
    const { invoke } = start({ timeoutSeconds: 1 });
    const before = Number(payloadOf(await invoke({ do: 'pid' })));
    for (const action of ['hang', 'spin']) {
      const result = await invoke({ do: action });
      expect(result).toMatchObject({ ok: false, reason: 'timeout', errorType: 'Sandbox.Timedout' });
      expect(result).toHaveProperty('errorMessage', `RequestId: ${result.requestId} Error: Task timed out after 1.00 seconds`);
    }
    expect(payloadOf(await invoke({ do: 'pid' }))).not.toBe(before);
    expect(isAlive(before)).toBe(false);
  });

  it('whose process ends is a crash, and the next event has a new process', async () => {
    const { invoke } = start();
    expect(await invoke({ do: 'exit', code: 3 })).toMatchObject({
      ok: false,
      reason: 'exit',
      errorMessage: 'Runtime exited with error: exit status 3',
    });
    expect(await invoke({ do: 'reject' })).toMatchObject({ reason: 'error', errorType: 'Runtime.UnhandledPromiseRejection' });
    expect(payloadOf(await invoke({ do: 'echo', value: 1 }))).toBe(1);
  });

  it('can be killed while it runs', async () => {
    const { invoke, runtime, lines } = start();
    expect(runtime.kill('Probe')).toBe(false);
    await invoke({ do: 'echo' });
    const running = invoke({ do: 'hang' });
    await sleep(20);
    expect(runtime.kill('Probe')).toBe(true);
    expect(await running).toMatchObject({ ok: false, reason: 'exit', errorMessage: 'Runtime exited with error: signal: killed' });
    expect(payloadOf(await invoke({ do: 'echo', value: 2 }))).toBe(2);
    expect(lines).toEqual([]);
  });

  it('of a function that cannot start gets the reason, each time', async () => {
    const { invoke, runtime } = start({ environment: { FAIL_AT_INIT: 'yes' } });
    runtime.warm('Probe', 2);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await invoke({ do: 'echo' })).toMatchObject({
        ok: false,
        reason: 'init',
        errorType: 'TypeError',
        errorMessage: 'no settings',
      });
    }
    const missing = start({ handler: 'gone.handler' });
    expect(await missing.invoke({})).toMatchObject({ reason: 'init', errorType: 'Runtime.ImportModuleError' });
    const unnamed = start({ handler: 'index.other' });
    expect(await unnamed.invoke({})).toMatchObject({ reason: 'init', errorType: 'Runtime.HandlerNotFound' });
  });

  it('is refused when event or answer is above 6 MB', async () => {
    const { invoke } = start();
    expect(await invoke({ do: 'echo', value: 'x'.repeat(6 * 1_048_576) })).toMatchObject({ errorType: 'RequestTooLargeException' });
    expect(await invoke({ do: 'long', bytes: 6 * 1_048_576 })).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' });
    expect(await invoke({ do: 'long', bytes: 6 * 1_048_576 - 2 })).toMatchObject({ ok: true });
  });

  it('hands on what the function prints, with its request id', async () => {
    const { invoke, lines } = start();
    const { requestId } = await invoke({ do: 'print', line: 'hello' });
    await until(() => lines.length >= 2);
    expect(lines).toContainEqual({ functionName: 'probe', requestId, stream: 'stdout', line: 'hello' });
    expect(lines).toContainEqual({ functionName: 'probe', requestId, stream: 'stderr', line: 'hello on stderr' });
  });
});

describe('concurrency', () => {
  it('throttles above what is reserved', async () => {
    const { invoke } = start({ reservedConcurrentExecutions: 2 }, { maximumEnvironments: () => 10 });
    const results = await Promise.all([1, 2, 3].map(() => invoke({ do: 'sleep', ms: 50 })));
    expect(results.map(({ ok }) => ok)).toEqual([true, true, false]);
    expect(results[2]).toMatchObject({ reason: 'throttled', errorType: 'TooManyRequestsException' });
  });

  it('lets events wait above the number of processes', async () => {
    const { invoke } = start({}, { maximumEnvironments: () => 2 });
    const pids = await Promise.all(Array.from({ length: 8 }, () => invoke({ do: 'pid' }).then(payloadOf)));
    expect(pids.every((pid) => typeof pid === 'number')).toBe(true);
    expect(new Set(pids).size).toBeLessThanOrEqual(2);
  });

  it('uses idle processes in turn, so that each of them has run the code before a burst comes', async () => {
    const { invoke, runtime } = start({}, { maximumEnvironments: () => 3 });
    runtime.warm('Probe', 3);
    const pidsOf = async (calls: number): Promise<Set<unknown>> => {
      const pids = new Set<unknown>();
      for (let call = 0; call < calls; call += 1) {
        pids.add(payloadOf(await invoke({ do: 'pid' })));
        // One that has answered is idle only when it asks for its next event.
        await sleep(20);
      }
      return pids;
    };
    while ((await pidsOf(3)).size < 3); // until all have started
    expect((await pidsOf(12)).size).toBe(3);
  });

  it('ends running and waiting events when it is stopped', async () => {
    const { invoke, runtime } = start({}, { maximumEnvironments: () => 1 });
    const pid = Number(payloadOf(await invoke({ do: 'pid' })));
    const results = Promise.all([invoke({ do: 'hang' }), invoke({ do: 'echo' })]);
    await runtime.stop();
    expect((await results).map((result) => (result.ok ? 'ok' : result.reason))).toEqual(['stopped', 'stopped']);
    expect(await invoke({ do: 'echo' })).toMatchObject({ reason: 'stopped' });
    expect(isAlive(pid)).toBe(false);
  });
});

describe.skipIf(process.platform === 'win32')('freezing', () => {
  it('lets no timer run between two events', async () => {
    const frozen = start({}, { freeze: true });
    const free = start();
    const ticksIn = async ({ invoke }: ReturnType<typeof start>): Promise<number> => {
      const before = Number(payloadOf(await invoke({ do: 'ticks' })));
      await sleep(500);
      return Number(payloadOf(await invoke({ do: 'ticks' }))) - before;
    };
    const [frozenTicks, freeTicks] = [await ticksIn(frozen), await ticksIn(free)];
    // A timer that was due while the process stood still fires once when it goes on.
    expect(frozenTicks).toBeLessThanOrEqual(3);
    expect(freeTicks).toBeGreaterThan(frozenTicks);
  });

  it('does not keep a stopped process from being stopped for good', async () => {
    const { invoke, runtime } = start({}, { freeze: true });
    const pid = Number(payloadOf(await invoke({ do: 'pid' })));
    await sleep(50);
    await runtime.stop();
    expect(isAlive(pid)).toBe(false);
  });
});

describe.skipIf(process.platform === 'win32')('the death of the parent', () => {
  for (const [mode, signal] of [
    ['run', 'SIGKILL'],
    ['freeze', 'SIGKILL'],
    ['busy', 'SIGKILL'],
    ['freeze', 'SIGTERM'],
  ] as const) {
    it(`by ${signal} ends its functions (${mode})`, async () => {
      const script = fileURLToPath(new URL('./probe-parent.ts', import.meta.url));
      const parent = spawn(process.execPath, [script, directory.path, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = await once(createInterface(parent.stdout), 'line');
      const pid = Number(line);
      expect(pid).toBeGreaterThan(0);
      await sleep(50);
      expect(isAlive(pid)).toBe(true);
      parent.kill(signal);
      const [, endedBy] = await once(parent, 'exit');
      expect(endedBy).toBe(signal);
      await until(() => !isAlive(pid));
    });
  }
});
