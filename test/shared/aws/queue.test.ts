import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createQueue, createQueueReader, type Queue } from '../../../shared/aws/queue.ts';

interface Entry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly DelaySeconds?: number;
}

/** Speaks SQS's JSON protocol, refuses entries as a test wants, and keeps what it took. */
let server: Server;
let client: SQSClient;
let queue: Queue;
let taken: Entry[];
let calls: { action: string; input: Record<string, unknown>; bytes: number }[];
let refuses: (entry: Entry, call: number) => boolean;

beforeEach(async () => {
  [taken, calls, refuses] = [[], [], () => false];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const input = JSON.parse(body) as Record<string, unknown>;
      const action = String(request.headers['x-amz-target']).split('.')[1] ?? '';
      calls.push({ action, input, bytes: Buffer.byteLength(body) });
      const entries = (input['Entries'] ?? []) as Entry[];
      const refused = entries.filter((entry) => refuses(entry, calls.length));
      const accepted = entries.filter((entry) => !refused.includes(entry));
      taken.push(...accepted);
      const md5 = (text: string) => createHash('md5').update(text).digest('hex');
      response.setHeader('content-type', 'application/x-amz-json-1.0');
      response.end(
        JSON.stringify({
          Successful: accepted.map(({ Id, MessageBody }) => ({ Id, MessageId: `m${Id}`, MD5OfMessageBody: md5(MessageBody) })),
          Failed: refused.map(({ Id }) => ({ Id, Code: 'InternalError', SenderFault: false })),
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = new SQSClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    useQueueUrlAsEndpoint: false,
  });
  queue = createQueue(client, 'https://sqs.example/1/work');
});
afterEach(async () => {
  client.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const bodies = () => taken.map(({ MessageBody }) => MessageBody).sort();
const numbered = (count: number) => Array.from({ length: count }, (_, index) => ({ body: JSON.stringify({ index }) }));

describe('send', () => {
  it('sends everything once, ten messages a call, each with its delay', async () => {
    await queue.send([...numbered(23), { body: '"late"', delaySeconds: 5 }]);
    expect(calls.map(({ input }) => (input['Entries'] as Entry[]).length)).toEqual([10, 10, 4]);
    expect(bodies()).toEqual([...numbered(23).map(({ body }) => body), '"late"'].sort());
    expect(taken.find(({ MessageBody }) => MessageBody === '"late"')?.DelaySeconds).toBe(5);
  });

  it('makes no call for nothing', async () => {
    await queue.send([]);
    expect(calls).toEqual([]);
  });

  it('sends again exactly what was refused, and nothing of the rest', async () => {
    refuses = ({ MessageBody }, call) => call === 1 && ['{"index":3}', '{"index":7}'].includes(MessageBody);
    await queue.send(numbered(10));
    expect(calls).toHaveLength(2);
    expect(bodies()).toEqual(numbered(10).map(({ body }) => body));
  });

  it('throws after three refusals, with their number and code, so that the sender comes back', async () => {
    refuses = ({ MessageBody }) => MessageBody === '{"index":3}';
    await expect(queue.send(numbered(5))).rejects.toThrow(
      'SQS refused 1 message(s) for https://sqs.example/1/work, last with InternalError',
    );
    expect(calls).toHaveLength(3);
  });

  it("stays below SQS's bytes a call with messages of the largest size", async () => {
    await queue.send(Array.from({ length: 12 }, () => ({ body: JSON.stringify('x'.repeat(200 * 1024 - 2)) })));
    expect(taken).toHaveLength(12);
    for (const { bytes } of calls) expect(bytes).toBeLessThanOrEqual(1024 * 1024 + 2_000);
  });

  it('sends a body with characters that SQS refuses as JSON that means the same', async () => {
    const ref = 'refs/heads/\uffff\ufffe\u0000\ud800ok';
    await queue.send([{ body: JSON.stringify({ ref }) }]);
    const body = taken[0]?.MessageBody ?? '';
    expect(body).toMatch(/^[\t\n\r\x20-\ud7ff\ue000-\ufffd]*$/);
    expect(JSON.parse(body)).toEqual({ ref });
  });
});

describe('a queue reader', () => {
  it('asks for ten messages without waiting, and gives none for an empty queue', async () => {
    expect(await createQueueReader(client, 'https://sqs.example/1/dead').receive(600)).toEqual([]);
    expect(calls[0]?.input).toMatchObject({ MaxNumberOfMessages: 10, VisibilityTimeout: 600, WaitTimeSeconds: 0 });
  });
});
