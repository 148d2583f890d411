/**
 * What runs in a function's process: the loop of AWS's Lambda Runtime API (2018-06-01). Plain JavaScript, so that nothing has to be
 * stripped or bundled before a function can start. It needs AWS_LAMBDA_RUNTIME_API, LAMBDA_TASK_ROOT and _HANDLER.
 */
import { existsSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const API = '/2018-06-01/runtime';

// The engine holds the other end: when its process dies, however it dies, this one ends too.
process.stdin.on('end', () => process.exit(0)).resume();
// Ctrl-C goes to the whole process group; the engine decides when a function ends.
process.on('SIGINT', () => undefined);

function call(method, path, headers = {}, body = '') {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host, port, agent, method, path: API + path, headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
      (answer) => {
        const chunks = [];
        answer.on('data', (chunk) => chunks.push(chunk));
        answer.on('end', () => resolve({ headers: answer.headers, body: Buffer.concat(chunks).toString() }));
        answer.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

function describe(error, errorType) {
  const isError = error instanceof Error;
  return JSON.stringify({
    errorType: errorType ?? (isError ? error.name : typeof error),
    errorMessage: isError ? error.message : String(error),
    trace: isError && error.stack ? error.stack.split('\n') : [],
  });
}

let requestId;

async function endWith(error, errorType, exitCode) {
  const path = requestId === undefined ? '/init/error' : `/invocation/${requestId}/error`;
  await call('POST', path, { 'lambda-runtime-function-error-type': errorType }, describe(error, errorType)).catch(() => undefined);
  process.exit(exitCode);
}
process.on('unhandledRejection', (reason) => void endWith(reason, 'Runtime.UnhandledPromiseRejection', 128));
process.on('uncaughtException', (error) => void endWith(error, error?.name ?? 'Runtime.UncaughtException', 129));

async function loadHandler() {
  const name = process.env._HANDLER;
  const dot = name.lastIndexOf('.');
  const base = join(process.env.LAMBDA_TASK_ROOT, name.slice(0, dot));
  const file = ['.mjs', '.js', '.cjs'].map((extension) => base + extension).find(existsSync);
  if (file === undefined) throw Object.assign(new Error(`Cannot find module '${base}'`), { name: 'Runtime.ImportModuleError' });
  const module = await import(pathToFileURL(file).href);
  const handler = module[name.slice(dot + 1)] ?? module.default?.[name.slice(dot + 1)];
  if (typeof handler === 'function') return handler;
  throw Object.assign(new Error(`${name} is undefined or not exported`), { name: 'Runtime.HandlerNotFound' });
}

async function run(handler, event, headers) {
  const deadlineMs = Number(headers['lambda-runtime-deadline-ms']);
  const context = {
    awsRequestId: requestId,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
  try {
    const result = await handler(JSON.parse(event), context);
    return ['response', JSON.stringify(result === undefined ? null : result)];
  } catch (error) {
    return ['error', describe(error)];
  }
}

let handler;
try {
  handler = await loadHandler();
} catch (error) {
  await endWith(error, error?.name ?? 'Runtime.InitError', 1);
}
flushCompileCache();

for (;;) {
  const next = await call('GET', '/invocation/next');
  requestId = next.headers['lambda-runtime-aws-request-id'];
  const [outcome, body] = await run(handler, next.body, next.headers);
  await call('POST', `/invocation/${requestId}/${outcome}`, { 'content-type': 'application/json' }, body);
}
