import { errorText, type Log } from '../../shared/aws/log.ts';
import type { PushHint } from '../../shared/messages/queue-messages.ts';
import { HUB_SIGNATURE_HEADER, isHubSignature, verifyHub } from '../../shared/scm/hub-signature.ts';
import type { ReadPush } from '../../shared/scm/push.ts';

/** A function URL's event, payload version 2.0, as far as we read it. */
export interface FunctionUrlEvent {
  readonly rawPath: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly requestContext: { readonly http: { readonly method: string } };
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

export interface FunctionUrlResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Which forge speaks at an address: the address decides, because forges send each other's headers. */
export interface Route {
  readonly secretId: string;
  readonly readPush: ReadPush;
}

export interface AcceptPushPorts {
  readonly tenant: string;
  /** By path: `/github`. */
  readonly routes: Readonly<Record<string, Route>>;
  /** Every secret that counts now, from a cache. */
  readSecrets(secretId: string): Promise<readonly string[]>;
  /** Makes the next reading pass the cache by. */
  forgetSecrets(secretId: string): void;
  /** Resolves when the hint is durable. */
  send(hint: PushHint): Promise<void>;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** GitHub cuts the connection after 10 s and calls the delivery failed; we say so ourselves, a little sooner. */
const ANSWER_DEADLINE_MS = 8_000;
/** A secret may have been replaced since it was cached; junk must not make us ask for it at every request. */
const SECRET_REFRESH_MIN_INTERVAL_MS = 10_000;
/** Lambda takes 6 MB in a request; what a larger delivery would have said is found by comparing heads. */
const BODY_MAX_BYTES = 6 * 1024 * 1024;
/** GitHub's delivery ids are UUIDs. */
const DELIVERY_ID_MAX_CHARACTERS = 100;

/**
 * Takes webhook deliveries: verifies the raw bytes, reads the push, and answers 202 once its hint is on the queue, never before.
 * Everything else has a status of its own, and a reason that the sender can act on.
 */
export function createAcceptPush(ports: AcceptPushPorts): (event: FunctionUrlEvent) => Promise<FunctionUrlResponse> {
  const refreshedAtMs = new Map<string, number>();

  async function isSigned(secretId: string, body: Uint8Array, signature: string): Promise<boolean> {
    if (verifyHub(await ports.readSecrets(secretId), body, signature)) return true;
    if (ports.nowMs() - (refreshedAtMs.get(secretId) ?? Number.NEGATIVE_INFINITY) < SECRET_REFRESH_MIN_INTERVAL_MS) return false;
    refreshedAtMs.set(secretId, ports.nowMs());
    ports.forgetSecrets(secretId);
    return verifyHub(await ports.readSecrets(secretId), body, signature);
  }

  async function accept(event: FunctionUrlEvent): Promise<FunctionUrlResponse> {
    const path = event.rawPath.replace(/\/+$/, '');
    const route = Object.hasOwn(ports.routes, path) ? ports.routes[path] : undefined;
    if (!route) return refuse(404, `nothing listens here; deliveries go to ${Object.keys(ports.routes).join(' or ')}`);
    if (event.requestContext.http.method !== 'POST') return refuse(405, 'deliveries are POST requests', { allow: 'POST' });

    const headers = Object.fromEntries(Object.entries(event.headers).map(([name, value]) => [name.toLowerCase(), value]));
    const [contentType = ''] = (headers['content-type'] ?? '').split(';');
    if (contentType.trim().toLowerCase() !== 'application/json') {
      return refuse(415, 'the content type must be application/json; choose it in the settings of the webhook');
    }
    if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') return refuse(415, 'the body must not be compressed');

    const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
    if (body.byteLength > BODY_MAX_BYTES) {
      ports.log.warn('a delivery is too large', { path, bytes: body.byteLength });
      return refuse(413, `the body has ${body.byteLength} bytes; at most ${BODY_MAX_BYTES} are taken`);
    }
    const signature = headers[HUB_SIGNATURE_HEADER];
    if (!isHubSignature(signature) || !(await isSigned(route.secretId, body, signature))) {
      ports.log.warn('a signature was refused', { path });
      return refuse(401, 'the signature X-Hub-Signature-256 does not fit the body and the secret');
    }

    const document = parseJson(body);
    if (document === undefined) return refuse(400, 'the body is not JSON');
    const reading = route.readPush({ headers, document }, { tenant: ports.tenant, receivedAtMs: ports.nowMs() });
    if (reading.kind === 'refused') {
      ports.log.warn('a signed delivery was refused', { path, reason: reading.reason });
      return refuse(400, reading.reason);
    }
    if (reading.kind === 'ignored') return answer(200, { status: 'ignored', reason: reading.reason });

    const hint = { ...reading.hint, deliveryId: reading.hint.deliveryId.slice(0, DELIVERY_ID_MAX_CHARACTERS) };
    await ports.send(hint);
    ports.log.info('a push was accepted', { path, deliveryId: hint.deliveryId, repositoryId: hint.ref.repositoryId });
    return answer(202, { status: 'accepted', deliveryId: hint.deliveryId });
  }

  return async (event) => {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done within ${ANSWER_DEADLINE_MS} ms`)), ANSWER_DEADLINE_MS);
    });
    try {
      return await Promise.race([accept(event), tooLate]);
    } catch (error) {
      ports.log.error('a delivery was not taken', { error: errorText(error) });
      return refuse(503, 'the push could not be stored; deliver it again');
    } finally {
      clearTimeout(timer);
    }
  };
}

/** `undefined` where the bytes are not JSON in UTF-8. */
function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

function answer(statusCode: number, document: Readonly<Record<string, string>>, headers = {}): FunctionUrlResponse {
  return { statusCode, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(document) };
}

function refuse(statusCode: number, error: string, headers: Readonly<Record<string, string>> = {}): FunctionUrlResponse {
  return answer(statusCode, { status: 'refused', error }, headers);
}
