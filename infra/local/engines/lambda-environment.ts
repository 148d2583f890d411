import { type ChildProcess, spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ChildGuard } from './child-guard.ts';
import { isRecord } from './intrinsics.ts';
import { type LoopbackServer, listenOnLoopback, readBody } from './loopback-server.ts';
import type { FunctionPlan } from './plan.ts';

const BOOTSTRAP = fileURLToPath(new URL('./bootstrap.mjs', import.meta.url));
const API = '/2018-06-01/runtime';
/** Lambda's limit of a synchronous request and of its answer (6 MB). */
export const MAXIMUM_PAYLOAD_BYTES = 6 * 1_048_576;
/** Lambda gives a function this time before its first event, and, when that was not enough, starts it again within its own timeout. */
const INIT_TIMEOUT_SECONDS = 10;

/** Why an invocation has no answer of the function. `exit` is a process that ended by itself or was killed. */
type FailureReason = 'throttled' | 'error' | 'timeout' | 'exit' | 'init' | 'too-large' | 'stopped';

export interface Failure {
  readonly ok: false;
  readonly reason: FailureReason;
  readonly errorType: string;
  readonly errorMessage: string;
}

/** `payload` is the answer as JSON text. */
export type InvokeResult = ({ readonly ok: true; readonly payload: string } | Failure) & { readonly requestId: string };

type Outcome = { readonly ok: true; readonly payload: string } | Failure;

export interface LogLine {
  readonly functionName: string;
  /** The invocation that ran last when the line came; absent before the first. */
  readonly requestId?: string;
  readonly stream: 'stdout' | 'stderr';
  readonly line: string;
}

export interface EnvironmentOptions {
  /** Everything that the process sees; nothing is inherited. AWS_LAMBDA_RUNTIME_API is added. */
  readonly variables: Readonly<Record<string, string>>;
  /** Stops the process between invocations, as Lambda does (POSIX only). */
  readonly freeze: boolean;
  readonly guard: ChildGuard;
  readonly log: (line: LogLine) => void;
  /** The process waits for an event and has none. */
  readonly onIdle: () => void;
  /** The process is gone or has been given up, and why; called once, after the event that it had was settled. */
  readonly onEnd: (failure: Failure) => void;
}

export interface Invocation {
  readonly requestId: string;
  /** The event as JSON text. */
  readonly payload: string;
}

interface RunningInvocation {
  readonly requestId: string;
  readonly settle: (outcome: Outcome) => void;
}

/** One process that runs one function, one event at a time, behind a Lambda Runtime API of its own. */
export class LambdaEnvironment {
  readonly #plan: FunctionPlan;
  readonly #options: EnvironmentOptions;
  #server: LoopbackServer | undefined;
  #child: ChildProcess | undefined;
  /** Of the start until the first wait for an event, then of each event until the next wait. */
  #deadline: NodeJS.Timeout | undefined;
  /** The open answer to the process's wait for its next event. */
  #next: ServerResponse | undefined;
  #current: RunningInvocation | undefined;
  #initError: Failure | undefined;
  #lastRequestId: string | undefined;
  #ended = false;

  constructor(plan: FunctionPlan, options: EnvironmentOptions) {
    this.#plan = plan;
    this.#options = options;
  }

  /** Starts the process; `onIdle` says when it is ready. */
  async start(): Promise<void> {
    const server = await listenOnLoopback((request, response) => void this.#serve(request, response));
    if (this.#ended) {
      await server.close();
      return;
    }
    this.#server = server;
    const child = spawn(process.execPath, [`--max-old-space-size=${this.#plan.memoryMb}`, BOOTSTRAP], {
      cwd: this.#plan.codePath,
      env: { ...this.#options.variables, AWS_LAMBDA_RUNTIME_API: server.url.replace('http://', '') },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#options.guard.add(child);
    // A process that ended has closed its input; nothing is ever written to it.
    child.stdin.on('error', () => undefined);
    for (const stream of ['stdout', 'stderr'] as const) createInterface(child[stream]).on('line', (line) => this.#log(stream, line));
    child.once('error', (error) => this.#end(failure('exit', 'Runtime.ExitError', `the process did not start: ${error.message}`)));
    child.once('exit', (code, signal) => {
      const how = signal === null ? `exit status ${code}` : `signal: ${signal === 'SIGKILL' ? 'killed' : signal}`;
      this.#end(failure('exit', 'Runtime.ExitError', `Runtime exited with error: ${how}`));
    });
    // Both times in one go: starting again would only take longer on a machine that is slow.
    const initSeconds = INIT_TIMEOUT_SECONDS + this.#plan.timeoutSeconds;
    this.#deadline = setTimeout(() => {
      this.#end(failure('init', 'Sandbox.Timedout', `Init timed out after ${initSeconds.toFixed(2)} seconds`));
    }, initSeconds * 1000);
  }

  /** Gives the process one event; only after `onIdle`, and once for each. Never rejects. */
  invoke({ requestId, payload }: Invocation): Promise<InvokeResult> {
    return new Promise((resolve) => {
      const settle = (outcome: Outcome): void => resolve({ ...outcome, requestId });
      const next = this.#next;
      this.#next = undefined;
      if (this.#ended || !next) {
        settle(failure('stopped', 'Runtime.Stopped', 'the environment was stopped'));
        return;
      }
      this.#lastRequestId = requestId;
      const timeoutMs = this.#plan.timeoutSeconds * 1000;
      this.#deadline = setTimeout(() => {
        const message = `Task timed out after ${this.#plan.timeoutSeconds.toFixed(2)} seconds`;
        this.#log('stderr', `${requestId} ${message}`);
        this.#end(failure('timeout', 'Sandbox.Timedout', `RequestId: ${requestId} Error: ${message}`));
      }, timeoutMs);
      this.#current = { requestId, settle };
      if (this.#options.freeze) this.#child?.kill('SIGCONT');
      next.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(payload),
        'lambda-runtime-aws-request-id': requestId,
        'lambda-runtime-deadline-ms': Date.now() + timeoutMs,
        'lambda-runtime-invoked-function-arn': this.#plan.arn,
      });
      next.end(payload);
    });
  }

  /** Ends the process at once, also a stopped one. */
  stop(): void {
    this.#end(failure('stopped', 'Runtime.Stopped', 'the environment was stopped'));
  }

  /** Kills the process as the kernel would; the pool learns of it as of any crash. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    if (request.method === 'GET' && path === `${API}/invocation/next`) {
      this.#takeNext(response);
      return;
    }
    let body: Buffer | undefined;
    try {
      body = await readBody(request, MAXIMUM_PAYLOAD_BYTES);
    } catch {
      // The process died while it answered; its end is seen by `exit`.
      return;
    }
    const [, id, outcome] = /^\/2018-06-01\/runtime\/invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
    const current = this.#current;
    if (path === `${API}/init/error`) {
      this.#initError = failure('init', ...this.#readError(body));
    } else if (id !== undefined && id === current?.requestId) {
      this.#settle(this.#toOutcome(outcome, body));
    } else {
      response.writeHead(400).end();
      return;
    }
    response.writeHead(202).end();
  }

  #takeNext(response: ServerResponse): void {
    clearTimeout(this.#deadline);
    this.#next = response;
    if (this.#options.freeze) this.#child?.kill('SIGSTOP');
    this.#options.onIdle();
  }

  #toOutcome(outcome: string | undefined, body: Buffer | undefined): Outcome {
    if (body === undefined) {
      return failure('too-large', 'Function.ResponseSizeTooLarge', `the answer is longer than ${MAXIMUM_PAYLOAD_BYTES} bytes`);
    }
    return outcome === 'response' ? { ok: true, payload: body.toString() } : failure('error', ...this.#readError(body));
  }

  #settle(outcome: Outcome): void {
    const current = this.#current;
    this.#current = undefined;
    current?.settle(outcome);
  }

  /** Forgets the process before it is killed: its `exit` comes later, and nothing may wait for its next call. */
  #end(cause: Failure): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#deadline);
    const told = this.#initError ?? cause;
    this.#settle(told);
    this.#options.onEnd(told);
    this.#child?.kill('SIGKILL');
    this.#server?.close().catch((error: unknown) => this.#log('stderr', `the runtime's port did not close: ${String(error)}`));
  }

  /** Type and message of an error as the runtime reports it. The whole of it, with its trace, goes to the log. */
  #readError(body: Buffer | undefined): [errorType: string, errorMessage: string] {
    const text = body?.toString() ?? '';
    this.#log('stderr', `Invoke Error ${text}`);
    try {
      const error: unknown = JSON.parse(text);
      if (isRecord(error)) return [String(error['errorType']), String(error['errorMessage'])];
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    return ['Runtime.Unknown', 'the function failed and its error could not be read'];
  }

  #log(stream: LogLine['stream'], line: string): void {
    const requestId = this.#lastRequestId;
    this.#options.log({ functionName: this.#plan.name, ...(requestId === undefined ? {} : { requestId }), stream, line });
  }
}

function failure(reason: FailureReason, errorType: string, errorMessage: string): Failure {
  return { ok: false, reason, errorType, errorMessage };
}
