import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { IdentityProviderOptions } from './identity-provider/identity-provider.ts';
import type { Limit } from './limits.ts';
import type { StandInOptions } from './stand-in.ts';

const SCENARIOS = fileURLToPath(new URL('scenarios/', import.meta.url));

export const USAGE = `usage: safedep serve --port N [OPTIONS]

A stand-in for SafeDep on this machine, with an identity provider beside it. Everything it answers is made up. It prints the
environment lines that point this product, and SafeDep's own tools, at it; open its address in a browser to see what it is asked.

  --port N             0 for any free ports; else the identity provider takes the next one, and --strict-planes two more
  --scenario FILE      what it answers, and what changes when (YAML); see below
  --limit N|none       calls in any second for each API key; 500 as SafeDep documents
  --latency MS         how long every answer takes
  --strict-planes      a port each for the data plane, the control plane and the community host
  --strict-validation  enforce the limits that SafeDep declares on requests
  --api-key KEY        instead of a random one
  --tenant DOMAIN      instead of the default one
  --until-input-ends   ends when its standard input does: when the program that started it is gone

Signing in:
  --approve automatic  confirm every device at once; otherwise the page behind the link asks you
  --token-life SECONDS how long an access token is good; a day by default
  --login-life SECONDS how long a sign-in can be refreshed; 30 days by default
  --reuse-leeway MS    how long a used refresh token may be used again; 0: a second use ends the sign-in
  --no-sign-in         without the identity provider

A scenario names facts, faults, limits and the like for the start, and steps for later:

  packages:
    NPM/left-pad@1.3.0: { malware: benign }
  steps:
    - at: 30s
      packages: { NPM/left-pad@1.3.0: { malware: verified } }
      report: { ecosystem: NPM, name: left-pad, versions: [1.3.0], verified: true }
    - after: 5 calls
      of: CreateToolSession
      fault: { kind: http-503, for: 10s }

Two to begin with: ${SCENARIOS}turns-malicious.yaml, ${SCENARIOS}rough-hour.yaml`;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The highest TCP port. */
const PORT_MAX = 65_535;

/** A sign-in or a token that lives longer than this is no test of anything, in seconds. Ours: ten years. */
const LIFE_MAX_SECONDS = 10 * 365 * 24 * 60 * 60;

/** Reads the options of `safedep serve`. Throws `UsageError`, one sentence for the reader. */
export function parseServeArguments(args: readonly string[]): StandInOptions & { readonly port: number } {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    throw new UsageError(error instanceof Error ? (error.message.split('. ')[0] ?? error.message) : String(error));
  }
  if (values.port === undefined) throw new UsageError('--port is missing');
  const ports = (values['strict-planes'] ? 3 : 1) + (values['no-sign-in'] ? 0 : 1);
  const port = integer('--port', values.port, 0, PORT_MAX - ports + 1);
  return {
    port,
    strictPlanes: values['strict-planes'] ?? false,
    strictValidation: values['strict-validation'] ?? false,
    ...(values.limit !== undefined && { limitPerSecond: limit(values.limit) }),
    ...(values.latency !== undefined && { latencyMs: integer('--latency', values.latency, 0, 60_000) }),
    ...(values.scenario !== undefined && { scenarioFile: values.scenario }),
    ...(values['api-key'] !== undefined && { apiKey: header('--api-key', values['api-key']) }),
    ...(values.tenant !== undefined && { tenantId: header('--tenant', values.tenant) }),
    ...(!values['no-sign-in'] && { identityProvider: { port: port && port + ports - 1, ...signIn(values) } }),
  };
}

function signIn(values: ReturnType<typeof parse>): IdentityProviderOptions {
  const { approve, 'token-life': tokenLife, 'login-life': loginLife, 'reuse-leeway': reuseLeeway } = values;
  if (approve !== undefined && approve !== 'automatic') throw new UsageError(`--approve takes automatic, not ${approve}`);
  return {
    ...(approve !== undefined && { approval: approve }),
    ...(tokenLife !== undefined && { accessTokenSeconds: integer('--token-life', tokenLife, 1, LIFE_MAX_SECONDS) }),
    ...(loginLife !== undefined && { refreshTokenSeconds: integer('--login-life', loginLife, 1, LIFE_MAX_SECONDS) }),
    ...(reuseLeeway !== undefined && { reuseLeewayMs: integer('--reuse-leeway', reuseLeeway, 0, 3_600_000) }),
  };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: false,
    options: {
      port: { type: 'string' },
      scenario: { type: 'string' },
      limit: { type: 'string' },
      latency: { type: 'string' },
      tenant: { type: 'string' },
      approve: { type: 'string' },
      'api-key': { type: 'string' },
      'token-life': { type: 'string' },
      'login-life': { type: 'string' },
      'reuse-leeway': { type: 'string' },
      'no-sign-in': { type: 'boolean' },
      'strict-planes': { type: 'boolean' },
      'strict-validation': { type: 'boolean' },
      'until-input-ends': { type: 'boolean' },
    },
  }).values;
}

function integer(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new UsageError(`${option} must be a whole number from ${min} to ${max}, not ${text}`);
  return value;
}

function limit(text: string): Limit {
  return text === 'none' ? 'none' : integer('--limit', text, 1, 1_000_000);
}

function header(option: string, text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) throw new UsageError(`${option} must be visible ASCII characters without blanks`);
  return text;
}
