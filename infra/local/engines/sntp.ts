import { createSocket } from 'node:dgram';
import { LOOPBACK } from './loopback-server.ts';

/** Seconds from NTP's epoch (1900) to Unix's (RFC 5905). */
const NTP_TO_UNIX_SECONDS = 2_208_988_800;
const PACKET_BYTES = 48;

export interface SntpServer {
  readonly port: number;
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  close(): Promise<void>;
}

/** Answers SNTP requests (RFC 4330) on loopback with this machine's time, or with `now`, in milliseconds since 1970. */
export async function startSntp(now: () => number = makeWallClock()): Promise<SntpServer> {
  const socket = createSocket('udp4');
  socket.on('message', (request, from) => {
    const receivedAtMs = now();
    if (request.length < PACKET_BYTES) return;
    const answer = Buffer.alloc(PACKET_BYTES);
    const version = (request.readUInt8(0) >> 3) & 7;
    answer.writeUInt8((version << 3) | 4, 0);
    // Stratum 1, the request's poll interval, a precision of 2^-20 s, the reference "LOCL".
    answer.writeUInt8(1, 1);
    answer.writeUInt8(request.readUInt8(2), 2);
    answer.writeInt8(-20, 3);
    answer.write('LOCL', 12, 'ascii');
    writeTimestamp(answer, 16, receivedAtMs);
    request.copy(answer, 24, 40, 48);
    writeTimestamp(answer, 32, receivedAtMs);
    writeTimestamp(answer, 40, now());
    socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, LOOPBACK, resolve);
  });
  const { port } = socket.address();
  return {
    port,
    address: `${LOOPBACK}:${port}`,
    close: () => new Promise((resolve) => void socket.close(() => resolve())),
  };
}

/** This machine's time with parts of a millisecond. Follows the system's clock when that is set, or the machine has slept. */
function makeWallClock(): () => number {
  const TOLERANCE_MS = 20;
  let offsetMs = Date.now() - performance.now();
  return () => {
    const atMs = performance.now() + offsetMs;
    if (Math.abs(atMs - Date.now()) <= TOLERANCE_MS) return atMs;
    offsetMs = Date.now() - performance.now();
    return performance.now() + offsetMs;
  };
}

function writeTimestamp(packet: Buffer, offset: number, atMs: number): void {
  const seconds = Math.floor(atMs / 1000);
  packet.writeUInt32BE((seconds + NTP_TO_UNIX_SECONDS) % 2 ** 32, offset);
  packet.writeUInt32BE(Math.floor((atMs / 1000 - seconds) * 2 ** 32), offset + 4);
}
