import { createClient, type Transport } from '@connectrpc/connect';
import { PingService } from '#safedep-api/safedep/services/controltower/v1/ping_pb.js';
import { type Caller, type CallFailure, type CallResult, type CredentialSource, createCaller } from './calls.ts';
import { callerFor } from './method-calls.ts';
import { createSafeDepTransport, type TransportKind } from './transport.ts';

/** Ping's id has 8 to 32 characters. */
const PING_ID = 'safedep-watch-ping';

export type Ping = (signal?: AbortSignal) => Promise<CallResult<void>>;

/** Asks whether a plane is there and takes the credential, over a transport that others use too. */
export function pingOver(transport: Transport, call: Caller): Ping {
  const client = createClient(PingService, transport);
  return async (signal) => {
    const result = await call((options) => client.ping({ id: PING_ID }, options), signal);
    if (result.kind !== 'answered') return result;
    if (result.response.id !== PING_ID) return { kind: 'retry', code: 'Internal', reason: 'SafeDep answered a ping that was not ours' };
    return { kind: 'answered', response: undefined };
  };
}

/** Asks the service whether it is there and takes the credential. `undefined`: yes. A service without Ping is there all the same. */
export async function ping(options: {
  readonly baseUrl: string;
  readonly transport: TransportKind;
  readonly credential: CredentialSource;
  readonly deadlineMs: number;
}): Promise<CallFailure | undefined> {
  const transport = createSafeDepTransport({ baseUrl: options.baseUrl, kind: options.transport, onFallback: () => undefined });
  try {
    const call = callerFor('data-plane', createCaller({ credential: options.credential, deadlineMs: options.deadlineMs }));
    const result = await pingOver(transport, call)();
    return result.kind === 'answered' || result.kind === 'incompatible' || result.kind === 'throttled' ? undefined : result;
  } finally {
    transport.close();
  }
}
