import * as https from 'node:https';
import { connect as connectTls } from 'node:tls';
import { openTunnel, proxyFor } from './proxy-tunnel.ts';
import type { ServiceUrl } from './service-url.ts';
import { destinationOf, serverName, tlsTrust } from './tls-connection.ts';

/**
 * HTTP/1.1 over TLS, through a proxy where the environment names one.
 *
 * @throws Error for the reader when a proxy or a certificate file of the environment cannot be used.
 */
export function httpsAgent(url: ServiceUrl, options: Pick<https.AgentOptions, 'keepAlive' | 'maxSockets'> = {}): https.Agent {
  const trust = tlsTrust();
  const proxy = proxyFor(url);
  const agent = new https.Agent({ ...trust, ...options });
  if (proxy !== undefined) {
    const destination = destinationOf(url.href);
    agent.createConnection = (_options, onConnected) => {
      openTunnel(proxy, destination, trust, (error, socket) => {
        if (socket === undefined) onConnected?.(error, undefined as never);
        else onConnected?.(null, connectTls({ socket, ...trust, ...serverName(destination), ALPNProtocols: ['http/1.1'] }));
      });
      return undefined;
    };
  }
  return agent;
}
