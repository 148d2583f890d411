import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startSntp } from '../../../infra/local/engines/sntp.ts';
import { parseTimeServer, sntpTimeSource } from '../../../shared/rate-limit/sntp.ts';

vi.mock('node:dns/promises', async (original) => ({ ...(await original<object>()), lookup: vi.fn() }));

const NTP_TO_UNIX_SECONDS = 2_208_988_800;
const open: Socket[] = [];

/** A time server on loopback that answers as the test says; returns its address. */
async function answering(answer: (request: Buffer) => Buffer | undefined): Promise<string> {
  const socket = createSocket('udp4');
  socket.on('message', (request: Buffer, from: RemoteInfo) => {
    const packet = answer(request);
    if (packet) socket.send(packet, from.port, from.address);
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  open.push(socket);
  return `127.0.0.1:${socket.address().port}`;
}

function packet(request: Buffer, change: { header?: number; stratum?: number; seconds?: number; nonce?: Buffer } = {}): Buffer {
  const answer = Buffer.alloc(48);
  answer[0] = change.header ?? 0b00_100_100;
  answer[1] = change.stratum ?? 2;
  answer.write('RATE', 12, 'latin1');
  (change.nonce ?? request.subarray(40, 48)).copy(answer, 24);
  for (const at of [32, 40]) answer.writeUInt32BE(change.seconds ?? 0, at);
  return answer;
}

afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

describe('the SNTP client', () => {
  it('measures the offset of a server that is three days ahead, within half of each round trip', async () => {
    const aheadMs = 3 * 86_400_000;
    const server = await startSntp(() => performance.now() + aheadMs);
    try {
      const samples = await sntpTimeSource(server.address).measure();
      expect(samples.length).toBe(4);
      for (const { offsetMicros, boundMicros } of samples) {
        expect(Math.abs(offsetMicros - aheadMs * 1_000)).toBeLessThanOrEqual(boundMicros + 2);
      }
    } finally {
      await server.close();
    }
  });

  it('reads times past the end of NTP’s first era', async () => {
    const in2040Seconds = 2_208_988_801;
    const address = await answering((request) => packet(request, { seconds: (in2040Seconds + NTP_TO_UNIX_SECONDS) % 2 ** 32 }));
    const [sample] = await sntpTimeSource(address, () => 0).measure();
    expect(sample).toEqual({ offsetMicros: in2040Seconds * 1e6, boundMicros: 0 });
  });

  it.each([
    ['a packet that is too short', () => Buffer.alloc(20), /20 bytes/],
    ['a request instead of an answer', (request: Buffer) => packet(request, { header: 0b00_100_011 }), /no server answer/],
    ['an answer to another request', (request: Buffer) => packet(request, { nonce: Buffer.alloc(8, 7) }), /another request/],
    ['a kiss of death', (request: Buffer) => packet(request, { stratum: 0 }), /refused with code "RATE"/],
    ['a server without time', (request: Buffer) => packet(request, { header: 0b11_100_100 }), /does not know the time/],
    ['a server at stratum 16', (request: Buffer) => packet(request, { stratum: 16 }), /does not know the time/],
  ])('refuses %s', async (_name, answer, message) => {
    await expect(sntpTimeSource(await answering(answer)).measure()).rejects.toThrow(message);
  });

  it('fails where nobody answers, and says so', async () => {
    await expect(sntpTimeSource(await answering(() => undefined)).measure()).rejects.toThrow(/no answer within/);
  });

  it('keeps what it measured when later exchanges are lost', async () => {
    let requests = 0;
    const address = await answering((request) => {
      requests += 1;
      return requests <= 2 ? packet(request) : undefined;
    });
    expect(await sntpTimeSource(address).measure()).toHaveLength(2);
  });

  it('measures although one answer is lost, be it the first, and gives up after two', async () => {
    const requests = { one: 0, two: 0 };
    const losesOne = await answering((request) => {
      requests.one += 1;
      return requests.one > 1 ? packet(request) : undefined;
    });
    expect(await sntpTimeSource(losesOne).measure()).toHaveLength(3);
    const losesTwo = await answering((request) => {
      requests.two += 1;
      return requests.two > 2 ? packet(request) : undefined;
    });
    await expect(sntpTimeSource(losesTwo).measure()).rejects.toThrow(/no answer within/);
    expect(requests.two).toBe(2);
  });

  it('fails soon where the resolver does not answer', async () => {
    vi.mocked(lookup).mockReturnValueOnce(new Promise<never>(() => undefined));
    await expect(sntpTimeSource('time.example').measure()).rejects.toThrow(/name is not resolved within/);
  });
});

describe('a time server’s address', () => {
  it('is a host, a host and a port, or an IPv6 address in brackets', () => {
    expect(parseTimeServer('time.example')).toEqual({ host: 'time.example', port: 123 });
    expect(parseTimeServer('127.0.0.1:4123')).toEqual({ host: '127.0.0.1', port: 4123 });
    expect(parseTimeServer('[::1]:4123')).toEqual({ host: '::1', port: 4123 });
  });

  it.each(['', 'a b', 'host:0', 'host:70000', 'host:port', '::1', 'udp://host'])('refuses %j', (address) => {
    expect(() => parseTimeServer(address)).toThrow(/TIME_SERVER/);
  });
});
