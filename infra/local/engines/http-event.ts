import { isRecord } from './intrinsics.ts';
import { ACCOUNT } from './plan.ts';

/** What of an HTTP request goes into an event. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly sourceIp: string;
}

export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Bodies of these types come as text; everything else, forms too, comes in base64 (Lambda developer guide, function URLs). */
const TEXT_TYPE = /^(?:text\/|application\/(?:json|xml|javascript)(?:$|;|\s))/i;

/** The event of payload format 2.0. `routeKey` is `$default` for a function URL. */
export function toHttpEvent(request: HttpRequest, routeKey: string, requestId: string, atMs: number): unknown {
  const headers = new Map<string, string>();
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = String(request.rawHeaders[index]).toLowerCase();
    const value = String(request.rawHeaders[index + 1]);
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}${name === 'cookie' ? '; ' : ','}${value}`);
  }
  const cookies = headers.get('cookie')?.split(/;\s*/);
  headers.delete('cookie');
  const at = request.url.indexOf('?');
  const rawPath = at < 0 ? request.url : request.url.slice(0, at);
  const rawQueryString = at < 0 ? '' : request.url.slice(at + 1);
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    const earlier = query.get(name);
    query.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  const isBase64Encoded = request.body.length > 0 && !TEXT_TYPE.test(headers.get('content-type') ?? '');
  const domainName = headers.get('host') ?? '';
  return {
    version: '2.0',
    routeKey,
    rawPath,
    rawQueryString,
    ...(cookies ? { cookies } : {}),
    headers: Object.fromEntries(headers),
    ...(query.size > 0 ? { queryStringParameters: Object.fromEntries(query) } : {}),
    requestContext: {
      accountId: ACCOUNT,
      apiId: 'local',
      domainName,
      domainPrefix: domainName.split('.')[0] ?? '',
      http: {
        method: request.method,
        path: rawPath,
        protocol: 'HTTP/1.1',
        sourceIp: request.sourceIp,
        userAgent: headers.get('user-agent') ?? '',
      },
      requestId,
      routeKey,
      stage: '$default',
      time: toLogTime(atMs),
      timeEpoch: atMs,
    },
    ...(request.body.length > 0 ? { body: request.body.toString(isBase64Encoded ? 'base64' : 'utf8') } : {}),
    isBase64Encoded,
  };
}

/**
 * The HTTP answer in a function's result (JSON text). A result without `statusCode` is the body of a 200. `undefined`: the result is
 * no answer, which the caller sees as a 502.
 */
export function readHttpResult(payload: string): HttpAnswer | undefined {
  const result: unknown = JSON.parse(payload);
  if (!isRecord(result) || result['statusCode'] === undefined) {
    const text = typeof result === 'string' ? result : payload;
    return { statusCode: 200, headers: [['content-type', 'application/json']], body: Buffer.from(text) };
  }
  const statusCode = Number(result['statusCode']);
  if (!Number.isInteger(statusCode) || statusCode < 200 || statusCode > 599) return undefined;
  const given = isRecord(result['headers']) ? result['headers'] : {};
  const headers = Object.entries(given).map(([name, value]) => [name.toLowerCase(), String(value)] as const);
  const cookies = Array.isArray(result['cookies']) ? result['cookies'].map((cookie) => ['set-cookie', String(cookie)] as const) : [];
  const hasType = headers.some(([name]) => name === 'content-type');
  const body = result['body'];
  const text = body === undefined || body === null ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  return {
    statusCode,
    headers: [...(hasType ? [] : [['content-type', 'application/json'] as const]), ...headers, ...cookies],
    body: Buffer.from(text, result['isBase64Encoded'] === true ? 'base64' : 'utf8'),
  };
}

/** `30/Jan/2030:09:15:00 +0000`. */
function toLogTime(atMs: number): string {
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(atMs).toUTCString()) ?? [];
  return `${day}/${month}/${year}:${time} +0000`;
}
