import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AlertPayload } from '../../shared/alerts/sign-alert.ts';
import { AlertRefusedError, verifyAlert } from '../../shared/alerts/webhook-receiver.ts';

/** An alert has a few kilobytes. */
const BODY_MAX_BYTES = 1024 * 1024;

export interface AlertReceiver {
  readonly url: string;
  /** `whsec_…`, for Secrets Manager. */
  readonly secret: string;
  close(): Promise<void>;
}

/** The terminal as a sink: a signed HTTP endpoint on loopback, like any other sink of the pipeline. */
export async function startAlertReceiver(onAlert: (alert: AlertPayload) => void): Promise<AlertReceiver> {
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const seen = new Set<string>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= BODY_MAX_BYTES) chunks.push(chunk);
    });
    request.on('end', () => {
      try {
        const alert = verifyAlert(Buffer.concat(chunks).toString('utf8'), request.headers, [secret]);
        response.writeHead(204).end();
        // A resend has the same id: it is acknowledged and not shown again.
        if (!seen.has(alert.data.eventId)) onAlert(alert);
        seen.add(alert.data.eventId);
      } catch (error) {
        response.writeHead(error instanceof AlertRefusedError ? 401 : 500).end();
      }
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`,
    secret,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
