import type { InvokeResult } from './lambda-environment.ts';
import type { FunctionPlan } from './plan.ts';

/** How long Lambda waits before it gives a failed asynchronous event to the function again (Lambda developer guide). */
const RETRY_DELAYS_MS: readonly number[] = [60_000, 120_000];
/** Lambda waits between one second and five minutes while a function is throttled. */
const SHORTEST_THROTTLE_WAIT_MS = 1_000;
const LONGEST_THROTTLE_WAIT_MS = 300_000;

export interface AsyncInvocationsOptions {
  readonly invoke: (functionArn: string, payload: string) => Promise<InvokeResult>;
  readonly send: (queueArn: string, body: string) => void;
  /** Told of every failed attempt. */
  readonly onFailure: (plan: FunctionPlan, result: InvokeResult, attempt: number) => void;
  readonly retryDelaysMs?: readonly number[];
}

/** Events that nobody waits for, of rules and schedules: tried again as Lambda does, then sent to the function's failure queue. */
export class AsyncInvocations {
  readonly #options: AsyncInvocationsOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  #closed = false;

  constructor(options: AsyncInvocationsOptions) {
    this.#options = options;
  }

  /** Hands the event over and returns; the first attempt has begun. Resolves with the result of the first attempt. */
  async start(plan: FunctionPlan, event: unknown): Promise<InvokeResult> {
    return this.#attempt(plan, JSON.stringify(event), 1, SHORTEST_THROTTLE_WAIT_MS);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #attempt(plan: FunctionPlan, payload: string, attempt: number, throttleWaitMs: number): Promise<InvokeResult> {
    const result = await this.#options.invoke(plan.arn, payload);
    if (result.ok || this.#closed || result.reason === 'stopped') return result;
    this.#options.onFailure(plan, result, attempt);
    if (result.reason === 'throttled') {
      const nextWaitMs = Math.min(throttleWaitMs * 2, LONGEST_THROTTLE_WAIT_MS);
      this.#later(throttleWaitMs, () => this.#attempt(plan, payload, attempt, nextWaitMs));
    } else if (attempt <= plan.asyncInvoke.maximumRetryAttempts) {
      const delays = this.#options.retryDelaysMs ?? RETRY_DELAYS_MS;
      this.#later(delays[attempt - 1] ?? delays.at(-1) ?? 0, () => this.#attempt(plan, payload, attempt + 1, SHORTEST_THROTTLE_WAIT_MS));
    } else {
      this.#giveUp(plan, payload, result, attempt);
    }
    return result;
  }

  #giveUp(plan: FunctionPlan, payload: string, result: InvokeResult & { ok: false }, attempt: number): void {
    const { onFailureArn, deadLetterQueueArn } = plan.asyncInvoke;
    if (deadLetterQueueArn !== undefined) this.#options.send(deadLetterQueueArn, payload);
    if (onFailureArn === undefined) return;
    const account = {
      version: '1.0',
      timestamp: new Date().toISOString(),
      requestContext: {
        requestId: result.requestId,
        functionArn: `${plan.arn}:$LATEST`,
        condition: 'RetriesExhausted',
        approximateInvokeCount: attempt,
      },
      requestPayload: JSON.parse(payload),
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
      responsePayload: { errorType: result.errorType, errorMessage: result.errorMessage },
    };
    this.#options.send(onFailureArn, JSON.stringify(account));
  }

  #later(delayMs: number, run: () => Promise<unknown>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void run();
    }, delayMs).unref();
    this.#timers.add(timer);
  }
}
