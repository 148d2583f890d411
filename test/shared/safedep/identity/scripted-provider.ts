import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the provider was asked at one of its endpoints. */
interface ProviderRequest {
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
}

/** `cut`: the connection ends without an answer. `silence`: there is none. */
type ProviderAnswer =
  | 'cut'
  | 'silence'
  | { readonly status?: number; readonly json?: unknown; readonly text?: string; readonly headers?: Record<string, string> };

export interface ScriptedProvider {
  readonly issuer: string;
  readonly requests: ProviderRequest[];
  /** Of the endpoints `/token`, `/device`, `/revoke`, in the order of the requests; the last one stays. */
  answer(path: string, ...answers: ProviderAnswer[]): void;
  /** Fields that take the place of those in the description. */
  describe(fields: Record<string, unknown>): void;
  close(): Promise<void>;
}

/** An identity provider that says what it is told to, also what no real one would. */
export async function startScriptedProvider(): Promise<ScriptedProvider> {
  const answers = new Map<string, ProviderAnswer[]>();
  const requests: ProviderRequest[] = [];
  let described: Record<string, unknown> = {};
  const server = createServer(async (request, response) => {
    const path = request.url ?? '';
    if (path === '/.well-known/openid-configuration' && !answers.has(path)) {
      send(response, {
        json: {
          issuer: `${issuer}/`,
          token_endpoint: `${issuer}/token`,
          device_authorization_endpoint: `${issuer}/device`,
          revocation_endpoint: `${issuer}/revoke`,
          ...described,
        },
      });
      return;
    }
    let body = '';
    for await (const chunk of request) body += chunk;
    requests.push({ path, parameters: Object.fromEntries(new URLSearchParams(body)), headers: request.headers });
    const left = answers.get(path) ?? [];
    const answer = left.length > 1 ? left.shift() : left[0];
    if (answer === 'cut' || answer === undefined) request.socket.destroy();
    else if (answer !== 'silence') send(response, answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    requests,
    answer: (path, ...list) => void answers.set(path, list),
    describe: (fields) => {
      described = fields;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function send(response: ServerResponse, { status = 200, json, text = '', headers = {} }: Exclude<ProviderAnswer, string>): void {
  response.writeHead(status, { 'content-type': json === undefined ? 'text/html' : 'application/json', ...headers });
  response.end(json === undefined ? text : JSON.stringify(json));
}

/** A token of the form of a JWT; nobody checks its signature. */
export function unsignedToken(claims: Record<string, unknown>): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.c2lnbmF0dXJl`;
}
