import { afterEach, describe, expect, it } from 'vitest';
import { startHttpFront } from '../../../../infra/local/engines/http-front.ts';
import type { InvokeResult } from '../../../../infra/local/engines/lambda-environment.ts';
import { PortInUseError } from '../../../../infra/local/engines/loopback-server.ts';
import type { HttpFrontPlan, RoutePlan } from '../../../../infra/local/engines/plan.ts';

const plan = (kind: HttpFrontPlan['kind'], routes: readonly RoutePlan[]): HttpFrontPlan => ({
  stackName: 'App',
  logicalId: 'Front',
  name: 'front',
  arn: 'arn:front',
  kind,
  url: 'https://front.example/',
  routes,
});
const FUNCTION_URL = plan('function-url', [{ routeKey: '$default', functionArn: 'arn:webhook' }]);

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(front: HttpFrontPlan, answer: (event: Record<string, unknown>, functionArn: string) => InvokeResult) {
  const server = await startHttpFront(front, async (functionArn, payload) => answer(JSON.parse(payload), functionArn));
  closers.push(server.close);
  return server;
}

const ok = (result: unknown): InvokeResult => ({ ok: true, requestId: 'r', payload: JSON.stringify(result) });

describe('a function URL', () => {
  it('hands the request over and the answer back', async () => {
    const { url } = await start(FUNCTION_URL, (event) =>
      ok({ statusCode: 202, headers: { 'x-seen': event['rawPath'], connection: 'close' }, cookies: ['a=1'], body: event['body'] }),
    );
    const answer = await fetch(`${url}/github?x=1`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"ü":1}' });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('x-seen')).toBe('/github');
    expect(answer.headers.getSetCookie()).toEqual(['a=1']);
    expect(await answer.text()).toBe('{"ü":1}');
  });

  for (const [what, result, status] of [
    ['a throttle', { ok: false, requestId: 'r', reason: 'throttled', errorType: 'T', errorMessage: 'm' }, 429],
    ['an error', { ok: false, requestId: 'r', reason: 'error', errorType: 'T', errorMessage: 'secret detail' }, 502],
    ['a timeout', { ok: false, requestId: 'r', reason: 'timeout', errorType: 'T', errorMessage: 'm' }, 502],
    ['a status that is none', ok({ statusCode: 'x' }), 502],
  ] as const) {
    it(`answers ${status} after ${what}, without its message`, async () => {
      const { url } = await start(FUNCTION_URL, () => result);
      const answer = await fetch(url);
      expect(answer.status).toBe(status);
      expect(await answer.text()).not.toContain('secret');
    });
  }

  it('refuses a body above 6 MB and calls nothing', async () => {
    let calls = 0;
    const { url } = await start(FUNCTION_URL, () => {
      calls += 1;
      return ok(null);
    });
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(6 * 1_048_576 + 1) });
    expect(answer.status).toBe(413);
    expect(calls).toBe(0);
  });

  it('refuses a port that is taken, and says which', async () => {
    const { port } = await start(FUNCTION_URL, () => ok(null));
    const starting = startHttpFront(FUNCTION_URL, async () => ok(null), port);
    await expect(starting).rejects.toThrow(PortInUseError);
    await expect(starting).rejects.toThrow(`port ${port}`);
  });
});

describe('an HTTP API', () => {
  const routes = ['POST /github', 'ANY /git', 'POST /hooks/{id}', 'GET /files/{path+}', 'GET /files/{path+}/raw'].map((routeKey) => ({
    routeKey,
    functionArn: `arn:${routeKey}`,
  }));

  for (const [method, path, expected] of [
    ['POST', '/github', 'arn:POST /github'],
    ['GET', '/github', undefined],
    ['PUT', '/git', 'arn:ANY /git'],
    ['POST', '/hooks/7', 'arn:POST /hooks/{id}'],
    ['POST', '/hooks/7/8', undefined],
    ['GET', '/files/a/b', 'arn:GET /files/{path+}'],
    ['GET', '/', undefined],
  ] as const) {
    it(`sends ${method} ${path} to ${expected ?? 'nobody'}`, async () => {
      const { url } = await start(plan('http-api', routes), (_event, functionArn) => ok({ statusCode: 200, body: functionArn }));
      const answer = await fetch(url + path, { method });
      expect(answer.status).toBe(expected === undefined ? 404 : 200);
      if (expected !== undefined) expect(await answer.text()).toBe(expected);
    });
  }

  it('sends what no route takes to $default', async () => {
    const all = [...routes, { routeKey: '$default', functionArn: 'arn:default' }];
    const { url } = await start(plan('http-api', all), (event, functionArn) =>
      ok({ body: `${functionArn} ${event['routeKey']}`, statusCode: 200 }),
    );
    expect(await (await fetch(`${url}/elsewhere`)).text()).toBe('arn:default $default');
    expect(await (await fetch(`${url}/github`, { method: 'POST' })).text()).toBe('arn:POST /github POST /github');
  });
});
