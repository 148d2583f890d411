import { randomUUID } from 'node:crypto';
import { ACCOUNT, findResource, REGION, type SchedulePlan } from './plan.ts';
import { parseScheduleExpression } from './schedule-expression.ts';

/** Node's timers count in 31 bits; a longer wait is made of several. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Fires the schedules of a plan. A firing does not wait for the one before it. */
export class Schedules {
  readonly #plans: readonly SchedulePlan[];
  readonly #deliver: (plan: SchedulePlan, event: unknown) => Promise<unknown>;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(plans: readonly SchedulePlan[], deliver: (plan: SchedulePlan, event: unknown) => Promise<unknown>) {
    this.#plans = plans;
    this.#deliver = deliver;
  }

  /** Throws `ScheduleExpressionError` before anything is started. */
  start(): void {
    const createdAtMs = Date.now();
    const enabled = this.#plans.filter((plan) => plan.enabled);
    const firings = enabled.map((plan) => ({ plan, next: parseScheduleExpression(plan.expression, plan.timeZone, createdAtMs) }));
    for (const { plan, next } of firings) {
      const arm = (atMs: number | undefined): void => {
        if (atMs === undefined) return;
        const waitMs = Math.max(0, atMs - Date.now());
        const timer = setTimeout(
          () => {
            if (waitMs > LONGEST_TIMER_MS) {
              arm(atMs);
              return;
            }
            void this.#deliver(plan, toInput(plan, atMs));
            arm(next(Math.max(atMs, Date.now())));
          },
          Math.min(waitMs, LONGEST_TIMER_MS),
        ).unref();
        this.#timers.set(plan.arn, timer);
      };
      arm(next(createdAtMs));
    }
  }

  /** Fires a schedule (name or logical id) now, also a disabled one, and waits for the first attempt. */
  async fire(name: string): Promise<unknown> {
    const plan = findResource(this.#plans, name, 'schedule');
    return this.#deliver(plan, toInput(plan, Date.now()));
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }
}

/** The schedule's input with Scheduler's own words filled in; without one, the event that Scheduler sends by itself. */
function toInput(plan: SchedulePlan, scheduledAtMs: number): unknown {
  const time = new Date(scheduledAtMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
  const executionId = randomUUID();
  if (plan.target.input === undefined) {
    return {
      version: '0',
      id: executionId,
      'detail-type': 'Scheduled Event',
      source: 'aws.scheduler',
      account: ACCOUNT,
      time,
      region: REGION,
      resources: [plan.arn],
      detail: '{}',
    };
  }
  return JSON.parse(
    plan.target.input
      .replaceAll('<aws.scheduler.scheduled-time>', time)
      .replaceAll('<aws.scheduler.schedule-arn>', plan.arn)
      .replaceAll('<aws.scheduler.execution-id>', executionId)
      .replaceAll('<aws.scheduler.attempt-number>', '1'),
  );
}
