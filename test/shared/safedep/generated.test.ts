import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const environment = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env['PATH']}` };
const checker = join(root, '../shared/tools/check-safedep-schema.mjs');
const schema = join(root, '../shared/reference/safedep-schema.tsv');

/** What the pipeline and SafeDep's own scanner call. */
const METHODS = [
  'insights.v2.InsightService.GetPackageVersionInsight',
  'insights.v2.InsightService.GetPackageVersionVulnerabilities',
  'malysis.v1.MalwareAnalysisService.QueryPackageAnalysis',
  'controltower.v1.ToolService.GetEntitlementsForTool',
  'controltower.v1.ToolService.CreateToolSession',
  'controltower.v1.ToolService.PublishPackageInsight',
  'controltower.v1.ToolService.PublishPolicyViolation',
  'controltower.v1.ToolService.CompleteToolSession',
  'controltower.v1.PingService.Ping',
  'controltower.v1.UserService.GetUserInfo',
  'controltower.v1.ApiKeyService.CreateApiKey',
  'controltower.v1.ApiKeyService.ListApiKeys',
  'controltower.v1.ApiKeyService.DeleteApiKey',
  'controltower.v1.QueryService.GetSqlSchema',
  'controltower.v1.QueryService.QueryBySql',
  'controltower.v1.OnboardingService.OnboardUser',
  'controltower.v1.TenantService.ListUsersAccess',
  'threatintel.v1.ThreatIntelService.ListPackageReports',
].map((name) => `safedep.services.${name}`);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'safedep-proto-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function filesBelow(path: string): Promise<Map<string, string>> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(files.map(async (file) => [file.slice(path.length), await readFile(file, 'utf8')] as const)));
}

describe('the generated code', () => {
  it('is what the proto files generate', async () => {
    await run('buf', ['generate', '--output', folder], { cwd: root, env: environment });
    const generated = await filesBelow(join(folder, 'shared/safedep/generated'));
    const committed = await filesBelow(join(root, 'shared/safedep/generated'));
    expect(generated.size).toBeGreaterThan(50);
    expect([...committed.keys()].sort()).toEqual([...generated.keys()].sort());
    for (const [name, text] of generated) expect(committed.get(name), `${name} is out of date: npm run generate`).toBe(text);
  });
});

describe.skipIf(!existsSync(checker) || !existsSync(schema))('the proto files, beside upstream’s schema (../shared)', () => {
  it('have upstream’s names, numbers and types in all but what only travels as JSON, and every method that is called', async () => {
    const set = join(folder, 'set.json');
    await run('buf', ['build', '--output', set], { cwd: root, env: environment });
    const { stdout } = await run(process.execPath, [checker, set, schema, `--require=${METHODS.join(',')}`]);
    expect(stdout).toMatch(/names compared, 0 findings/);
    const unverified = [...stdout.matchAll(/^unverified +\S+ +(\S+)/gm)].map(([, name = '']) => name);
    expect(unverified.length).toBeGreaterThan(0);
    expect(
      unverified.filter((name) => !/^safedep\.(services\.controltower\.v2|(services|messages)\.threatintel\.v1)\./.test(name)),
    ).toEqual([]);
  });
});
