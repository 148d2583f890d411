import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { type BusEvent, parseBusEvent } from '../../shared/messages/bus-events.ts';

export interface AlertSink {
  readonly url: string;
  /** What its sender must sign with. */
  readonly signingSecret: string;
  /** Events whose signature held. */
  readonly events: readonly BusEvent[];
  /** Deliveries that were refused, with the reason. */
  readonly refused: readonly string[];
  close(): Promise<void>;
}

/** An endpoint on loopback that takes signed alerts (Standard Webhooks) and keeps them. */
export async function startAlertSink(): Promise<AlertSink> {
  const signingSecret = `whsec_${randomBytes(32).toString('base64')}`;
  const webhook = new Webhook(signingSecret);
  const events: BusEvent[] = [];
  const refused: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      try {
        const payload = webhook.verify(body, request.headers as Record<string, string>) as { data: unknown };
        events.push(parseBusEvent(payload.data));
        response.writeHead(204).end();
      } catch (error) {
        refused.push(String(error));
        response.writeHead(400).end();
      }
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`,
    signingSecret,
    events,
    refused,
    close() {
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
}
