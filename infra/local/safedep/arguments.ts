import { parseArgs } from 'node:util';
import type { Limit } from './access.ts';
import type { StandInOptions } from './stand-in.ts';

export const USAGE = `usage: safedep serve --port N [--limit N|none] [--latency MS] [--strict-planes] [--strict-validation]
                     [--facts FILE] [--api-key KEY] [--tenant DOMAIN] [--until-input-ends]

A stand-in for SafeDep on this machine. Everything it answers is made up.

  --port N             0 for any free port; with --strict-planes the next two are taken as well
  --limit N|none       calls in any second for each API key; 500 as SafeDep documents
  --latency MS         how long every answer takes
  --strict-planes      a port each for the data plane, the control plane and the community host
  --strict-validation  enforce the limits that SafeDep declares on requests
  --facts FILE         own facts beside those that come with it, in the same form
  --api-key KEY        instead of a random one
  --tenant DOMAIN      instead of the default one
  --until-input-ends   ends when its standard input does: when the program that started it is gone`;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads the options of `safedep serve`. Throws `UsageError`, one sentence for the reader. */
export function parseServeArguments(args: readonly string[]): StandInOptions & { readonly port: number } {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    throw new UsageError(error instanceof Error ? (error.message.split('. ')[0] ?? error.message) : String(error));
  }
  if (values.port === undefined) throw new UsageError('--port is missing');
  return {
    port: integer('--port', values.port, 0, values['strict-planes'] ? 65_533 : 65_535),
    strictPlanes: values['strict-planes'] ?? false,
    strictValidation: values['strict-validation'] ?? false,
    ...(values.limit !== undefined && { limitPerSecond: limit(values.limit) }),
    ...(values.latency !== undefined && { latencyMs: integer('--latency', values.latency, 0, 60_000) }),
    ...(values.facts !== undefined && { factsFile: values.facts }),
    ...(values['api-key'] !== undefined && { apiKey: header('--api-key', values['api-key']) }),
    ...(values.tenant !== undefined && { tenantId: header('--tenant', values.tenant) }),
  };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: false,
    options: {
      port: { type: 'string' },
      limit: { type: 'string' },
      latency: { type: 'string' },
      facts: { type: 'string' },
      tenant: { type: 'string' },
      'api-key': { type: 'string' },
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
