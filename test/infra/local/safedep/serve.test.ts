import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { type ServeSurroundings, serve } from '../../../../infra/local/safedep/serve.ts';
import { createDataPlaneClient } from '../../../../shared/safedep/data-plane-client.ts';

const program = join(import.meta.dirname, '../../../../infra/local/safedep/serve.ts');
const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

/** Starts it as a process of its own, and reads what it says until it is ready. */
async function spawned(...args: string[]): Promise<{ child: ChildProcess; said: Map<string, string>; ended: Promise<number | null> }> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  const ended = once(child, 'exit').then(([code]) => code);
  const said = new Map<string, string>();
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const [name = '', value] = line.split(/=(.*)/s);
    if (value !== undefined) said.set(name, value);
    if (line.startsWith('Ready')) return { child, said, ended };
  }
  throw new Error('it ended before it was ready');
}

describe('safedep serve', () => {
  it('prints how to reach it, answers, and is steered from outside', async () => {
    const { child, said, ended } = await spawned('--port', '0', '--limit', '3');
    const url = said.get('SAFEDEP_DATA_PLANE_URL') ?? '';
    const issuer = said.get('SAFEDEP_ISSUER') ?? '';
    expect(await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()).toMatchObject({ issuer });
    expect(said.get('SAFEDEP_CLIENT_ID')).toBe('made-up-client');
    const credential = { authorization: said.get('SAFEDEP_API_KEY') ?? '', tenantId: said.get('SAFEDEP_TENANT_ID') ?? '' };
    const client = createDataPlaneClient({ baseUrl: url, transport: 'grpc', credential: async () => credential, onFallback: () => {} });
    const asked = { ecosystem: 'NPM', name: 'any', version: '1.0.0' } as const;
    expect(await client.queryMalware(asked)).toMatchObject({ kind: 'answered' });

    const steer = async (method: string, path: string, body?: object) => {
      const response = await fetch(`${url}/stand-in/${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
      return { status: response.status, body: await response.json() };
    };
    expect((await steer('PUT', 'answer', { ...asked, facts: { malware: 'verified' } })).status).toBe(200);
    const changed = await client.queryMalware(asked);
    expect(changed.kind === 'answered' && changed.response.verificationRecord?.isMalware).toBe(true);
    expect((await steer('PUT', 'fault', { kind: 'unavailable' })).status).toBe(200);
    expect(await client.queryMalware(asked)).toMatchObject({ kind: 'retry' });
    expect((await steer('DELETE', 'fault')).status).toBe(200);
    expect((await steer('GET', 'calls')).body).toMatchObject({ total: 3, byMethod: { 'MalwareAnalysisService/QueryPackageAnalysis': 3 } });
    expect((await steer('DELETE', 'calls')).status).toBe(200);
    expect((await steer('GET', 'calls')).body).toMatchObject({ total: 0 });
    expect((await steer('GET', 'sessions')).body).toEqual([]);
    for (const wrong of [{ kind: 'nonsense' }, { kind: 'garbage', forMs: 'x' }])
      expect((await steer('PUT', 'fault', wrong)).status).toBe(400);
    expect((await steer('PUT', 'answer', { ...asked, facts: { malware: 'x' } })).body).toMatchObject({
      error: expect.stringContaining('NPM/any@1.0.0'),
    });
    expect((await steer('GET', 'nothing')).status).toBe(400);
    client.close();

    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('ends with 130 after Ctrl-C', async () => {
    const { child, ended } = await spawned('--port', '0', '--strict-planes');
    child.kill('SIGINT');
    expect(await ended).toBe(130);
  });
});

describe('the options', () => {
  async function said(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const lines = { out: [] as string[], err: [] as string[] };
    const surroundings: ServeSurroundings = {
      out: (line) => lines.out.push(line),
      err: (line) => lines.err.push(line),
      ended: Promise.resolve('SIGTERM'),
    };
    const code = await serve(args, surroundings);
    return { code, out: lines.out.join('\n'), err: lines.err.join('\n') };
  }

  it.each([
    [[], '--port is missing'],
    [['--port', 'x'], '--port must be a whole number'],
    [['--port', '70000'], '--port must be a whole number'],
    [['--port', '0', '--limit', '0'], '--limit must be'],
    [['--port', '0', '--latency', '-1'], '--latency'],
    [['--port', '0', '--tenant', 'a b'], '--tenant must be'],
    [['--port', '0', '--nonsense'], "Unknown option '--nonsense'"],
    [['--port', '0', 'FILE'], 'FILE'],
    [['--port', '0', '--scenario', '/nonexistent/scenario.yaml'], 'cannot be read'],
    [['--port', '0', '--approve', 'perhaps'], '--approve takes automatic'],
    [['--port', '0', '--token-life', '0'], '--token-life must be'],
  ])('refuses %j with a sentence and 3', async (args, message) => {
    const { code, out, err } = await said(...args);
    expect([code, out]).toEqual([3, '']);
    expect(err).toContain(message);
    expect(err).not.toMatch(/\n\s+at /);
  });

  it('refuses a port in use with a sentence and 3', async () => {
    const { child, said: first } = await spawned('--port', '0');
    const port = new URL(first.get('SAFEDEP_DATA_PLANE_URL') ?? '').port;
    expect(await said('--port', port)).toEqual({ code: 3, out: '', err: expect.stringContaining(`port ${port} is in use`) });
    child.kill('SIGTERM');
  });

  it('shows the help', async () => {
    expect(await said('--help')).toMatchObject({ code: 0, out: expect.stringContaining('--strict-planes') });
  });

  it('says at the end what came', async () => {
    expect((await said('--port', '0', '--limit', 'none', '--latency', '5', '--api-key', 'sfd_own')).out).toMatch(
      /SAFEDEP_API_KEY=sfd_own\n(?:.*\n)*0 calls/,
    );
  });
});
