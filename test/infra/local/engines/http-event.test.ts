import { describe, expect, it } from 'vitest';
import { readHttpResult, toHttpEvent } from '../../../../infra/local/engines/http-event.ts';

const AT = Date.parse('2030-01-30T09:15:00Z');

const toEvent = (over: Partial<Parameters<typeof toHttpEvent>[0]> = {}) =>
  toHttpEvent(
    { method: 'POST', url: '/github?a=1&b=2&a=3', rawHeaders: [], body: Buffer.alloc(0), sourceIp: '127.0.0.1', ...over },
    '$default',
    'request-1',
    AT,
  );

describe('toHttpEvent', () => {
  it('has the shape of payload format 2.0', () => {
    const rawHeaders = ['Host', 'abc.example', 'X-Hub', 'one', 'x-hub', 'two', 'Cookie', 'a=1; b=2', 'User-Agent', 'probe'];
    expect(toEvent({ rawHeaders })).toEqual({
      version: '2.0',
      routeKey: '$default',
      rawPath: '/github',
      rawQueryString: 'a=1&b=2&a=3',
      cookies: ['a=1', 'b=2'],
      headers: { host: 'abc.example', 'x-hub': 'one,two', 'user-agent': 'probe' },
      queryStringParameters: { a: '1,3', b: '2' },
      requestContext: {
        accountId: '000000000000',
        apiId: 'local',
        domainName: 'abc.example',
        domainPrefix: 'abc',
        http: { method: 'POST', path: '/github', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'probe' },
        requestId: 'request-1',
        routeKey: '$default',
        stage: '$default',
        time: '30/Jan/2030:09:15:00 +0000',
        timeEpoch: AT,
      },
      isBase64Encoded: false,
    });
  });

  for (const [type, isText] of [
    ['application/json', true],
    ['application/json; charset=utf-8', true],
    ['text/plain', true],
    ['application/xml', true],
    ['application/x-www-form-urlencoded', false],
    ['application/octet-stream', false],
    ['application/jsonl', false],
  ] as const) {
    it(`hands a body of ${type} over ${isText ? 'as text' : 'in base64'}`, () => {
      const body = Buffer.from('{"a":"ä"}');
      expect(toEvent({ rawHeaders: ['Content-Type', type], body })).toMatchObject({
        isBase64Encoded: !isText,
        body: isText ? '{"a":"ä"}' : body.toString('base64'),
      });
    });
  }

  it('hands a body without a type over in base64', () => {
    expect(toEvent({ body: Buffer.from([0xff, 0]) })).toMatchObject({ isBase64Encoded: true, body: '/wA=' });
  });
});

describe('readHttpResult', () => {
  it('takes status, headers, cookies and a base64 body', () => {
    const result = { statusCode: 202, headers: { 'X-A': 1 }, cookies: ['c=1', 'd=2'], body: 'aGk=', isBase64Encoded: true };
    expect(readHttpResult(JSON.stringify(result))).toEqual({
      statusCode: 202,
      headers: [
        ['content-type', 'application/json'],
        ['x-a', '1'],
        ['set-cookie', 'c=1'],
        ['set-cookie', 'd=2'],
      ],
      body: Buffer.from('hi'),
    });
  });

  it('makes a 200 of a result without a status', () => {
    expect(readHttpResult('{"a":1}')).toMatchObject({ statusCode: 200, body: Buffer.from('{"a":1}') });
    expect(readHttpResult('"text"')).toMatchObject({ statusCode: 200, body: Buffer.from('text') });
  });

  it('refuses a status that is none', () => {
    expect(readHttpResult('{"statusCode":"many"}')).toBeUndefined();
    expect(readHttpResult('{"statusCode":99}')).toBeUndefined();
  });
});
