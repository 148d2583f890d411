import { randomBytes } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDeliverAlert } from '../../../functions/alert/deliver-alert.ts';
import { deliveryBody, parseAlertMessage } from '../../../shared/alerts/alert-messages.ts';
import { waitSeconds } from '../../../shared/alerts/retry-schedule.ts';
import { createWebhookClient } from '../../../shared/alerts/webhook-client.ts';
import { verifyAlert } from '../../../shared/alerts/webhook-receiver.ts';
import type { LogFields } from '../../../shared/aws/log.ts';
import { SecretError } from '../../../shared/aws/secrets.ts';
import type { SqsRecord } from '../../../shared/aws/sqs-batch.ts';
import type { BusEvent } from '../../../shared/messages/bus-events.ts';
import { parseSettings, type Settings } from '../../../shared/model/settings/settings.ts';
import { findingEvent, scanEvent } from '../../shared/alerts/sample-events.ts';

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;

interface Received {
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** A consumer that answers as the test says, on a real socket. */
const received: Received[] = [];
let answer: (response: http.ServerResponse, request: http.IncomingMessage) => void = (response) => response.writeHead(204).end();
let server: http.Server;
let base: string;

beforeEach(async () => {
  received.length = 0;
  answer = (response) => response.writeHead(204).end();
  server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    received.push({ path: request.url ?? '', headers: request.headers, body });
    answer(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

interface SinkSpec {
  readonly name: string;
  readonly url: string;
  readonly refs?: string;
}

function makeAlert(sinks: readonly SinkSpec[], secretValues: () => string[], readSettings?: () => Promise<Settings>) {
  const sent: string[] = [];
  const logged: string[] = [];
  const write = (message: string, fields: LogFields = {}) => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const forgotten: string[] = [];
  let nowMs = Date.now();
  const document = { version: 1, sinks: sinks.map((sink) => ({ kind: 'webhook', signingSecret: `watch/${sink.name}`, ...sink })) };
  const deliverAlert = makeDeliverAlert({
    settings: readSettings ?? (async () => parseSettings(document, 'test')),
    secrets: { readAll: async () => secretValues(), forget: (id) => void forgotten.push(id) },
    client: createWebhookClient({ reservedPorts: new Set() }),
    queue: { send: async (messages) => void sent.push(...messages.map(({ body }) => body)) },
    log: { info: write, warn: write, error: write },
    nowMs: () => nowMs,
    random: () => 0.5,
  });
  const record = (body: string, receiveCount: number): SqsRecord => ({
    messageId: 'm',
    receiptHandle: 'r',
    eventSourceARN: 'arn:aws:sqs:eu-west-1:000000000000:alerts-webhook',
    body,
    attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: '0' },
  });
  return {
    sent,
    logged,
    forgotten,
    deliveries: () => sent.map((body) => parseAlertMessage(body)),
    passTime: (ms: number) => (nowMs += ms),
    run: (body: string, receiveCount = 1) => deliverAlert(record(body, receiveCount)),
    deliver: (event: BusEvent, receiveCount = 1, sink = 'ops') => deliverAlert(record(deliveryBody(sink, event), receiveCount)),
  };
}

const envelope = (event: BusEvent) =>
  JSON.stringify({ version: '0', id: 'x', 'detail-type': event.detailType, source: 'safedep-watch', detail: event });

describe('an event from the bus', () => {
  const secret = newSecret();
  const sinks = () => [
    { name: 'ops', url: 'https://hooks.example/ops' },
    { name: 'audit', url: `${base}/audit`, refs: 'all' },
  ];

  it('becomes one delivery for each sink, and is posted nowhere itself', async () => {
    const alert = makeAlert(sinks(), () => [secret]);
    expect(await alert.run(envelope(findingEvent()))).toBe('done');
    expect(alert.deliveries()).toEqual([
      { version: 1, kind: 'delivery', sink: 'ops', event: findingEvent() },
      { version: 1, kind: 'delivery', sink: 'audit', event: findingEvent() },
    ]);
    expect(received).toEqual([]);
  });

  it('that no sink wants ends there', async () => {
    const alert = makeAlert(sinks(), () => [secret]);
    expect(await alert.run(envelope(findingEvent({ baseline: true })))).toBe('done');
    expect(alert.sent).toEqual([]);
  });

  it('that is made up goes to sinks on this machine only, which is said', async () => {
    const alert = makeAlert(sinks(), () => [secret]);
    const event = findingEvent({ answers: 'stand-in' });
    await alert.run(envelope(event));
    expect(alert.deliveries()).toEqual([{ version: 1, kind: 'delivery', sink: 'audit', event }]);
    expect(alert.logged.join()).toContain('"sinks":["ops"]');
  });

  it('waits like a delivery while our own tables are away', async () => {
    const alert = makeAlert(
      sinks(),
      () => [secret],
      () => Promise.reject(new Error('no settings')),
    );
    expect(await alert.run(envelope(findingEvent()), 9)).toEqual({ againAfterSeconds: waitSeconds(9, 0.5) });
    expect(await alert.deliver(findingEvent(), 9)).toEqual({ againAfterSeconds: waitSeconds(9, 0.5) });
  });

  it('that is no event of ours is refused and stays on the queue', async () => {
    const alert = makeAlert(sinks(), () => [secret]);
    await expect(alert.run('{"detail-type":"x","source":"y","detail":{}}')).rejects.toThrow('not a bus event');
  });
});

describe('a delivery', () => {
  const secret = newSecret();
  const ops = () => [{ name: 'ops', url: `${base}/hook` }];

  it('is one POST that the consumer can verify', async () => {
    const alert = makeAlert(ops(), () => [secret]);
    expect(await alert.deliver(findingEvent())).toBe('done');
    expect(received).toHaveLength(1);
    const [request] = received;
    expect(request?.path).toBe('/hook');
    expect(request?.headers['content-type']).toBe('application/json');
    expect(request?.headers['webhook-id']).toBe('a3f5:1');
    const alertSeen = verifyAlert(request?.body ?? '', request?.headers ?? {}, [secret]);
    expect(alertSeen.data).toEqual(findingEvent());
    expect(alertSeen.type).toBe('finding opened');
  });

  it('keeps id and bytes at every attempt and signs anew with the time of the attempt', async () => {
    const alert = makeAlert(ops(), () => [secret]);
    answer = (response) => response.writeHead(503).end();
    await alert.deliver(findingEvent(), 1);
    alert.passTime(60_000);
    await alert.deliver(findingEvent(), 2);
    const [first, second] = received;
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(second?.body).toBe(first?.body);
    expect(Number(second?.headers['webhook-timestamp']) - Number(first?.headers['webhook-timestamp'])).toBe(60);
    for (const request of received) expect(verifyAlert(request.body, request.headers, [secret]).text).toContain('Finding (reject)');
  });

  it('is signed with the new and the old secret while one replaces the other', async () => {
    const [fresh, old] = [newSecret(), newSecret()];
    const alert = makeAlert(ops(), () => [fresh, old]);
    await alert.deliver(findingEvent());
    for (const active of [fresh, old]) verifyAlert(received[0]?.body ?? '', received[0]?.headers ?? {}, [active]);
    expect(() => verifyAlert(received[0]?.body ?? '', received[0]?.headers ?? {}, [newSecret()])).toThrow('refused');
  });

  it.each([200, 201, 202, 204, 299])('answered with %i is done', async (status) => {
    const alert = makeAlert(ops(), () => [secret]);
    answer = (response) => response.writeHead(status).end();
    expect(await alert.deliver(findingEvent())).toBe('done');
  });

  it.each([300, 301, 302, 307, 308, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504])(
    'answered with %i is hidden for its wait and comes again',
    async (status) => {
      const alert = makeAlert(ops(), () => [secret]);
      answer = (response) => response.writeHead(status, { location: `${base}/elsewhere` }).end('no');
      expect(await alert.deliver(findingEvent(), 7)).toEqual({ againAfterSeconds: waitSeconds(7, 0.5) });
      expect(received.map(({ path }) => path)).toEqual(['/hook']);
      expect(alert.logged.join()).toContain(`status ${status}`);
    },
  );

  it('answered with 410 ends for this event, which is said', async () => {
    const alert = makeAlert(ops(), () => [secret]);
    answer = (response) => response.writeHead(410).end();
    expect(await alert.deliver(findingEvent())).toBe('done');
    expect(alert.logged.join()).toContain('410');
  });

  it('waits as long as the consumer asks', async () => {
    const alert = makeAlert(ops(), () => [secret]);
    answer = (response) => response.writeHead(429, { 'retry-after': '600' }).end();
    expect(await alert.deliver(findingEvent(), 1)).toEqual({ againAfterSeconds: 600 });
  });

  it('to a consumer that breaks the connection comes again', async () => {
    const alert = makeAlert(ops(), () => [secret]);
    answer = (_response, request) => request.socket.destroy();
    expect(await alert.deliver(findingEvent(), 3)).toEqual({ againAfterSeconds: waitSeconds(3, 0.5) });
  });

  it('to a consumer that did not answer twice on end waits without a try, and a minute later is tried again', async () => {
    const alert = makeAlert(ops(), () => [secret]);
    answer = (_response, request) => request.socket.destroy();
    for (let delivery = 0; delivery < 5; delivery += 1) {
      expect(await alert.deliver(findingEvent(), 1)).toEqual({ againAfterSeconds: waitSeconds(1, 0.5) });
    }
    expect(received).toHaveLength(2);
    answer = (response) => response.writeHead(204).end();
    alert.passTime(61_000);
    for (let delivery = 0; delivery < 3; delivery += 1) expect(await alert.deliver(findingEvent(), 2)).toBe('done');
    expect(received).toHaveLength(5);
  });

  it('without a usable secret comes again, reads the secret anew and does not show it', async () => {
    for (const values of [
      () => ['canary-not-a-key'],
      (): string[] => {
        throw new SecretError('the secret watch/ops has no value');
      },
    ]) {
      const alert = makeAlert(ops(), values);
      expect(await alert.deliver(findingEvent())).toEqual({ againAfterSeconds: waitSeconds(1, 0.5) });
      expect(alert.forgotten).toEqual(['watch/ops']);
      expect(alert.logged.join()).toContain('watch/ops');
      expect(alert.logged.join()).not.toContain('canary');
    }
    expect(received).toEqual([]);
  });

  it.each([
    'http://hooks.example/',
    'https://169.254.169.254/latest/meta-data/',
    'https://10.0.0.1/',
    'https://[::ffff:127.0.0.1].example/',
  ])('to %s is not posted and comes again, so that the settings can be mended', async (url) => {
    const alert = makeAlert([{ name: 'ops', url: URL.canParse(url) ? url : 'https://0.0.0.0/' }], () => [secret]);
    expect(await alert.deliver(findingEvent())).toEqual({ againAfterSeconds: waitSeconds(1, 0.5) });
    expect(alert.logged.join()).toContain('refused');
  });

  it('that is made up never leaves this machine, also when it is on the queue already', async () => {
    const alert = makeAlert([{ name: 'ops', url: 'https://hooks.example/' }], () => [secret]);
    expect(await alert.deliver(scanEvent({ answers: 'stand-in' }))).toBe('done');
    expect(alert.logged.join()).toContain('made-up');
  });

  it('that is made up says so in every line', async () => {
    const alert = makeAlert(ops(), () => [secret]);
    await alert.deliver(scanEvent({ answers: 'stand-in' }));
    const { text } = verifyAlert(received[0]?.body ?? '', received[0]?.headers ?? {}, [secret]);
    for (const line of text.split('\n')) expect(line).toMatch(/^\[made up\] /);
  });

  it('to a sink that the settings no longer name is dropped, which is said', async () => {
    const alert = makeAlert([], () => [secret]);
    expect(await alert.deliver(findingEvent())).toBe('done');
    expect(alert.logged.join()).toContain('do not name this sink');
  });

  it('shows no secret in log or message, whatever happens', async () => {
    const alert = makeAlert(ops(), () => [secret]);
    for (const status of [200, 302, 410, 500]) {
      answer = (response) => response.writeHead(status).end(secret);
      await alert.deliver(findingEvent());
    }
    await alert.run(envelope(findingEvent()));
    const key = secret.slice('whsec_'.length);
    expect([...alert.logged, ...alert.sent, ...received.map(({ body }) => body)].join()).not.toContain(key);
  });
});
