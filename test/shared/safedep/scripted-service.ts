import type { DescService } from '@bufbuild/protobuf';
import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { listenOnOnePort } from '../../../infra/local/safedep/one-port.ts';

/** What arrived of one call. */
interface SeenCall {
  readonly method: string;
  readonly httpVersion: string;
  readonly contentType: string;
  readonly authorization: string | undefined;
  readonly tenantId: string | undefined;
}

export interface ScriptedService {
  readonly url: string;
  readonly seen: SeenCall[];
  close(): Promise<void>;
}

type Serve = <S extends DescService>(service: S, implementation: Partial<ServiceImpl<S>>) => void;

/** A server that speaks every protocol of Connect and gRPC and serves what a test gives it, no more. */
export async function startScriptedService(script: (serve: Serve) => void): Promise<ScriptedService> {
  const seen: SeenCall[] = [];
  const handler = connectNodeAdapter({
    routes: (router: ConnectRouter) => script((service, methods) => void router.service(service, methods)),
  });
  const port = await listenOnOnePort(0, (request, response) => {
    const { headers } = request;
    seen.push({
      method: (request.url ?? '').split('/').at(-1) ?? '',
      httpVersion: request.httpVersion,
      contentType: headers['content-type'] ?? '',
      authorization: headers.authorization,
      tenantId: headers['x-tenant-id']?.toString(),
    });
    handler(request, response);
  });
  return { url: `http://127.0.0.1:${port.port}`, seen, close: () => port.close() };
}
