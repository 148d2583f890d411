import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import * as v from 'valibot';
import { parseBusEvent } from '../messages/bus-events.ts';
import type { AlertPayload } from './sign-alert.ts';

/** A request that is no alert of ours: answer 401 and read nothing of it. */
export class AlertRefusedError extends Error {
  override readonly name = 'AlertRefusedError';
}

const payloadSchema = v.object({ type: v.string(), timestamp: v.string(), data: v.unknown(), text: v.string() });

function isSignedWith(secret: string, rawBody: string, headers: Record<string, string>): boolean {
  try {
    new Webhook(secret).verify(rawBody, headers, { jsonParse: false });
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}

/**
 * The alert that a request carries: its body as received, its headers, the `whsec_` secrets that are active. Throws
 * `AlertRefusedError` when no secret matches, the request is more than five minutes off, or the body is no alert.
 * An alert can come twice: `webhook-id` is the same then.
 */
export function verifyAlert(
  rawBody: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  secrets: readonly string[],
): AlertPayload {
  const single = Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])));
  if (!secrets.some((secret) => isSignedWith(secret, rawBody, single))) {
    throw new AlertRefusedError('refused: not signed with a secret of ours, or more than five minutes old');
  }
  try {
    const payload = v.parse(payloadSchema, JSON.parse(rawBody));
    return { ...payload, data: parseBusEvent(payload.data) };
  } catch {
    throw new AlertRefusedError('refused: signed, and yet not an alert of version 1');
  }
}
