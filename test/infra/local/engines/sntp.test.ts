import { createSocket } from 'node:dgram';
import { expect, it } from 'vitest';
import { startSntp } from '../../../../infra/local/engines/sntp.ts';

const NTP_TO_UNIX_SECONDS = 2_208_988_800;

function ask(port: number, request: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4');
  return new Promise<Buffer>((resolve, reject) => {
    socket.once('message', resolve);
    socket.once('error', reject);
    socket.send(request, port, '127.0.0.1');
  }).finally(() => socket.close());
}

it('answers with its time, and with the time that the asker sent', async () => {
  const atMs = Date.parse('2030-01-30T09:15:00.250Z');
  const server = await startSntp(() => atMs);
  const request = Buffer.alloc(48);
  request.writeUInt8((4 << 3) | 3, 0);
  request.write('asker-ts', 40, 'latin1');
  const answer = await ask(server.port, request).finally(server.close);
  expect(answer.length).toBe(48);
  expect(answer.readUInt8(0)).toBe((4 << 3) | 4);
  expect(answer.readUInt8(1)).toBe(1);
  expect(answer.toString('latin1', 24, 32)).toBe('asker-ts');
  for (const offset of [32, 40]) {
    expect(answer.readUInt32BE(offset) - NTP_TO_UNIX_SECONDS).toBe(atMs / 1000 - 0.25);
    expect(answer.readUInt32BE(offset + 4) / 2 ** 32).toBe(0.25);
  }
});

it('has the time of this machine', async () => {
  const server = await startSntp();
  const beforeMs = Date.now();
  const request = Buffer.alloc(48);
  request.writeUInt8((4 << 3) | 3, 0);
  const answer = await ask(server.port, request).finally(server.close);
  const atMs = (answer.readUInt32BE(40) - NTP_TO_UNIX_SECONDS + answer.readUInt32BE(44) / 2 ** 32) * 1000;
  // The clock follows the system's within 20 ms.
  expect(atMs).toBeGreaterThanOrEqual(beforeMs - 25);
  expect(atMs).toBeLessThanOrEqual(Date.now() + 25);
});
