import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { AccessLevel } from '#safedep-api/safedep/messages/controltower/v1/access_pb.js';
import { OnboardingService } from '#safedep-api/safedep/services/controltower/v1/onboarding_pb.js';
import { UserService } from '#safedep-api/safedep/services/controltower/v1/user_pb.js';
import { EventBus } from '../../../infra/local/engines/event-bus.ts';
import { Secrets } from '../../../infra/local/engines/secrets.ts';
import { serveSecretsAndBus } from '../../../infra/local/engines/secrets-and-bus.ts';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../../infra/local/safedep/stand-in.ts';
import { temporaryFolder } from '../../fakes/temporary-repository.ts';
import { type ScriptedProvider, startScriptedProvider } from '../../shared/safedep/identity/scripted-provider.ts';

/** Stands in every refresh token, so that a search finds one that came out. */
export const CANARY = 'canary-refresh-token';

/** What `auth`, `key` and `query` meet: SafeDep, an identity provider, a home of its own, and the two streams as they were written. */
export interface AuthSurroundings {
  readonly standIn: SafeDepStandIn;
  readonly provider: ScriptedProvider;
  readonly output: { stdout: string; stderr: string };
  readonly configHome: string;
  /** The provider's answer with tokens, `CANARY` and a number in them; `lifetimeSeconds` may be below 0. */
  tokens(number: number, lifetimeSeconds?: number): { readonly json: Record<string, unknown> };
  /** Takes what was written to a stream since the last time. */
  taken(stream: 'stdout' | 'stderr'): string;
}

const DAY_SECONDS = 24 * 60 * 60;

/** For a test file: everything is made anew for each test, and nothing is left behind. */
export function authSurroundings(): AuthSurroundings {
  const folder = temporaryFolder();
  const surroundings = { output: { stdout: '', stderr: '' }, configHome: folder.path } as unknown as {
    -readonly [K in keyof AuthSurroundings]: AuthSurroundings[K];
  };
  surroundings.tokens = (number, lifetimeSeconds = DAY_SECONDS) => ({
    json: {
      access_token: surroundings.standIn.issueToken(Date.now() / 1000 + lifetimeSeconds),
      refresh_token: `${CANARY}-${number}`,
      token_type: 'Bearer',
    },
  });
  surroundings.taken = (stream) => {
    const text = surroundings.output[stream];
    surroundings.output[stream] = '';
    return text;
  };

  beforeAll(() => {
    for (const name of Object.keys(process.env)) if (/^(VET|SAFEDEP)_/.test(name)) vi.stubEnv(name, undefined);
    vi.stubEnv('SAFEDEP_CREDENTIAL_STORE', 'file');
    vi.stubEnv('SAFEDEP_CLIENT_ID', 'a-client');
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    folder.remove();
  });
  beforeEach(async () => {
    surroundings.standIn = await startSafeDepStandIn();
    surroundings.provider = await startScriptedProvider();
    const { issuer } = surroundings.provider;
    vi.stubEnv('XDG_CONFIG_HOME', `${folder.path}/${crypto.randomUUID()}`);
    vi.stubEnv('SAFEDEP_DATA_PLANE_URL', surroundings.standIn.url);
    vi.stubEnv('SAFEDEP_CONTROL_PLANE_URL', surroundings.standIn.controlPlaneUrl);
    vi.stubEnv('SAFEDEP_ISSUER', issuer);
    const device = { device_code: 'canary-device-code', user_code: 'ABCD-EFGH', verification_uri: `${issuer}/activate` };
    surroundings.provider.answer('/device', { json: { ...device, expires_in: 600, interval: 0.01 } });
    surroundings.provider.answer('/token', surroundings.tokens(1));
    surroundings.provider.answer('/revoke', { json: {} });
    surroundings.output.stdout = '';
    surroundings.output.stderr = '';
    for (const name of ['stdout', 'stderr'] as const) {
      vi.spyOn(process[name], 'write').mockImplementation((text) => {
        surroundings.output[name] += String(text);
        return true;
      });
    }
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await Promise.all([surroundings.standIn.close(), surroundings.provider.close()]);
  });
  return surroundings;
}

export interface ControlPlaneDouble {
  readonly url: string;
  /** What was registered. */
  readonly onboarded: { readonly email: string; readonly organizationDomain: string }[];
  close(): Promise<void>;
}

/** A control plane that knows users as they are given: tenants, or `undefined` for a user who is not registered yet. `more` adds services. */
export async function startControlPlane(
  tenantIds: readonly string[] | undefined,
  more: (router: ConnectRouter) => void = () => undefined,
): Promise<ControlPlaneDouble> {
  const onboarded: { email: string; organizationDomain: string }[] = [];
  const adapter = connectNodeAdapter({
    routes: (router: ConnectRouter) => {
      more(router);
      router.service(UserService, {
        getUserInfo: () => {
          if (!tenantIds) throw new ConnectError('Token auth failed: No user: record not found', Code.Unauthenticated);
          return {
            user: { name: 'Ada', email: 'ada@example.com' },
            access: tenantIds.map((domain) => ({ level: AccessLevel.ADMIN, tenant: { domain } })),
          };
        },
      });
      router.service(OnboardingService, {
        onboardUser: ({ email, organizationDomain }) => {
          onboarded.push({ email, organizationDomain });
          return { tenant: { domain: `default-team.${organizationDomain}` } };
        },
      });
    },
  });
  const server: Server = createServer(adapter).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    onboarded,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Secrets Manager with the stack's secrets of the given names (without a value), for the SDK's clients of this process. */
export async function startStackSecrets(...names: string[]): Promise<{ read(name: string): unknown; close(): Promise<void> }> {
  const arn = (name: string) => `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}-abcdef`;
  const secrets = new Secrets(names.map((name) => ({ stackName: 'App', logicalId: name.replaceAll(/\W/g, ''), name, arn: arn(name) })));
  const server = await serveSecretsAndBus(secrets, new EventBus(['app'], [], () => undefined));
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', server.url);
  return {
    read: (name) => JSON.parse((secrets.call('GetSecretValue', { SecretId: name }) as { SecretString: string }).SecretString),
    close: () => server.close(),
  };
}
