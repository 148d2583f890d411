import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type HttpAnswer, readHttpResult, toHttpEvent } from './http-event.ts';
import { type InvokeResult, MAXIMUM_PAYLOAD_BYTES } from './lambda-environment.ts';
import { type LoopbackServer, listenOnLoopback, readBody } from './loopback-server.ts';
import type { HttpFrontPlan, RoutePlan } from './plan.ts';

/** Hop-by-hop headers belong to the connection; a function cannot set them. */
const CONNECTION_HEADERS = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'upgrade']);

/**
 * Serves a function URL or an HTTP API on loopback: one event a request, 413 above 6 MB, 429 when the function is throttled, 404 for a
 * route that the API does not have, 502 (500 on an HTTP API) when the function fails. Throws `PortInUseError`.
 */
export function startHttpFront(
  plan: HttpFrontPlan,
  invoke: (functionArn: string, payload: string) => Promise<InvokeResult>,
  port = 0,
): Promise<LoopbackServer> {
  return listenOnLoopback((request, response) => {
    serve(plan, invoke, request).then(
      (answer) => send(response, answer),
      // The caller went away in the middle of its request.
      () => response.destroy(),
    );
  }, port);
}

async function serve(
  plan: HttpFrontPlan,
  invoke: (functionArn: string, payload: string) => Promise<InvokeResult>,
  request: IncomingMessage,
): Promise<HttpAnswer> {
  const body = await readBody(request, MAXIMUM_PAYLOAD_BYTES);
  if (body === undefined) return toAnswer(413, 'Request Entity Too Large');
  const { method = 'GET', url = '/', rawHeaders } = request;
  const route = findRoute(plan.routes, method, url.split('?')[0] ?? '/');
  if (!route) return toAnswer(404, 'Not Found');
  const sourceIp = request.socket.remoteAddress ?? '';
  const event = toHttpEvent({ method, url, rawHeaders, body, sourceIp }, route.routeKey, randomUUID(), Date.now());
  const result = await invoke(route.functionArn, JSON.stringify(event));
  if (!result.ok) {
    if (result.reason === 'throttled') return toAnswer(429, 'Rate Exceeded.');
    // The base64 form can be too long for Lambda where the body itself is not.
    if (result.errorType === 'RequestTooLargeException') return toAnswer(413, 'Request Entity Too Large');
    return toAnswer(plan.kind === 'function-url' ? 502 : 500, 'Internal Server Error');
  }
  return readHttpResult(result.payload) ?? toAnswer(plan.kind === 'function-url' ? 502 : 500, 'Internal Server Error');
}

/** API Gateway's order: whole path with its method, with ANY, greedy paths from the longest, `$default`. Path variables match one segment. */
function findRoute(routes: readonly RoutePlan[], method: string, path: string): RoutePlan | undefined {
  const ranked = routes.flatMap((route) => {
    if (route.routeKey === '$default') return [{ route, rank: 0 }];
    const [routeMethod, template = ''] = route.routeKey.split(' ');
    if ((routeMethod !== method && routeMethod !== 'ANY') || !toPathExpression(template).test(path)) return [];
    const isGreedy = template.includes('+}');
    return [{ route, rank: (isGreedy ? 1_000 : 1_000_000) + template.length * 2 + (routeMethod === 'ANY' ? 0 : 1) }];
  });
  return ranked.sort((left, right) => right.rank - left.rank)[0]?.route;
}

function toPathExpression(template: string): RegExp {
  const parts = template.split(/(\{[^}]+\})/).map((part) => {
    if (part.endsWith('+}')) return '.+';
    if (part.startsWith('{')) return '[^/]+';
    return part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`);
}

function toAnswer(statusCode: number, message: string): HttpAnswer {
  return { statusCode, headers: [['content-type', 'application/json']], body: Buffer.from(JSON.stringify({ message })) };
}

function send(response: ServerResponse, answer: HttpAnswer): void {
  for (const [name, value] of answer.headers) if (!CONNECTION_HEADERS.has(name)) response.appendHeader(name, value);
  response.setHeader('content-length', answer.body.length);
  response.writeHead(answer.statusCode).end(answer.body);
}
