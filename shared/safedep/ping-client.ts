import { createClient } from '@connectrpc/connect';
import { PingService } from '#safedep-api/safedep/services/controltower/v1/ping_pb.js';
import { type CallFailure, type CredentialSource, createCaller } from './calls.ts';
import { createSafeDepTransport, type TransportKind } from './transport.ts';

/** Ping's id has 8 to 32 characters. */
const PING_ID = 'safedep-watch-ping';

/** Asks the service whether it is there and takes the credential. `undefined`: yes. A service without Ping is there all the same. */
export async function ping(options: {
  readonly baseUrl: string;
  readonly transport: TransportKind;
  readonly credential: CredentialSource;
  readonly deadlineMs: number;
}): Promise<CallFailure | undefined> {
  const transport = createSafeDepTransport({ baseUrl: options.baseUrl, kind: options.transport, onFallback: () => undefined });
  try {
    const client = createClient(PingService, transport);
    const call = createCaller({ credential: options.credential, deadlineMs: options.deadlineMs });
    const result = await call((callOptions) => client.ping({ id: PING_ID }, callOptions));
    return result.kind === 'answered' || result.kind === 'incompatible' || result.kind === 'throttled' ? undefined : result;
  } finally {
    transport.close();
  }
}
