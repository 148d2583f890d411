import { randomUUID } from 'node:crypto';
import { ChildGuard } from './child-guard.ts';
import { type Failure, type InvokeResult, LambdaEnvironment, type LogLine, MAXIMUM_PAYLOAD_BYTES } from './lambda-environment.ts';
import { type FunctionPlan, findResource } from './plan.ts';

export interface LambdaRuntimeOptions {
  /** Everything that a function's processes see. */
  readonly variables: (plan: FunctionPlan) => Readonly<Record<string, string>>;
  readonly log: (line: LogLine) => void;
  /** Stops processes between invocations, as Lambda does (POSIX only). */
  readonly freeze: boolean;
  /** Processes per function. Above it an event waits for a free one; where it is not lower than the reserved concurrency, events above that are throttled, as on AWS. */
  readonly maximumEnvironments: (plan: FunctionPlan) => number;
}

/** `finishing` has answered and not asked for its next event yet. */
type State = 'starting' | 'idle' | 'busy' | 'finishing';

interface Job {
  readonly requestId: string;
  readonly payload: string;
  readonly settle: (result: InvokeResult) => void;
}

/** The environments of one function; idle ones are used in turn, so that a burst finds them all with compiled code. */
class FunctionPool {
  readonly plan: FunctionPlan;
  readonly #options: LambdaRuntimeOptions;
  readonly #guard: ChildGuard;
  readonly #states = new Map<LambdaEnvironment, State>();
  readonly #waiting: Job[] = [];
  #warmCount = 0;
  #running = 0;
  #stopped = false;

  constructor(plan: FunctionPlan, options: LambdaRuntimeOptions, guard: ChildGuard) {
    this.plan = plan;
    this.#options = options;
    this.#guard = guard;
  }

  async invoke(payload: string): Promise<InvokeResult> {
    const requestId = randomUUID();
    const refuse = (reason: Failure['reason'], errorType: string, errorMessage: string): InvokeResult => {
      return { ok: false, requestId, reason, errorType, errorMessage };
    };
    if (this.#stopped) return refuse('stopped', 'Runtime.Stopped', 'the engines were stopped');
    if (Buffer.byteLength(payload) > MAXIMUM_PAYLOAD_BYTES) {
      return refuse('too-large', 'RequestTooLargeException', `the event is longer than ${MAXIMUM_PAYLOAD_BYTES} bytes`);
    }
    if (this.#running >= this.#concurrencyMaximum()) {
      return refuse('throttled', 'TooManyRequestsException', 'Rate Exceeded.');
    }
    this.#running += 1;
    try {
      return await new Promise<InvokeResult>((settle) => {
        this.#waiting.push({ requestId, payload, settle });
        this.#assign();
      });
    } finally {
      this.#running -= 1;
    }
  }

  warm(count: number): void {
    this.#warmCount = count;
    this.#assign();
  }

  kill(): boolean {
    const inState = (state: State) => [...this.#states].find(([, found]) => found === state)?.[0];
    const victim = inState('busy') ?? inState('finishing') ?? inState('idle');
    victim?.kill();
    return victim !== undefined;
  }

  stop(): void {
    this.#stopped = true;
    for (const environment of [...this.#states.keys()]) environment.stop();
    const stopped: Failure = { ok: false, reason: 'stopped', errorType: 'Runtime.Stopped', errorMessage: 'the engines were stopped' };
    for (const job of this.#waiting.splice(0)) job.settle({ ...stopped, requestId: job.requestId });
  }

  /** What is reserved; none where fewer processes than that may run here: events that wait for one of them are not running. */
  #concurrencyMaximum(): number {
    const reserved = this.plan.reservedConcurrentExecutions ?? Number.POSITIVE_INFINITY;
    return this.#options.maximumEnvironments(this.plan) < reserved ? Number.POSITIVE_INFINITY : reserved;
  }

  #count(...states: State[]): number {
    let count = 0;
    for (const state of this.#states.values()) if (states.includes(state)) count += 1;
    return count;
  }

  #assign(): void {
    const idle = [...this.#states].filter(([, state]) => state === 'idle').map(([environment]) => environment);
    while (this.#waiting.length > 0) {
      const environment = idle.shift();
      if (!environment) break;
      const job = this.#waiting.shift();
      if (job) this.#run(environment, job);
    }
    // One that is about to ask for its next event is sooner there than a new process.
    while (
      !this.#stopped &&
      this.#states.size < this.#options.maximumEnvironments(this.plan) &&
      (this.#waiting.length > this.#count('starting', 'finishing') || this.#states.size < this.#warmCount)
    ) {
      this.#start();
    }
  }

  #run(environment: LambdaEnvironment, job: Job): void {
    this.#states.set(environment, 'busy');
    environment.invoke(job).then(
      (result) => {
        if (this.#states.has(environment)) this.#states.set(environment, 'finishing');
        job.settle(result);
      },
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        job.settle({ ok: false, requestId: job.requestId, reason: 'error', errorType: 'Runtime.Unknown', errorMessage: message });
      },
    );
  }

  #start(): void {
    const environment = new LambdaEnvironment(this.plan, {
      variables: this.#options.variables(this.plan),
      freeze: this.#options.freeze,
      guard: this.#guard,
      log: this.#options.log,
      onIdle: () => {
        // At the end of the row: the next event goes to the one that has been idle for longest.
        if (!this.#states.delete(environment)) return;
        this.#states.set(environment, 'idle');
        this.#assign();
      },
      onEnd: (cause) => {
        const state = this.#states.get(environment);
        this.#states.delete(environment);
        if (state === 'starting') {
          // The event that it was started for gets its error; a new process would only fail again. None is kept warm either.
          this.#warmCount = 0;
          const job = this.#waiting.shift();
          job?.settle({ ...cause, requestId: job.requestId });
        }
        this.#assign();
      },
    });
    this.#states.set(environment, 'starting');
    environment.start().catch((error: unknown) => {
      this.#options.log({ functionName: this.plan.name, stream: 'stderr', line: `the function could not be started: ${String(error)}` });
      environment.stop();
    });
  }
}

/** Runs the functions of a plan, each in processes of its own, with Lambda's rules on time, crashes, size and concurrency. */
export class LambdaRuntime {
  readonly #plans: readonly FunctionPlan[];
  readonly #pools = new Map<string, FunctionPool>();
  readonly #guard = new ChildGuard();

  constructor(plans: readonly FunctionPlan[], options: LambdaRuntimeOptions) {
    this.#plans = plans;
    for (const plan of plans) this.#pools.set(plan.arn, new FunctionPool(plan, options, this.#guard));
  }

  /** Invokes a function (name, ARN or logical id) with an event as JSON text and waits for its answer. Rejects only for an unknown name. */
  async invoke(functionName: string, payload: string): Promise<InvokeResult> {
    return this.#pool(functionName).invoke(payload);
  }

  /** Keeps at least this many processes of a function, without events. */
  warm(functionName: string, count: number): void {
    this.#pool(functionName).warm(count);
  }

  /** Kills one process of a function with SIGKILL, a busy one if there is one. False when there is none. */
  kill(functionName: string): boolean {
    return this.#pool(functionName).kill();
  }

  /** Ends every process at once; running events end as `stopped`. */
  async stop(): Promise<void> {
    for (const pool of this.#pools.values()) pool.stop();
    await this.#guard.stop();
  }

  #pool(functionName: string): FunctionPool {
    const byArn = this.#pools.get(functionName);
    if (byArn) return byArn;
    const pool = this.#pools.get(findResource(this.#plans, functionName, 'function').arn);
    if (!pool) throw new RangeError(`no function is called ${functionName}`);
    return pool;
  }
}
