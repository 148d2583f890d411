import { randomBytes } from 'node:crypto';
import type { AlertPayload } from '../../../shared/alerts/sign-alert.ts';
import { AlertRefusedError, verifyAlert } from '../../../shared/alerts/webhook-receiver.ts';
import { listenOnLoopback, readBody } from '../engines/loopback-server.ts';

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
  const server = await listenOnLoopback((request, response) => {
    void readBody(request, BODY_MAX_BYTES)
      .then((body) => {
        const alert = verifyAlert(body?.toString('utf8') ?? '', request.headers, [secret]);
        response.writeHead(204).end();
        // A resend has the same id: it is acknowledged and not shown again.
        if (!seen.has(alert.data.eventId)) onAlert(alert);
        seen.add(alert.data.eventId);
      })
      .catch((error: unknown) => response.writeHead(error instanceof AlertRefusedError ? 401 : 500).end());
  });
  return { url: `${server.url}/alerts`, secret, close: () => server.close() };
}
