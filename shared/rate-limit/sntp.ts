import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { OffsetSample, TimeSource } from './clock.ts';

/** SNTP (RFC 4330) over UDP: the client that sets the fleet's clock. */

const PACKET_BYTES = 48;
const CLIENT_HEADER = 0b00_100_011; // no leap warning, version 4, client
const MODE_MASK = 0b111;
const MODE_SERVER = 4;
const LEAP_UNSYNCHRONISED = 3;
const STRATUM_MAX = 15;
const [ORIGINATE, RECEIVE, TRANSMIT] = [24, 32, 40];
/** Seconds from NTP's epoch, 1900, to Unix's. */
const NTP_TO_UNIX_SECONDS = 2_208_988_800;
/** NTP's seconds start again in 2036: small ones belong to the next era. */
const ERA_SECONDS = 2 ** 32;
const ERA_PIVOT_SECONDS = 2 ** 31;

/** Exchanges per measurement; the one with the shortest round trip counts. */
const EXCHANGES = 4;
const ANSWER_WITHIN_MS = 150;
/** A lost datagram must not leave a worker without a time server for a minute; two are no accident. */
const LOST_EXCHANGES_MAX = 1;
/** Leases wait for the clock, and a resolver that is away takes many seconds to say so. */
const NAME_WITHIN_MS = 500;
const DEFAULT_PORT = 123;
/** Public end of Amazon's time service, reachable from any network that lets UDP out. */
export const AMAZON_TIME_SERVER = 'time.aws.com';

class TimeServerError extends Error {
  override readonly name = 'TimeServerError';
}

/** Whole microseconds since the Unix epoch out of a 64-bit NTP timestamp. */
function readTimestamp(packet: Buffer, at: number): number {
  const seconds = packet.readUInt32BE(at);
  const era = seconds < ERA_PIVOT_SECONDS ? ERA_SECONDS : 0;
  return (seconds + era - NTP_TO_UNIX_SECONDS) * 1_000_000 + Math.round((packet.readUInt32BE(at + 4) * 1_000_000) / 2 ** 32);
}

/** Times of the server in its answer. Throws `TimeServerError` on an answer that must not set a clock. */
function readAnswer(answer: Buffer, nonce: Buffer): { readonly receivedMicros: number; readonly sentMicros: number } {
  if (answer.length < PACKET_BYTES) throw new TimeServerError(`answered ${answer.length} bytes, not ${PACKET_BYTES}`);
  const [header = 0, stratum = 0] = answer;
  if ((header & MODE_MASK) !== MODE_SERVER) throw new TimeServerError('the answer is no server answer');
  if (!answer.subarray(ORIGINATE, ORIGINATE + 8).equals(nonce)) throw new TimeServerError('the answer is to another request');
  if (stratum === 0) throw new TimeServerError(`refused with code ${JSON.stringify(answer.toString('latin1', 12, 16))}`);
  if (stratum > STRATUM_MAX || header >> 6 === LEAP_UNSYNCHRONISED)
    throw new TimeServerError('the server says that it does not know the time');
  return { receivedMicros: readTimestamp(answer, RECEIVE), sentMicros: readTimestamp(answer, TRANSMIT) };
}

/** `host`, `host:port`, `[v6]:port`. Throws on anything else. */
export function parseTimeServer(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/i.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (!host || port < 1 || port > 65_535) throw new Error(`TIME_SERVER ${JSON.stringify(address)} is not "host" or "host:port"`);
  return { host, port };
}

/** A time server at `host` or `host:port`. A measurement takes four round trips, of which one may be lost; rejects where none is answered. */
export function sntpTimeSource(address: string, monotonicMicros: () => number = () => performance.now() * 1_000): TimeSource {
  const { host, port } = parseTimeServer(address);
  return {
    name: `the time server ${address}`,
    async measure() {
      const resolved = isIP(host) ? { address: host, family: isIP(host) } : await resolveHost(host);
      const socket = createSocket(resolved.family === 6 ? 'udp6' : 'udp4');
      try {
        await new Promise<void>((resolve, reject) => {
          socket.once('error', reject);
          socket.connect(port, resolved.address, resolve);
        });
        const samples: OffsetSample[] = [];
        const failures: unknown[] = [];
        while (samples.length + failures.length < EXCHANGES && failures.length <= LOST_EXCHANGES_MAX) {
          await exchangeOnce(socket, monotonicMicros).then(
            (sample) => samples.push(sample),
            (error: unknown) => failures.push(error),
          );
        }
        if (samples.length === 0) throw failures[0];
        return samples;
      } finally {
        socket.close();
      }
    },
  };
}

async function resolveHost(host: string): Promise<{ readonly address: string; readonly family: number }> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeServerError(`its name is not resolved within ${NAME_WITHIN_MS} ms`)), NAME_WITHIN_MS);
  });
  return Promise.race([lookup(host), late]).finally(() => clearTimeout(timer));
}

function exchangeOnce(socket: ReturnType<typeof createSocket>, monotonicMicros: () => number): Promise<OffsetSample> {
  const request = Buffer.alloc(PACKET_BYTES);
  request[0] = CLIENT_HEADER;
  // Random instead of our time: it tells nothing, and an answer that repeats it cannot have been forged blindly.
  const nonce = randomBytes(8);
  nonce.copy(request, TRANSMIT);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(() => reject(new TimeServerError(`no answer within ${ANSWER_WITHIN_MS} ms`))), ANSWER_WITHIN_MS);
    const onError = (error: Error): void => settle(() => reject(error));
    const onMessage = (answer: Buffer): void => {
      const receivedAt = monotonicMicros();
      settle(() => {
        try {
          const server = readAnswer(answer, nonce);
          resolve({
            offsetMicros: (server.receivedMicros - sentAt + (server.sentMicros - receivedAt)) / 2,
            boundMicros: Math.max(0, receivedAt - sentAt - (server.sentMicros - server.receivedMicros)) / 2,
          });
        } catch (error) {
          reject(error);
        }
      });
    };
    function settle(finish: () => void): void {
      clearTimeout(timer);
      socket.off('message', onMessage);
      socket.off('error', onError);
      finish();
    }
    socket.on('message', onMessage);
    socket.on('error', onError);
    const sentAt = monotonicMicros();
    socket.send(request);
  });
}
