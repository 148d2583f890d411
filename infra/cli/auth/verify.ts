import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import type { CallFailure, Credential } from '../../../shared/safedep/calls.ts';
import { ping } from '../../../shared/safedep/ping-client.ts';
import { CommandError, callError, print } from '../command.ts';
import { openCredentialStore } from './credential-store.ts';
import { addresses, controlPlane, environmentCredential } from './environment.ts';
import { currentSignIn } from './sign-in.ts';

/** One ping, in milliseconds. */
const PING_DEADLINE_MS = 10_000;

interface Check {
  readonly plane: 'data plane' | 'control plane';
  readonly host: string;
  readonly by: string;
  readonly failure?: CallFailure;
  readonly elapsedMs: number;
}

/** `auth verify`: asks each plane whether it takes what there is. Resolves to 0 where all is well, 3 where one refuses, 2 where one is not reached. */
export async function verify(
  { profile, json, tenant }: { readonly profile: string; readonly json: boolean; readonly tenant?: string | undefined },
  variables: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number> {
  const given = environmentCredential(variables);
  const store = await openCredentialStore(profile, variables);
  const stored = await store.read();
  const { dataPlaneUrl, controlPlaneUrl, transport } = addresses(variables);
  const tenantId = tenant ?? given?.tenantId ?? stored?.tenantId ?? '';
  const checks: Promise<Check>[] = [];

  const onDataPlane = (credential: Credential, by: string) =>
    checked('data plane', dataPlaneUrl, by, () =>
      ping({ baseUrl: dataPlaneUrl, transport, credential: async () => credential, deadlineMs: PING_DEADLINE_MS }),
    );
  if (given?.apiKey) checks.push(onDataPlane({ authorization: given.apiKey, tenantId }, 'API key of the environment'));
  else if (stored?.apiKey) {
    const { key, tenantId: tenantOfKey } = stored.apiKey;
    checks.push(onDataPlane({ authorization: key, tenantId: tenant ?? tenantOfKey }, 'stored API key'));
  }
  if (given?.accessToken || stored?.signIn) {
    const { accessToken } = await currentSignIn(store, variables);
    const by = given?.accessToken ? 'access token of the environment' : 'stored sign-in';
    checks.push(onDataPlane({ authorization: accessToken, tenantId }, by));
    checks.push(
      checked('control plane', controlPlaneUrl, by, async () => {
        const client = controlPlane(variables, accessToken, tenantId);
        try {
          const result = await client.ping(signal);
          return result.kind === 'answered' ? undefined : result;
        } finally {
          client.close();
        }
      }),
    );
  }
  if (checks.length === 0)
    throw new CommandError('There is nothing to verify: set SAFEDEP_API_KEY and SAFEDEP_TENANT_ID, or run: npm run cli -- auth login');

  const done = await Promise.all(checks);
  if (json) {
    const lines = done.map(({ failure, elapsedMs, ...check }) => ({
      ...check,
      accepted: failure === undefined,
      reason: failure?.reason ?? null,
      elapsedMs: Math.round(elapsedMs),
    }));
    print(JSON.stringify({ version: 1, tenantId: tenantId || null, checks: lines }, null, 2));
  } else for (const check of done) print(lineOf(check));
  return done.reduce((code, { failure }) => (failure ? Math.max(code, callError('', failure).exitCode) : code), 0);
}

async function checked(plane: Check['plane'], address: string, by: string, ask: () => Promise<CallFailure | undefined>): Promise<Check> {
  const startedAtMs = performance.now();
  const failure = await ask();
  return { plane, host: new URL(address).host, by, ...(failure && { failure }), elapsedMs: performance.now() - startedAtMs };
}

function lineOf({ plane, host, by, failure, elapsedMs }: Check): string {
  const where = `${plane} (${host}), ${by}`;
  return failure ? `${where}: ${toTerminalText(failure.reason)}` : `${where}: accepted in ${Math.round(elapsedMs)} ms`;
}
