import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ecosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import { RuleCheck } from '#safedep-api/safedep/messages/policy/v1/rule_pb.js';
import { ApiKeyService } from '#safedep-api/safedep/services/controltower/v1/api_key_pb.js';
import { PingService } from '#safedep-api/safedep/services/controltower/v1/ping_pb.js';
import { QueryService } from '#safedep-api/safedep/services/controltower/v1/query_pb.js';
import {
  CompleteToolSessionRequest_Status as Status,
  ToolService,
  ToolTrigger,
} from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { UserService } from '#safedep-api/safedep/services/controltower/v1/user_pb.js';
import { InsightService } from '#safedep-api/safedep/services/insights/v2/insights_pb.js';
import { MalwareAnalysisService } from '#safedep-api/safedep/services/malysis/v1/malysis_pb.js';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../../../infra/local/safedep/stand-in.ts';

/** The calls of SafeDep's own scanner, vet 1.12.0, in its order, with its credentials and shapes, over gRPC without TLS. */

const ULID = '01JD8XHT4T0000000000000000';
const PACKAGES = Array.from({ length: 20 }, (_, index) => (index === 0 ? 'safedep-test-pkg' : `package-${index}`));

let standIn: SafeDepStandIn;
let asKey: { headers: Record<string, string> };
let asUser: { headers: Record<string, string> };
let keyless: { headers: Record<string, string> };
beforeAll(async () => {
  standIn = await startSafeDepStandIn();
  const tenant = { 'x-tenant-id': standIn.tenantId };
  asKey = { headers: { ...tenant, authorization: standIn.apiKey } };
  asUser = { headers: { ...tenant, authorization: standIn.accessToken } };
  keyless = { headers: tenant };
});
afterAll(() => standIn.close());

describe('vet', () => {
  it('scans and reports', async () => {
    const transport = createGrpcTransport({ baseUrl: standIn.url });
    const tool = createClient(ToolService, transport);
    await createClient(PingService, transport).ping({ id: ULID }, asKey);
    const request = {
      toolName: 'vet',
      toolVersion: 'v1.12.0',
      projectName: 'demo/repo',
      projectVersion: 'main',
      projectSource: 0,
      trigger: ToolTrigger.MANUAL,
    };
    const { toolSession = {} } = await tool.createToolSession(request, asKey);
    for (const name of PACKAGES) {
      const packageVersion = { package: { ecosystem: Ecosystem.NPM, name }, version: '0.1.3' };
      const { insight } = await createClient(InsightService, transport).getPackageVersionInsight({ packageVersion }, asKey);
      const { analysisId, verificationRecord } = await createClient(MalwareAnalysisService, transport).queryPackageAnalysis(
        { target: { packageVersion } },
        keyless,
      );
      const isMalware = verificationRecord?.isMalware ?? false;
      expect(isMalware).toBe(name === 'safedep-test-pkg');
      const subject = { toolSession, manifest: { ecosystem: Ecosystem.NPM, namespace: '.', name: 'package-lock.json' }, packageVersion };
      const licenses = (insight?.licenses?.licenses ?? []).map(({ licenseId }) => ({ licenseId, name: licenseId }));
      const maliciousPackageInsight = { analysisId, isMalware, isVerified: isMalware, summary: '' };
      await tool.publishPackageInsight({ ...subject, packageVersionInsight: { licenses: { licenses } }, maliciousPackageInsight }, asKey);
      const rules = [
        { name: 'filter-query', value: 'true' },
        ...(isMalware ? [{ name: 'malware', check: RuleCheck.MALWARE, value: '' }] : []),
      ];
      for (const rule of rules) await tool.publishPolicyViolation({ ...subject, violation: { rule } }, asKey);
    }
    await tool.completeToolSession({ toolSession, status: Status.SUCCESS }, asKey);
    expect(standIn.calls().byMethod).toEqual({
      'InsightService/GetPackageVersionInsight': 20,
      'MalwareAnalysisService/QueryPackageAnalysis': 20,
      'PingService/Ping': 1,
      'ToolService/CompleteToolSession': 1,
      'ToolService/CreateToolSession': 1,
      'ToolService/PublishPackageInsight': 20,
      'ToolService/PublishPolicyViolation': 21,
    });
    const [session] = standIn.sessions();
    expect([session?.components.size, session?.violated.size, session?.status]).toEqual([20, 21, Status.SUCCESS]);
  });

  it('asks the control plane with a sign-in: whoami, ping, key list, key create, query', async () => {
    const transport = createGrpcTransport({ baseUrl: standIn.url });
    const { access } = await createClient(UserService, transport).getUserInfo({}, asUser);
    expect(access).toMatchObject([{ level: 1, role: 1n, tenant: { domain: standIn.tenantId } }]);
    await createClient(PingService, transport).ping({ id: ULID }, asUser);
    const keys = createClient(ApiKeyService, transport);
    expect((await keys.listApiKeys({ filter: {} }, asUser)).keys).toMatchObject([{ name: 'first' }]);
    expect((await keys.createApiKey({ name: 'made', description: '', expiryDays: 30 }, asUser)).key).toMatch(/^sfd_/);
    const query = createClient(QueryService, transport);
    expect((await query.getSqlSchema({}, asUser)).schemas.length).toBeGreaterThan(0);
    const { rows } = await query.queryBySql({ query: 'SELECT projects.name FROM projects', pageSize: 100 }, asUser);
    expect(rows).toEqual([{ 'projects.name': 'demo/repo' }]);
  });
});
