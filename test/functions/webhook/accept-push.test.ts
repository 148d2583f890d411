import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type AcceptPushPorts, createAcceptPush, type FunctionUrlEvent } from '../../../functions/webhook/accept-push.ts';
import type { PushHint } from '../../../shared/messages/queue-messages.ts';
import { readGitPush } from '../../../shared/scm/git/push.ts';
import { readGitHubPush } from '../../../shared/scm/github/push.ts';
import { signHub } from '../../../shared/scm/hub-signature.ts';
import { pushPayload, signedDelivery } from '../../fakes/github/push-payload.ts';

const SECRET = 'canary-secret-of-the-webhook';
const BODY = JSON.stringify(
  pushPayload({
    host: 'github.example',
    repositoryId: 101,
    fullName: 'acme/web',
    defaultBranch: 'main',
    ref: 'refs/heads/main',
    before: 'a'.repeat(40),
    after: 'b'.repeat(40),
  }),
);

let secrets: string[];
let nowMs: number;
let sent: PushHint[];
let reads: number;
let forgotten: number;
let logged: unknown[];
let send: AcceptPushPorts['send'];
let routes: AcceptPushPorts['routes'];

beforeEach(() => {
  secrets = [SECRET];
  nowMs = 1_000_000;
  sent = [];
  reads = 0;
  forgotten = 0;
  logged = [];
  send = async (hint) => void sent.push(hint);
  routes = { '/github': { secretId: 'github', readPush: readGitHubPush }, '/git': { secretId: 'git', readPush: readGitPush } };
});
afterEach(() => {
  vi.useRealTimers();
  expect(JSON.stringify(logged)).not.toContain(SECRET);
  expect(JSON.stringify(logged)).not.toContain('acme');
});

function acceptor(): ReturnType<typeof createAcceptPush> {
  const record =
    (level: string) =>
    (message: string, fields = {}): void =>
      void logged.push({ level, message, ...fields });
  return createAcceptPush({
    tenant: 'default',
    routes,
    readSecrets: async () => {
      reads += 1;
      return secrets;
    },
    forgetSecrets: () => {
      forgotten += 1;
    },
    send: (hint) => send(hint),
    nowMs: () => nowMs,
    log: { info: record('info'), warn: record('warn'), error: record('error') },
  });
}

function eventOf(
  delivery: { headers: Readonly<Record<string, string>>; body: string },
  changes: Partial<FunctionUrlEvent> = {},
): FunctionUrlEvent {
  return { rawPath: '/github', requestContext: { http: { method: 'POST' } }, headers: delivery.headers, body: delivery.body, ...changes };
}

const signed = (body: string | Uint8Array, headers: Record<string, string> = {}): FunctionUrlEvent => ({
  rawPath: '/github',
  requestContext: { http: { method: 'POST' } },
  headers: {
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-hub-signature-256': signHub(SECRET, Buffer.from(body)),
    ...headers,
  },
  body: Buffer.from(body).toString('base64'),
  isBase64Encoded: true,
});

const push = (): FunctionUrlEvent => eventOf(signedDelivery('push', BODY, SECRET, 'delivery-1'));

describe('a signed push', () => {
  test('is answered 202 after its hint was sent, and not before', async () => {
    let release = (): void => undefined;
    send = (hint) => {
      sent.push(hint);
      return new Promise((resolve) => {
        release = resolve;
      });
    };
    let answered = false;
    const answer = acceptor()(push()).finally(() => {
      answered = true;
    });
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    expect(answered).toBe(false);
    release();
    expect(await answer).toEqual({
      statusCode: 202,
      headers: { 'content-type': 'application/json' },
      body: '{"status":"accepted","deliveryId":"delivery-1"}',
    });
    expect(sent[0]).toMatchObject({ deliveryId: 'delivery-1', receivedAtMs: nowMs, ref: { repositoryId: '101', ref: 'refs/heads/main' } });
  });

  test('is taken in base64, with headers in any case, a charset, and a slash at the end of the path', async () => {
    const { headers, body } = signedDelivery('push', BODY, SECRET);
    const upper = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));
    const event = eventOf(
      { headers: { ...upper, 'CONTENT-TYPE': 'Application/JSON; charset=utf-8' }, body: Buffer.from(body).toString('base64') },
      { isBase64Encoded: true, rawPath: '/github/' },
    );
    expect(await acceptor()(event)).toMatchObject({ statusCode: 202 });
  });

  test.each([
    ['text beyond ASCII', BODY.replace('"Change"', '"größe 🎉"')],
    ['line ends of Windows', BODY.replaceAll(',', ',\r\n')],
    ['a byte order mark', `\uFEFF${BODY}`],
    ['a key twice', BODY.replace('{', '{"ref":"refs/heads/other",')],
  ])('is verified over its raw bytes: %s', async (_, body) => {
    expect(await acceptor()(signed(body))).toMatchObject({ statusCode: 202 });
    expect(sent).toHaveLength(1);
  });

  test('of several MB is taken', async () => {
    const commits = Array.from({ length: 2048 }, (_, index) => ({
      id: String(index),
      added: Array.from({ length: 30 }, (__, file) => `src/folder/file-${file}`),
    }));
    const body = JSON.stringify({ ...JSON.parse(BODY), commits });
    expect(body.length).toBeGreaterThan(1024 * 1024);
    expect(await acceptor()(signed(body))).toMatchObject({ statusCode: 202 });
  });

  test('has a delivery id cut to a size that a message can carry', async () => {
    await acceptor()(signed(BODY, { 'x-github-delivery': 'x'.repeat(5_000) }));
    expect(sent[0]?.deliveryId).toHaveLength(100);
  });
});

describe('a signature that does not fit', () => {
  const signature = signHub(SECRET, Buffer.from(BODY));
  test.each([
    ['is missing', undefined],
    ['is empty', ''],
    ['has no value', 'sha256='],
    ['is cut off', signature.slice(0, -2)],
    ['is no hexadecimal number', `sha256=${'zz'.repeat(32)}`],
    ['is SHA-1 only', `sha1=${'0'.repeat(40)}`],
    ['comes twice', `${signature},${signature}`],
  ])('is refused with 401 without any call where it %s', async (_, value) => {
    const event = signed(BODY);
    expect(await acceptor()({ ...event, headers: { ...event.headers, 'x-hub-signature-256': value } })).toMatchObject({ statusCode: 401 });
    expect([reads, forgotten, sent]).toEqual([0, 0, []]);
  });

  test('is refused with 401 for any other bytes, secret or value, and sends nothing', async () => {
    const accept = acceptor();
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Buffer.from(BODY);
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ change;
        const event = { ...signed(BODY), body: bytes.toString('base64') };
        expect(await accept(event)).toMatchObject({ statusCode: 401 });
      }),
      { numRuns: 50 },
    );
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^sha256=[0-9a-f]{64}$/), async (value) => {
        expect(await accept(signed(BODY, { 'x-hub-signature-256': value }))).toMatchObject({ statusCode: 401 });
      }),
      { numRuns: 50 },
    );
    expect(sent).toEqual([]);
  });

  test('is refused where the secret is empty', async () => {
    secrets = [''];
    expect(await acceptor()(signed(BODY, { 'x-hub-signature-256': signHub('', Buffer.from(BODY)) }))).toMatchObject({ statusCode: 401 });
  });
});

describe('a secret that is being replaced', () => {
  test('is taken in its current and its previous value', async () => {
    secrets = ['new secret', SECRET];
    expect(await acceptor()(push())).toMatchObject({ statusCode: 202 });
    expect(forgotten).toBe(0);
  });

  test('is asked for again when a signature does not fit, at most once in ten seconds', async () => {
    secrets = ['outdated'];
    const accept = acceptor();
    expect(await accept(push())).toMatchObject({ statusCode: 401 });
    expect([reads, forgotten]).toEqual([2, 1]);
    for (let index = 0; index < 20; index += 1) expect(await accept(push())).toMatchObject({ statusCode: 401 });
    expect([reads, forgotten]).toEqual([22, 1]);
    nowMs += 10_000;
    secrets = [SECRET];
    expect(await accept(push())).toMatchObject({ statusCode: 202 });
  });

  test('fits at once where only the cache was outdated', async () => {
    const fresh = secrets;
    secrets = ['outdated'];
    const accept = createAcceptPush({
      tenant: 'default',
      routes,
      readSecrets: async () => (forgotten > 0 ? fresh : secrets),
      forgetSecrets: () => {
        forgotten += 1;
      },
      send: (hint) => send(hint),
      nowMs: () => nowMs,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    });
    expect(await accept(push())).toMatchObject({ statusCode: 202 });
    expect(sent).toHaveLength(1);
  });
});

describe('what is no delivery', () => {
  test.each(['/', '', '/gitlab', '/github/x', '/GITHUB', '/__proto__', '/constructor'])('is refused with 404 at %j', async (rawPath) => {
    expect(await acceptor()({ ...push(), rawPath })).toMatchObject({ statusCode: 404 });
  });

  test('is refused with 404 at a route that is not switched on', async () => {
    routes = { '/github': { secretId: 'github', readPush: readGitHubPush } };
    expect(await acceptor()({ ...push(), rawPath: '/git' })).toMatchObject({ statusCode: 404 });
  });

  test.each(['GET', 'PUT', 'HEAD', 'OPTIONS'])('is refused with 405 as %s', async (method) => {
    expect(await acceptor()({ ...push(), requestContext: { http: { method } } })).toMatchObject({
      statusCode: 405,
      headers: { allow: 'POST' },
    });
  });

  test.each(['application/x-www-form-urlencoded', 'text/plain', ''])('is refused with 415 as %j', async (contentType) => {
    expect(await acceptor()(signed(BODY, { 'content-type': contentType }))).toMatchObject({ statusCode: 415 });
  });

  test('is refused with 415 where it is compressed', async () => {
    expect(await acceptor()(signed(BODY, { 'content-encoding': 'gzip' }))).toMatchObject({ statusCode: 415 });
  });

  test('is refused with 413 beyond 6 MiB, and counted', async () => {
    expect(await acceptor()(signed('x'.repeat(6 * 1024 * 1024 + 1)))).toMatchObject({ statusCode: 413 });
    expect(logged).toEqual([expect.objectContaining({ message: 'a delivery is too large', bytes: 6 * 1024 * 1024 + 1 })]);
  });

  test.each([
    ['nothing', ''],
    ['one byte', '{'],
    ['half a document', BODY.slice(0, -10)],
    ['bytes that are no text', Buffer.from([0x22, 0xff, 0x22])],
    ['the form that GitHub sends on request', `payload=${encodeURIComponent(BODY)}`],
  ])('is refused with 400 where the signed body is %s', async (_, body) => {
    expect(await acceptor()(signed(body))).toMatchObject({ statusCode: 400 });
  });

  test('is refused with 401 without a body', async () => {
    const { body: _, ...event } = push();
    expect(await acceptor()(event)).toMatchObject({ statusCode: 401 });
  });

  test('is refused with 400 where a signed push is none', async () => {
    expect(await acceptor()(signed('{"ref":1}'))).toMatchObject({ statusCode: 400, body: expect.stringContaining('ref') });
    expect(await acceptor()(signed('[['.repeat(100_000) + ']]'.repeat(100_000)))).toMatchObject({ statusCode: 400 });
  });

  afterEach(() => expect(sent).toEqual([]));
});

describe('a delivery that asks for nothing', () => {
  test('is answered 200 with the reason: a ping', async () => {
    const delivery = signedDelivery('ping', '{"zen":"Keep it simple.","hook_id":1}', SECRET);
    expect(await acceptor()(eventOf(delivery))).toMatchObject({ statusCode: 200, body: '{"status":"ignored","reason":"ping"}' });
  });

  test('is answered 200 with the reason: a tag', async () => {
    expect(await acceptor()(signed(BODY.replace('refs/heads/main', 'refs/tags/v1')))).toMatchObject({
      statusCode: 200,
      body: expect.stringContaining('tags'),
    });
    expect(sent).toEqual([]);
  });
});

describe('a push that cannot be stored is answered 503, so that its sender knows', () => {
  test('when the queue fails', async () => {
    send = async () => {
      throw new Error('SQS refused');
    };
    expect(await acceptor()(push())).toMatchObject({ statusCode: 503 });
  });

  test('when the queue does not answer in time, even if it took the message', async () => {
    vi.useFakeTimers();
    send = (hint) => {
      sent.push(hint);
      return new Promise(() => undefined);
    };
    const answer = acceptor()(push());
    await vi.advanceTimersByTimeAsync(8_000);
    expect(await answer).toMatchObject({ statusCode: 503 });
    expect(sent).toHaveLength(1);
  });

  test('when the secret cannot be read', async () => {
    secrets = undefined as unknown as string[];
    expect(await acceptor()(push())).toMatchObject({ statusCode: 503 });
  });

  test.each([null, {}, { rawPath: 7 }, []])('when the event is %j', async (event) => {
    expect(await acceptor()(event as unknown as FunctionUrlEvent)).toMatchObject({ statusCode: 503 });
  });

  test.each([undefined, null, 'text', Object.freeze({ cause: 1 })])('when %j is thrown', async (thrown) => {
    send = () => Promise.reject(thrown);
    expect(await acceptor()(push())).toMatchObject({ statusCode: 503 });
  });
});

const recordings = join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'corpus-webhooks', 'gitea');

describe.skipIf(!existsSync(recordings))("recorded deliveries of a Gitea, which carry GitHub's headers", () => {
  const files = existsSync(recordings) ? readdirSync(recordings) : [];

  test.each(files)('are refused by the route of GitHub, even with their own secret: %s', async (file) => {
    const recording = JSON.parse(readFileSync(join(recordings, file), 'utf8'));
    const headers: Record<string, string> = {};
    for (let index = 0; index < recording.rawHeaders.length; index += 2)
      headers[recording.rawHeaders[index]] = recording.rawHeaders[index + 1];
    const event = eventOf({ headers, body: recording.body });
    secrets = [recording.secret || SECRET];
    const { statusCode, body } = await acceptor()(event);
    const isForm = headers['Content-Type'] !== 'application/json';
    const isSigned = headers['X-Hub-Signature-256'] === signHub(recording.secret ?? '', Buffer.from(recording.body)) && recording.secret;
    expect([statusCode, body]).toEqual([isForm ? 415 : isSigned ? 400 : 401, expect.stringContaining('refused')]);
    expect(sent).toEqual([]);
  });
});
