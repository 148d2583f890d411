import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ecosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import { QueryService as QueryServiceV1 } from '#safedep-api/safedep/services/controltower/v1/query_pb.js';
import { ToolService } from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { QueryService as QueryServiceV2 } from '#safedep-api/safedep/services/controltower/v2/query_pb.js';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../../../infra/local/safedep/stand-in.ts';

let standIn: SafeDepStandIn;
let asUser: { headers: Record<string, string> };
beforeAll(async () => {
  standIn = await startSafeDepStandIn({ controlLimitPerSecond: 'none' });
  asUser = { headers: { authorization: standIn.accessToken, 'x-tenant-id': standIn.tenantId } };
  await report('demo/first', 'main', ['lodash@1.0.0', 'left-pad@1.0.0']);
  await report('demo/first', 'main', ['lodash@2.0.0', 'lowdb@1.0.0', 'left-pad@1.0.0']);
  await report('demo/second', 'main', ['lodash@2.0.0', "o'clock@1.0.0"]);
  await report('demo/open', 'main', ['unseen@1.0.0'], { complete: false });
});
afterAll(() => standIn.close());

async function report(projectName: string, projectVersion: string, packages: string[], { complete } = { complete: true }): Promise<void> {
  const tool = createClient(ToolService, createGrpcTransport({ baseUrl: standIn.url }));
  const asKey = { headers: { authorization: standIn.apiKey, 'x-tenant-id': standIn.tenantId } };
  const session = { toolName: 't', toolVersion: '1', projectName, projectVersion };
  const { toolSession = {} } = await tool.createToolSession(session, asKey);
  for (const [name = '', version = ''] of packages.map((text) => text.split('@'))) {
    const subject = {
      toolSession,
      manifest: { name: 'package-lock.json' },
      packageVersion: { package: { ecosystem: Ecosystem.NPM, name }, version },
      packageVersionInsight: {
        vulnerabilities: name === 'lodash' ? [{ id: { value: 'GHSA-made-up' }, severities: [{ risk: 4 }] }] : [],
        licenses: { licenses: [{ licenseId: 'MIT', name: 'MIT' }] },
      },
      ...(name === 'left-pad' && { maliciousPackageInsight: { analysisId: 'made-up', isMalware: true, isVerified: false } }),
    };
    await tool.publishPackageInsight(subject, asKey);
  }
  if (complete) await tool.completeToolSession({ toolSession, status: 1 }, asKey);
}

const v1 = () => createClient(QueryServiceV1, createGrpcTransport({ baseUrl: standIn.url }));
const v2 = () => createClient(QueryServiceV2, createConnectTransport({ baseUrl: standIn.url, httpVersion: '1.1', useBinaryFormat: false }));

async function rows(query: string): Promise<unknown[][]> {
  const { rows: found, columns } = await v2().queryBySql({ query }, asUser);
  return found.map((row) => columns.map(({ name }) => (row as Record<string, unknown>)[name]));
}

async function refusal(query: string): Promise<string> {
  const error = await v2()
    .queryBySql({ query }, asUser)
    .then(
      () => new Error('it was answered'),
      (reason: unknown) => reason,
    );
  if (!(error instanceof ConnectError) || error.code !== Code.InvalidArgument) throw error;
  return error.rawMessage;
}

describe('a query', () => {
  it('selects the columns of what was reported last of each version, and nothing of sessions that are open', async () => {
    expect(await rows('SELECT projects.name FROM projects ORDER BY projects.name')).toEqual([['demo/first'], ['demo/second']]);
    const query = `
      SELECT packages.name, packages.version, packages.ecosystem FROM packages
      JOIN projects ON projects.id = packages.id AND (1 = 1)
      WHERE projects.name = 'demo/first' ORDER BY packages.name;`;
    expect(await rows(query)).toEqual([
      ['left-pad', '1.0.0', 2],
      ['lodash', '2.0.0', 2],
      ['lowdb', '1.0.0', 2],
    ]);
  });

  it.each([
    ["WHERE packages.name LIKE 'lo%'", 3],
    ["WHERE packages.name IN ('lodash', 'left-pad') AND packages.version = '2.0.0'", 2],
    ["WHERE packages.name = 'o''clock'", 1],
    ["WHERE packages.ecosystem = 'ECOSYSTEM_NPM'", 5],
    ['WHERE packages.ecosystem = 3', 0],
    ['', 5],
  ])('counts what the condition %s leaves', async (condition, count) => {
    expect(await rows(`select count(*) from packages ${condition}`)).toEqual([[count]]);
  });

  it('joins the service’s own tables to the tenant’s', async () => {
    const query = `
      SELECT projects.name, component_vulnerabilities.vulnerability_id, vulnerabilities.severity_rating
      FROM projects INNER JOIN component_vulnerabilities ON x JOIN vulnerabilities ON y ORDER BY projects.name DESC LIMIT 1`;
    expect(await rows(query)).toEqual([['demo/second', 'GHSA-made-up', 4]]);
    expect(await rows('SELECT COUNT(*) FROM component_malicious_packages WHERE component_malicious_packages.is_malware = true')).toEqual([
      [1],
    ]);
  });

  it.each([
    ['', 'must have 1 to'],
    ['DROP TABLE projects', 'expected SELECT, not DROP'],
    ['SELECT * FROM projects', 'expected a column as table.column, not *'],
    ['SELECT name FROM projects', 'expected a column as table.column, not NAME'],
    ['SELECT projects.name FROM nothing', 'there is no table nothing; there are projects,'],
    ['SELECT projects.nothing FROM projects', 'projects has no column nothing; it has id, name'],
    ['SELECT packages.name FROM projects', 'packages stands neither in FROM nor in JOIN'],
    ['SELECT projects.name FROM projects p', 'expected the end, not P'],
    ['SELECT projects.name FROM projects LEFT JOIN boms ON x', 'expected the end, not LEFT'],
    ['SELECT projects.name FROM projects JOIN boms', 'expected ON before the end'],
    ['SELECT projects.name FROM projects JOIN boms ON', 'expected a condition after ON'],
    ['SELECT projects.name FROM projects JOIN projects ON x', 'projects is named twice'],
    ['SELECT projects.name FROM projects JOIN licenses ON x', 'no edge joins licenses'],
    ['SELECT licenses.license_code FROM licenses', 'licenses can only be joined'],
    ["SELECT projects.name FROM projects WHERE projects.name LIKE '%x'", 'LIKE takes a prefix only'],
    ["SELECT projects.name FROM projects WHERE projects.name != 'x'", 'expected =, IN or LIKE, not !'],
    ["SELECT projects.name FROM projects WHERE projects.name = 'x' OR projects.id = 'y'", 'expected the end, not OR'],
    ['SELECT projects.name FROM projects WHERE projects.name = 1', 'projects.name is STRING and cannot be compared with 1'],
    ['SELECT projects.name FROM projects GROUP BY projects.name', 'expected the end, not GROUP'],
    ['SELECT projects.name FROM projects LIMIT -1', 'LIMIT takes a whole number'],
    ["SELECT projects.name FROM projects WHERE projects.name = 'x", 'cannot read from'],
    ['SELECT COUNT(*), projects.name FROM projects', 'expected FROM, not ,'],
  ])('refuses %s', async (query, message) => {
    expect(await refusal(query)).toContain(message);
  });

  it('is answered page by page in both versions, with tokens that are good for that query alone', async () => {
    const query = 'SELECT packages.name FROM packages ORDER BY packages.name';
    for (const ask of [
      (pageToken: string) => v1().queryBySql({ query, pageSize: 2, pageToken }, asUser),
      (pageToken: string) => v2().queryBySql({ query, pageSize: 2, pageToken }, asUser),
    ]) {
      const sizes: number[] = [];
      let pageToken = '';
      do {
        const page = await ask(pageToken);
        sizes.push(page.rows.length);
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      expect(sizes).toEqual([2, 2, 1]);
    }
    const { nextPageToken } = await v2().queryBySql({ query, pageSize: 1 }, asUser);
    const other = v2().queryBySql({ query: 'SELECT projects.name FROM projects', pageToken: nextPageToken }, asUser);
    await expect(other).rejects.toMatchObject({ code: Code.InvalidArgument });
  });

  it('finds its tables in the schemas of both versions', async () => {
    const { schemas } = await v1().getSqlSchema({}, asUser);
    const { tables, edges, usage } = await v2().getSchema({}, asUser);
    expect(tables.map(({ name }) => name)).toEqual(schemas.map(({ name }) => name));
    expect(edges).toContainEqual(expect.objectContaining({ from: 'projects', to: 'packages' }));
    for (const example of usage?.exampleQueries ?? []) await rows(example);
    expect(tables.find(({ name }) => name === 'packages')?.columns.find(({ name }) => name === 'ecosystem')?.enumValues).toContainEqual(
      expect.objectContaining({ name: 'ECOSYSTEM_NPM', number: 2 }),
    );
  });
});
