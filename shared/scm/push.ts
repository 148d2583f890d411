import type { PushHint } from '../messages/queue-messages.ts';

/** A webhook delivery whose signature was verified. */
interface Delivery {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body as JSON. */
  readonly document: unknown;
}

interface PushContext {
  readonly tenant: string;
  readonly receivedAtMs: number;
}

/** What a delivery says. `refused` is one that its sender should mend; `ignored` is a right one that asks for nothing. */
export type PushReading =
  | { readonly kind: 'push'; readonly hint: PushHint }
  | { readonly kind: 'ignored'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** Reads one forge's deliveries. Pure. */
export type ReadPush = (delivery: Delivery, context: PushContext) => PushReading;

export const ignored = (reason: string): PushReading => ({ kind: 'ignored', reason });
export const refused = (reason: string): PushReading => ({ kind: 'refused', reason });
