import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { AnswerSource } from '../../shared/messages/bus-events.ts';
import { createDataPlaneClient } from '../../shared/safedep/data-plane-client.ts';
import { ping } from '../../shared/safedep/ping-client.ts';
import { COMMUNITY_URL, DATA_PLANE_URL, serviceUrl } from '../../shared/safedep/service-url.ts';
import { parseTransportKind } from '../../shared/safedep/transport.ts';
import { type SafeDepChoice, UsageError } from './options.ts';

/** The community host has this long to answer a first look-up; it goes on beside the engines' start. */
const PROBE_TIMEOUT_MS = 1_500;
/** What the probe asks for: a package version that everybody knows. */
const PROBE_PACKAGE = { ecosystem: 'NPM', name: 'lodash', version: '4.17.21' } as const;
/** One call to a service that a person pays for may take its time. */
const CLOUD_PROBE_TIMEOUT_MS = 5_000;
const STAND_IN_HINT = 'To see it work with made-up answers: --safedep stand-in';
/** Starting the stand-in takes half a second; a machine under load gets ten. */
const STAND_IN_START_MS = 10_000;

/** Where answers come from, and what the functions need for it. */
export interface ChosenSafeDep {
  readonly answers: AnswerSource;
  /** One line for the reader. */
  readonly description: string;
  readonly environment: Readonly<Record<string, string>>;
  /** JSON of the API key's secret; absent for the community host. */
  readonly apiKeySecret?: string;
  /** JSON of the service JWT's secret, where there is a token. */
  readonly serviceJwtSecret?: string;
  /** Names the cache of answers: other sources answer otherwise. */
  readonly cacheName: string;
  close(): void;
}

/** SafeDep cannot be reached, and nothing may stand in for it: exit 2. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** Decides who answers, as `--safedep` says. Throws `UsageError` or `UnreachableError`. */
export async function chooseSafeDep(choice: SafeDepChoice, mayStandIn: boolean, variables: NodeJS.ProcessEnv): Promise<ChosenSafeDep> {
  checkAddresses(variables);
  if (choice === 'auto') checkWholeCredential(variables);
  const hasKey = Boolean(variables['SAFEDEP_API_KEY'] && variables['SAFEDEP_TENANT_ID']);
  if (choice === 'cloud' || (choice === 'auto' && hasKey)) {
    const chosen = cloud(variables, hasKey);
    // Who watches waits for SafeDep to come back; who scans once is told.
    if (!mayStandIn) await probeCloud(variables);
    return chosen;
  }
  if (choice === 'stand-in') return standIn(variables);
  const address = variables['SAFEDEP_COMMUNITY_URL'] ?? COMMUNITY_URL;
  const problem = await probeCommunity(address, variables);
  if (problem === undefined) return community(address, variables);
  if (choice === 'auto' && mayStandIn) return standIn(variables, `; the community host did not answer (${problem})`);
  throw new UnreachableError(
    `SafeDep's community host (${new URL(address).host}) did not answer: ${problem}. Try again with a network, or set SAFEDEP_API_KEY and SAFEDEP_TENANT_ID. ${STAND_IN_HINT}`,
  );
}

function checkAddresses(variables: NodeJS.ProcessEnv): void {
  for (const name of ['SAFEDEP_DATA_PLANE_URL', 'SAFEDEP_CONTROL_PLANE_URL', 'SAFEDEP_COMMUNITY_URL']) {
    const value = variables[name];
    if (value === undefined) continue;
    try {
      serviceUrl(value);
    } catch (error) {
      throw new UsageError(`${name}: ${(error as Error).message}`);
    }
  }
  try {
    parseTransportKind(variables['SAFEDEP_TRANSPORT']);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** A stand-in or a proxy: which of the two cannot be told from here, so that the reader must be. */
function onThisMachine(address: string): string {
  const { hostname } = new URL(address);
  const isLoopback = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
  return isLoopback ? '. This is a server on this machine: if it is a stand-in, nothing below says anything about real packages' : '';
}

/** What says how to reach SafeDep from here; the functions' processes get no other variable of ours. */
const WAY_VARIABLES = ['SAFEDEP_TRANSPORT', 'SAFEDEP_CA_FILE', 'NODE_EXTRA_CA_CERTS', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap(
  (name) => (name.endsWith('_PROXY') ? [name, name.toLowerCase()] : [name]),
);

function transportVariables(variables: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    WAY_VARIABLES.flatMap((name) => {
      const value = variables[name];
      return value ? [[name, value] as const] : [];
    }),
  );
}

/** Half a credential is a mistake: without a word the names of packages would go to the public host. Throws `UsageError`. */
function checkWholeCredential(variables: NodeJS.ProcessEnv): void {
  const [missing, ...others] = (['SAFEDEP_API_KEY', 'SAFEDEP_TENANT_ID'] as const).filter((name) => !variables[name]);
  if (missing === undefined || others.length > 0) return;
  const given = missing === 'SAFEDEP_API_KEY' ? 'SAFEDEP_TENANT_ID' : 'SAFEDEP_API_KEY';
  throw new UsageError(`${given} is set and ${missing} is not: set both, or neither to ask the keyless community host.`);
}

function cloud(variables: NodeJS.ProcessEnv, hasKey: boolean): ChosenSafeDep {
  if (!hasKey) throw new UsageError('--safedep cloud needs SAFEDEP_API_KEY and SAFEDEP_TENANT_ID in the environment.');
  const tenantId = variables['SAFEDEP_TENANT_ID'] ?? '';
  const address = variables['SAFEDEP_DATA_PLANE_URL'] ?? DATA_PLANE_URL;
  const accessToken = variables['SAFEDEP_ACCESS_TOKEN'];
  return {
    answers: 'cloud',
    description: `SafeDep Cloud (${new URL(address).host}), tenant ${tenantId}${onThisMachine(address)}`,
    environment: { SAFEDEP_ANSWERS: 'cloud', SAFEDEP_DATA_PLANE_URL: address, ...transportVariables(variables) },
    apiKeySecret: JSON.stringify({ apiKey: variables['SAFEDEP_API_KEY'], tenantId }),
    ...(accessToken ? { serviceJwtSecret: JSON.stringify({ accessToken, tenantId }) } : {}),
    cacheName: `cloud-${encodeURIComponent(new URL(address).host)}-${encodeURIComponent(tenantId)}`,
    close: () => undefined,
  };
}

async function probeCloud(variables: NodeJS.ProcessEnv): Promise<void> {
  const address = variables['SAFEDEP_DATA_PLANE_URL'] ?? DATA_PLANE_URL;
  const failure = await ping({
    baseUrl: address,
    transport: parseTransportKind(variables['SAFEDEP_TRANSPORT']),
    credential: async () => ({ authorization: variables['SAFEDEP_API_KEY'] ?? '', tenantId: variables['SAFEDEP_TENANT_ID'] ?? '' }),
    deadlineMs: CLOUD_PROBE_TIMEOUT_MS,
  });
  if (failure?.kind === 'credentials') {
    throw new UsageError(`SafeDep (${new URL(address).host}) refused SAFEDEP_API_KEY or SAFEDEP_TENANT_ID: ${failure.reason}`);
  }
  if (failure) throw new UnreachableError(`SafeDep (${new URL(address).host}) cannot be reached: ${failure.reason}. ${STAND_IN_HINT}`);
}

function community(address: string, variables: NodeJS.ProcessEnv): ChosenSafeDep {
  return {
    answers: 'community',
    description: `SafeDep's community host (${new URL(address).host}), without an account: names and versions of the packages in your lock files are sent there, 20 look-ups a second, nothing else${onThisMachine(address)}`,
    environment: { SAFEDEP_ANSWERS: 'community', SAFEDEP_COMMUNITY_URL: address, ...transportVariables(variables) },
    cacheName: `community-${encodeURIComponent(new URL(address).host)}`,
    close: () => undefined,
  };
}

/** Why the host cannot be used, or `undefined` when it answers. */
async function probeCommunity(address: string, variables: NodeJS.ProcessEnv): Promise<string | undefined> {
  const client = createDataPlaneClient({
    baseUrl: address,
    transport: parseTransportKind(variables['SAFEDEP_TRANSPORT']),
    onFallback: () => undefined,
    deadlineMs: PROBE_TIMEOUT_MS,
  });
  try {
    const result = await client.getInsight(PROBE_PACKAGE, AbortSignal.timeout(PROBE_TIMEOUT_MS));
    return result.kind === 'answered' || result.kind === 'not-analysed' || result.kind === 'throttled' ? undefined : result.reason;
  } finally {
    client.close();
  }
}

/** The stand-in as a process of its own, so that its work does not delay the engines'. */
async function standIn(variables: NodeJS.ProcessEnv, why = ''): Promise<ChosenSafeDep> {
  const child = spawn(
    process.execPath,
    [new URL('./safedep/serve.ts', import.meta.url).pathname, '--port', '0', '--no-sign-in', '--until-input-ends'],
    {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: process.env['PATH'] ?? '' },
    },
  );
  const close = () => void child.kill('SIGKILL');
  process.once('exit', close);
  const facts = await readFacts(child);
  return {
    answers: 'stand-in',
    description: `MADE UP by the stand-in on this machine${why}. Nothing below says anything about real packages`,
    environment: {
      SAFEDEP_ANSWERS: 'stand-in',
      SAFEDEP_DATA_PLANE_URL: facts.url,
      SAFEDEP_TRANSPORT: variables['SAFEDEP_TRANSPORT'] ?? 'grpc',
    },
    apiKeySecret: JSON.stringify({ apiKey: facts.apiKey, tenantId: facts.tenantId }),
    cacheName: 'stand-in',
    close,
  };
}

async function readFacts(child: ChildProcess): Promise<{ url: string; apiKey: string; tenantId: string }> {
  const wanted = ['SAFEDEP_DATA_PLANE_URL', 'SAFEDEP_API_KEY', 'SAFEDEP_TENANT_ID'] as const;
  const found = new Map<string, string>();
  const timer = setTimeout(() => child.kill('SIGKILL'), STAND_IN_START_MS);
  try {
    if (child.stdout) {
      for await (const line of createInterface({ input: child.stdout })) {
        const match = /([A-Z_]+)=(\S+)/.exec(line);
        if (match?.[1] && match[2]) found.set(match[1], match[2]);
        if (wanted.every((name) => found.has(name))) break;
      }
    }
  } finally {
    clearTimeout(timer);
  }
  const [url, apiKey, tenantId] = wanted.map((name) => found.get(name));
  if (!url || !apiKey || !tenantId) throw new Error('the stand-in for SafeDep did not start; try: npm run cli -- safedep serve --port 0');
  child.stdout?.resume();
  return { url, apiKey, tenantId };
}
