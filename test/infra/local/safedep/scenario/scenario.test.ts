import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { afterEach, describe, expect, it } from 'vitest';
import { Ecosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import { PingService } from '#safedep-api/safedep/services/controltower/v1/ping_pb.js';
import { ToolService } from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { MalwareAnalysisService } from '#safedep-api/safedep/services/malysis/v1/malysis_pb.js';
import { ThreatIntelService } from '#safedep-api/safedep/services/threatintel/v1/threatintel_pb.js';
import { parseScenario, readScenario } from '../../../../../infra/local/safedep/scenario/scenario.ts';
import { ScenarioRun } from '../../../../../infra/local/safedep/scenario/scenario-run.ts';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../../../../infra/local/safedep/stand-in.ts';
import { temporaryFolder } from '../../../../fakes/temporary-repository.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(scenarioFile: string): Promise<SafeDepStandIn> {
  const standIn = await startSafeDepStandIn({ scenarioFile, identityProvider: {} });
  ends.push(() => standIn.close());
  return standIn;
}

const example = (name: string) => fileURLToPath(new URL(`../../../../../infra/local/safedep/scenarios/${name}.yaml`, import.meta.url));

async function skip({ url }: SafeDepStandIn, time: string): Promise<void> {
  const response = await fetch(`${url}/stand-in/time`, { method: 'POST', body: JSON.stringify({ skip: time }) });
  expect(response.status).toBe(200);
}

function clients(standIn: SafeDepStandIn) {
  const options = { headers: { authorization: standIn.apiKey, 'x-tenant-id': standIn.tenantId } };
  const grpc = createGrpcTransport({ baseUrl: standIn.url });
  const json = createConnectTransport({ baseUrl: standIn.url, httpVersion: '1.1', useBinaryFormat: false });
  const target = { packageVersion: { package: { ecosystem: Ecosystem.NPM, name: 'left-pad' }, version: '1.3.0' } };
  return {
    malware: () => createClient(MalwareAnalysisService, grpc).queryPackageAnalysis({ target }, options),
    reports: async () => (await createClient(ThreatIntelService, json).listPackageReports({}, options)).packageReports,
    ping: (timeoutMs?: number) =>
      createClient(PingService, json).ping({ id: '01H000000' }, { ...options, ...(timeoutMs && { timeoutMs }) }),
    session: () => createClient(ToolService, grpc).createToolSession({ toolName: 't', toolVersion: '1', projectName: 'p' }, options),
  };
}

describe('a scenario', () => {
  it.each([
    ['packages: {', 'line 1 is not valid YAML'],
    ['note: x\npakages: {}', 'line 2 is wrong at pakages: there is no such key'],
    ['--- {}\n--- {}\n', 'must be one YAML document, not 2'],
    ['steps:\n  - at: 1s\n    fault: { kind: http-503, four: 10s }\n', 'line 3 is wrong at steps.0.fault'],
    ['note: x\npackages:\n  left-pad: {}\n', 'line 3 is wrong at packages.left-pad: a key must read ECOSYSTEM/name@version'],
    ['packages:\n  NPM/a@1:\n    malware: perhaps\n', 'line 3 is wrong at packages.NPM/a@1.malware'],
    ['steps:\n  - { at: 1s, latency: 1s }\n  - at: soon\n    latency: 1s\n', 'line 3 is wrong at steps.1.at: must be a time'],
    ['steps:\n  - latency: 1s\n', 'line 2 is wrong at steps.0: needs either at:'],
    ['steps:\n  - { at: 1s, of: Ping, latency: 1s }\n', 'of: goes with after:'],
    ['steps:\n  - { after: 0 calls }\n', 'must read "5 calls"'],
    ['steps:\n  - { at: 1s, fault: { kind: nonsense } }\n', 'line 2 is wrong at steps.0.fault.kind: expected one of "http-503"'],
    ['tenant: { features: [FLYING] }\n', 'line 1 is wrong at tenant.features.0'],
    ['- a list\n', 'wrong at the top: expected an object, found a list'],
  ])('that reads %j is refused', (text, message) => {
    expect(() => parseScenario(text, 'test.yaml')).toThrow(message);
    expect(() => parseScenario(text, 'test.yaml')).toThrow('the scenario test.yaml');
  });

  it('that changes a tenant which is not there is refused before anything starts', async () => {
    const folder = temporaryFolder();
    ends.push(() => folder.remove());
    const file = join(folder.path, 'scenario.yaml');
    writeFileSync(file, 'steps:\n  - { at: 1h, tenant: { domain: nobody.example, features: [] } }\n');
    await expect(startSafeDepStandIn({ scenarioFile: file })).rejects.toThrow(/nobody\.example, which is not one of its tenants/);
  });

  it('may be empty', () => {
    expect(parseScenario('', 'empty.yaml')).toEqual({});
  });

  it('acts after so many calls, of any method or of one, each step once', () => {
    const text =
      'steps:\n  - { after: 2 calls, note: any }\n  - { after: 2 calls, of: Ping, note: two pings }\n  - { after: 1 call, note: first }\n';
    const done: string[] = [];
    const run = new ScenarioRun(parseScenario(text, 'test.yaml'), ({ note = '' }) => void done.push(note));
    run.noteCall('PingService/Ping');
    expect(done).toEqual(['first']);
    run.noteCall('UserService/GetUserInfo');
    expect(done).toEqual(['first', 'any']);
    for (let i = 0; i < 3; i++) run.noteCall('PingService/Ping');
    expect(done).toEqual(['first', 'any', 'two pings']);
    expect(run.state()).toContainEqual({ when: 'after 2 calls of Ping', what: 'two pings', isDone: true });
    run.close();
  });

  it('acts when its time has come, in the order of the times, also of those that were skipped', async () => {
    const text = 'steps:\n  - { at: 2h, note: c }\n  - { at: 20ms, note: a }\n  - { at: 1h, note: b }\n  - { at: 60h, note: never }\n';
    const done: string[] = [];
    const run = new ScenarioRun(parseScenario(text, 'test.yaml'), ({ note = '' }) => void done.push(note));
    await expect.poll(() => done).toEqual(['a']);
    run.skip(3 * 3_600_000);
    expect(done).toEqual(['a', 'b', 'c']);
    run.close();
  });
});

describe('the example scenarios', () => {
  it('turn a package malicious after half a minute, verify it, and take it back', async () => {
    const standIn = await start(example('turns-malicious'));
    const { malware, reports } = clients(standIn);
    expect((await malware()).report?.inference?.isMalware).toBe(false);
    expect(await reports()).toEqual([]);
    await skip(standIn, '30s');
    const suspicious = await malware();
    expect([suspicious.report?.inference?.isMalware, suspicious.verificationRecord]).toEqual([true, undefined]);
    expect(await reports()).toMatchObject([{ reportId: 'made-up-left-pad', verdict: 'THREAT_VERDICT_SUSPICIOUS' }]);
    await skip(standIn, '30s');
    expect((await malware()).verificationRecord?.isMalware).toBe(true);
    await skip(standIn, '10m');
    expect((await malware()).verificationRecord?.isSafe).toBe(true);
    expect(await reports()).toMatchObject([{ reportId: 'made-up-left-pad', withdrawn: true }]);
  });

  it('make an hour rough: overload, limits, silence, a lost plan, expired keys, and quiet between', async () => {
    const standIn = await start(example('rough-hour'));
    const { ping, session } = clients(standIn);
    const outcome = (call: Promise<unknown>) =>
      call.then(
        () => 'answered',
        ({ message }: Error) => message,
      );
    const seen: string[] = [];
    for (let minutes = 0; minutes < 25; minutes += 5) {
      seen.push(await outcome(ping()));
      await skip(standIn, '5m');
    }
    expect(seen).toEqual(['answered', '[unavailable] HTTP 503', 'answered', '[unavailable] HTTP 429', 'answered']);
    expect(await outcome(ping(100))).toMatch(/deadline_exceeded/);
    await skip(standIn, '10m');
    expect(await outcome(ping())).toBe('answered');
    await skip(standIn, '5m');
    expect(await outcome(session())).toMatch(/permission_denied/);
    await skip(standIn, '5m');
    expect(await outcome(session())).toBe('answered');
    await skip(standIn, '10m');
    expect(await outcome(ping())).toMatch(/unauthenticated/);
  });

  it('say what each step does', () => {
    for (const name of ['turns-malicious', 'rough-hour']) {
      for (const { note } of readScenario(example(name)).steps ?? []) expect(note).toMatch(/\w+ \w+|quiet/);
    }
  });
});
