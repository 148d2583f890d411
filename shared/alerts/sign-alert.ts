import { createHash } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { BusEvent } from '../messages/bus-events.ts';
import { renderText } from './render-text.ts';

/** The body of an alert (Standard Webhooks): the same bytes at every attempt. */
export interface AlertPayload {
  /** The event's detail type, `finding opened`. */
  readonly type: string;
  /** When it happened, RFC 3339: not when it was sent. */
  readonly timestamp: string;
  readonly data: BusEvent;
  /** For a person; names in it are made inert. */
  readonly text: string;
}

/** A sink cannot be served as it is set up. The message is for the operator and holds no secret. */
export class SinkError extends Error {
  override readonly name = 'SinkError';
}

export function toAlertBody(event: BusEvent): string {
  const payload: AlertPayload = { type: event.detailType, timestamp: event.occurredAt, data: event, text: renderText(event) };
  return JSON.stringify(payload);
}

/**
 * The event's id as `webhook-id`, the same at every attempt. An id with characters that the signature's grammar or a header
 * does not take (a dot, a line end) is replaced by its digest.
 */
export function toWebhookId(eventId: string): string {
  return /^[\w:#/-]{1,128}$/.test(eventId) ? eventId : createHash('sha256').update(eventId).digest('hex').slice(0, 40);
}

/** Standard Webhooks: a `whsec_` key has 24 to 64 bytes. */
const KEY_MIN_BYTES = 24;
const KEY_MAX_BYTES = 64;

/**
 * The signing keys of a sink, from the values of its secret (current and previous version), each of which may hold several
 * separated by white space. Throws `SinkError` where one is no `whsec_` key, or none is there.
 */
export function parseSigningSecrets(secretName: string, values: readonly string[]): readonly string[] {
  const secrets = [...new Set(values.flatMap((value) => value.split(/\s+/).filter((part) => part !== '')))];
  if (secrets.length === 0) throw new SinkError(`the secret ${secretName} is empty; put a key in it that begins with whsec_`);
  for (const secret of secrets) {
    const key = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
    const bytes = key !== undefined && key.length % 4 === 0 ? Buffer.from(key, 'base64').length : 0;
    if (bytes < KEY_MIN_BYTES || bytes > KEY_MAX_BYTES) {
      throw new SinkError(
        `the secret ${secretName} holds something else than whsec_ and the base64 of ${KEY_MIN_BYTES} to ${KEY_MAX_BYTES} bytes; put such a key in it`,
      );
    }
  }
  return secrets;
}

/** The three headers of Standard Webhooks, with one signature for each active secret. */
export function signatureHeaders(webhookId: string, body: string, secrets: readonly string[], nowMs: number): Record<string, string> {
  const sentAt = new Date(nowMs);
  return {
    'webhook-id': webhookId,
    'webhook-timestamp': String(Math.floor(nowMs / 1000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(webhookId, sentAt, body)).join(' '),
  };
}
