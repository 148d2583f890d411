import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CompleteToolSessionRequest_Status } from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../../infra/local/safedep/stand-in.ts';
import type { ResultDocument } from '../../../infra/local/scan/result-document.ts';
import { commitFiles, initRepository, temporaryFolder } from '../../fakes/temporary-repository.ts';
import { packageLock } from '../../simulation/world.ts';
import { listen, startIn } from './start-process.ts';

/** The pipeline against a SafeDep that it reaches by address and credential only, as it would reach the real one. */

const folder = temporaryFolder();
const repository = join(folder.path, 'shop');
const { start, run, runCli } = startIn(folder.path);
let safedep: SafeDepStandIn;
let cloud: Record<string, string>;

beforeAll(async () => {
  initRepository(repository);
  commitFiles(repository, { 'package-lock.json': packageLock('safedep-test-pkg@0.1.3', 'left-pad@1.3.0', 'right-pad@1.0.1') });
  safedep = await startSafeDepStandIn({ strictPlanes: true, strictValidation: true });
  cloud = {
    SAFEDEP_API_KEY: safedep.apiKey,
    SAFEDEP_TENANT_ID: safedep.tenantId,
    SAFEDEP_DATA_PLANE_URL: safedep.url,
    SAFEDEP_CONTROL_PLANE_URL: safedep.controlPlaneUrl,
  };
});
afterAll(async () => {
  await safedep.close();
  folder.remove();
});

describe('with a cloud tenant', () => {
  for (const transport of ['grpc', 'connect-json', 'connect']) {
    it(`scans and reports over ${transport}`, async () => {
      const before = safedep.sessions().length;
      const { code, stdout, stderr } = await run(['--once', '--json', '--report', repository], { ...cloud, SAFEDEP_TRANSPORT: transport });
      const document = JSON.parse(stdout) as ResultDocument;
      expect(document.answers).toBe('cloud');
      expect(document.repositories[0], stderr).toMatchObject({ status: 'complete', reasons: [] });
      expect(code).toBe(1);
      const sessions = safedep.sessions().slice(before);
      expect(sessions).toHaveLength(1);
      expect(sessions[0]).toMatchObject({ status: CompleteToolSessionRequest_Status.SUCCESS, request: { toolName: 'safedep-watch' } });
      expect(sessions[0]?.insights).toHaveLength(3);
      expect(sessions[0]?.violations.length).toBeGreaterThan(0);
    });
  }

  it('says which credential was refused, and shows none', async () => {
    const { code, stderr } = await run(['--once', repository], { ...cloud, SAFEDEP_API_KEY: 'sfd_wrong_key_of_nobody' });
    expect(code).toBe(3);
    expect(stderr).toContain('refused SAFEDEP_API_KEY or SAFEDEP_TENANT_ID');
    expect(stderr).not.toContain('sfd_wrong');
  });

  it('refuses to report answers that are not the cloud’s', async () => {
    const { code, stderr } = await run(['--once', '--report', '--safedep', 'stand-in', repository]);
    expect(code).toBe(3);
    expect(stderr).toContain('--report');
  });

  it('outlasts an outage of the look-ups', async () => {
    safedep.setFault({ kind: 'http-503', forMs: 4_000, method: 'QueryPackageAnalysis' });
    const { stdout } = await run(['--once', '--json', repository], cloud);
    expect((JSON.parse(stdout) as ResultDocument).repositories[0]).toMatchObject({ status: 'complete', reasons: [] });
  });
});

describe('npm run cli -- rescan', () => {
  it('finds what has become malware since, in every repository that has it, and reads none', async () => {
    const other = initRepository(join(folder.path, 'other'));
    commitFiles(other, { 'web/package-lock.json': packageLock('fine-pad@1.0.0') });
    const third = initRepository(join(folder.path, 'third'));
    commitFiles(third, { 'package-lock.json': packageLock('fine-pad@1.0.0', 'left-pad@1.3.0') });
    const child = start([third, other], cloud);
    const { end, hear } = listen(child);
    await hear(/complete in/, 2);
    const packageVersion = { ecosystem: 'NPM', name: 'fine-pad', version: '1.0.0' } as const;
    safedep.setAnswer(packageVersion, { malware: 'verified', malwareSummary: 'became malware' });
    const rescan = await runCli(['rescan', '--due-before', '2100-01-01T00:00:00Z']);
    expect(rescan).toMatchObject({ code: 0 });
    expect(rescan.stdout).toContain('sent to be asked again');
    await hear(/alert {2}.*fine-pad/, 2);
    child.kill('SIGINT');
    expect((await end).code).toBe(130);
    expect(await runCli(['rescan', '--due-before', 'now'])).toMatchObject({ code: 2 });
  });
});

describe('without an account', () => {
  it('asks the community host, without a credential', async () => {
    safedep.resetCalls();
    const { stdout } = await run(['--once', '--json', repository], { SAFEDEP_COMMUNITY_URL: safedep.communityUrl });
    const document = JSON.parse(stdout) as ResultDocument;
    expect(document.answers).toBe('community');
    expect(document.repositories[0]).toMatchObject({ status: 'complete' });
    expect(document.calls).toEqual({ insight: 3, malware: 3 });
  });
});
