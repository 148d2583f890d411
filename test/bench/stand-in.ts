import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CallReport } from '../../infra/local/safedep/call-record.ts';
import type { Fault } from '../../infra/local/safedep/faults.ts';
import type { ChosenSafeDep } from '../../infra/local/safedep-source.ts';

const SERVE = fileURLToPath(new URL('../../infra/local/safedep/serve.ts', import.meta.url));

/** SafeDep's stand-in as a process of its own, steered over HTTP. */
export interface StandInProcess {
  readonly safedep: ChosenSafeDep;
  calls(): Promise<CallReport>;
  resetCalls(): Promise<void>;
  setFault(fault: Fault): Promise<void>;
  close(): void;
}

/** Starts it with this latency and SafeDep's limit of 500 calls a second, or none. */
export async function startStandIn(latencyMs: number, limit: 500 | 'none' = 500): Promise<StandInProcess> {
  const child = spawn(process.execPath, [SERVE, '--port', '0', '--limit', String(limit), '--latency', String(latencyMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const close = () => void child.kill('SIGKILL');
  process.once('exit', close);
  const facts = new Map<string, string>();
  for await (const line of createInterface({ input: child.stdout })) {
    const [, name, value] = /^([A-Z_]+)=(\S+)$/.exec(line) ?? [];
    if (name && value) facts.set(name, value);
    if (line.startsWith('Ready')) break;
  }
  child.stdout.resume();
  const fact = (name: string): string => {
    const value = facts.get(name);
    if (value === undefined) throw new Error(`the stand-in did not say its ${name}`);
    return value;
  };
  const url = fact('SAFEDEP_DATA_PLANE_URL');
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${url}/stand-in/${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`the stand-in refused ${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  return {
    safedep: {
      answers: 'stand-in',
      description: 'a stand-in of the bench',
      environment: {
        SAFEDEP_ANSWERS: 'stand-in',
        SAFEDEP_DATA_PLANE_URL: url,
        SAFEDEP_TRANSPORT: process.env['SAFEDEP_TRANSPORT'] ?? 'grpc',
      },
      apiKeySecret: JSON.stringify({ apiKey: fact('SAFEDEP_API_KEY'), tenantId: fact('SAFEDEP_TENANT_ID') }),
      cacheName: 'bench',
      close,
    },
    calls: async () => (await ask('GET', 'calls')) as CallReport,
    resetCalls: async () => void (await ask('DELETE', 'calls')),
    setFault: async (fault) => void (await ask('PUT', 'fault', fault)),
    close,
  };
}
