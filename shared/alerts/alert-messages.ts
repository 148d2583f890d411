import * as v from 'valibot';
import { type BusEvent, parseBusEvent } from '../messages/bus-events.ts';
import { MessageError } from '../messages/queue-messages.ts';

/**
 * What the queue of webhook alerts carries: an event as the bus's rule puts it there, and one delivery for each sink that wants
 * the event. Each sink is tried on its own, so that none waits for another.
 */

const envelopeSchema = v.object({ 'detail-type': v.string(), source: v.string(), detail: v.unknown() });
const deliverySchema = v.object({ version: v.literal(1), kind: v.literal('delivery'), sink: v.string(), event: v.unknown() });

export interface Delivery {
  readonly version: 1;
  readonly kind: 'delivery';
  /** Name of the sink in the settings document. */
  readonly sink: string;
  readonly event: BusEvent;
}

export type AlertMessage = { readonly kind: 'event'; readonly event: BusEvent } | Delivery;

function readEvent(detail: unknown): BusEvent {
  try {
    return parseBusEvent(detail);
  } catch {
    // The parser's own words repeat what they found: names from outside stay out of the log.
    throw new MessageError('alert: not a bus event of version 1');
  }
}

/** Throws `MessageError` on anything else: the message ends in the dead-letter queue. */
export function parseAlertMessage(body: string): AlertMessage {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    throw new MessageError('alert: the body is not JSON');
  }
  const delivery = v.safeParse(deliverySchema, document);
  if (delivery.success) return { version: 1, kind: 'delivery', sink: delivery.output.sink, event: readEvent(delivery.output.event) };
  const envelope = v.safeParse(envelopeSchema, document);
  if (envelope.success) return { kind: 'event', event: readEvent(envelope.output.detail) };
  throw new MessageError('alert: neither an event from the bus nor a delivery');
}

export function deliveryBody(sink: string, event: BusEvent): string {
  const delivery: Delivery = { version: 1, kind: 'delivery', sink, event };
  return JSON.stringify(delivery);
}
