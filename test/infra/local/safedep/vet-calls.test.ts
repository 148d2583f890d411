import type { DescService } from '@bufbuild/protobuf';
import { type CallOptions, type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterEach, describe, expect, it } from 'vitest';
import { AccessLevel } from '#safedep-api/safedep/messages/controltower/v1/access_pb.js';
import { Ecosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import { ProjectSourceType } from '#safedep-api/safedep/messages/package/v1/project_pb.js';
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
import { AnalysisStatus, MalwareAnalysisService } from '#safedep-api/safedep/services/malysis/v1/malysis_pb.js';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../../../infra/local/safedep/stand-in.ts';

/** What SafeDep's own scanner, version 1.12.0, was seen to ask of a server, and in which order. */
const ULID = '01JZZZZZZZZZZZZZZZZZZZZZZZ';
const LOOK_UPS_AT_ONCE = 5;
const PUBLISHES_AT_ONCE = 10;
const MALICIOUS = { name: 'safedep-test-pkg', version: '0.1.3' };
const PACKAGES = [MALICIOUS, ...Array.from({ length: 19 }, (_, index) => ({ name: `vet-package-${index}`, version: '1.0.0' }))];

let standIn: SafeDepStandIn;
afterEach(() => standIn.close());

/** A gRPC client that is not ours, in plain text, under the scanner's name. */
function scanner(authorization: string, tenantId = standIn.tenantId) {
  const transport = createGrpcTransport({ baseUrl: standIn.url });
  const headers = { 'user-agent': 'grpc-go/1.72.2', 'x-tenant-id': tenantId, ...(authorization && { authorization }) };
  const options: CallOptions = { headers };
  return {
    options,
    of: <S extends DescService>(service: S): Client<S> => createClient(service, transport),
  };
}

async function atOnce<T>(many: number, entries: readonly T[], act: (entry: T) => Promise<unknown>): Promise<void> {
  const queue = [...entries];
  await Promise.all(
    Array.from({ length: many }, async () => {
      for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) await act(entry);
    }),
  );
}

const wire = ({ name, version }: (typeof PACKAGES)[number]) => ({ package: { ecosystem: Ecosystem.NPM, name }, version });
const MANIFEST = { ecosystem: Ecosystem.NPM, namespace: '.', name: 'package-lock.json' };
const SESSION = {
  toolName: 'vet',
  toolVersion: 'v1.12.0',
  projectName: 'demo/repo',
  projectVersion: 'main',
  projectSource: ProjectSourceType.UNSPECIFIED,
  trigger: ToolTrigger.MANUAL,
};

describe('a scan with report sync', () => {
  it('finds what was planted and leaves one complete session with every package', async () => {
    standIn = await startSafeDepStandIn();
    const keyed = scanner(standIn.apiKey);
    const keyless = scanner('');
    expect(await keyed.of(PingService).ping({ id: ULID }, keyed.options)).toMatchObject({ id: ULID });
    const tool = keyed.of(ToolService);
    const { toolSession } = await tool.createToolSession(SESSION, keyed.options);
    expect(toolSession?.toolSessionId).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);

    const malware = new Map<string, string>();
    const licences = new Map<string, readonly string[]>();
    await atOnce(LOOK_UPS_AT_ONCE, PACKAGES, async (each) => {
      const { insight } = await keyed.of(InsightService).getPackageVersionInsight({ packageVersion: wire(each) }, keyed.options);
      licences.set(
        each.name,
        (insight?.licenses?.licenses ?? []).map(({ licenseId }) => licenseId),
      );
      const answer = await keyless
        .of(MalwareAnalysisService)
        .queryPackageAnalysis({ target: { packageVersion: wire(each) } }, keyless.options);
      expect(answer.status).toBe(AnalysisStatus.COMPLETED);
      expect(answer.verificationRecord?.isMalware ?? false).toBe(each === MALICIOUS);
      if (answer.report?.inference?.isMalware) malware.set(each.name, answer.analysisId);
    });
    expect([...malware.keys()]).toContain(MALICIOUS.name);

    await atOnce(PUBLISHES_AT_ONCE, PACKAGES, async (each) => {
      const analysisId = malware.get(each.name);
      const licenses = (licences.get(each.name) ?? []).map((licenseId) => ({ licenseId, name: licenseId }));
      const subject = { toolSession, manifest: MANIFEST, packageVersion: wire(each) };
      await tool.publishPackageInsight(
        {
          ...subject,
          packageVersionInsight: { licenses: { licenses } },
          ...(analysisId && { maliciousPackageInsight: { analysisId, isMalware: true, summary: 'made up' } }),
        },
        keyed.options,
      );
      await tool.publishPolicyViolation({ ...subject, violation: { rule: { name: 'filter-query', value: 'true' } } }, keyed.options);
    });
    // Breaks a declared limit: an expression that is empty.
    await tool.publishPolicyViolation(
      {
        ...{ toolSession, manifest: MANIFEST, packageVersion: wire(MALICIOUS) },
        violation: { rule: { name: 'malware', check: RuleCheck.MALWARE, description: 'made up', value: '' } },
      },
      keyed.options,
    );
    await tool.completeToolSession({ toolSession, status: Status.SUCCESS }, keyed.options);

    expect(standIn.calls().byMethod).toEqual({
      'InsightService/GetPackageVersionInsight': 20,
      'MalwareAnalysisService/QueryPackageAnalysis': 20,
      'PingService/Ping': 1,
      'ToolService/CompleteToolSession': 1,
      'ToolService/CreateToolSession': 1,
      'ToolService/PublishPackageInsight': 20,
      'ToolService/PublishPolicyViolation': 21,
    });
    expect(standIn.calls().total).toBe(1 + 1 + 20 + 20 + 20 + 21 + 1);
    expect(standIn.sessions()).toHaveLength(1);
    const [session] = standIn.sessions();
    expect(session).toMatchObject({ request: { ...SESSION }, status: Status.SUCCESS });
    expect(new Set(session?.insights.map(({ packageVersion }) => packageVersion?.package?.name))).toEqual(
      new Set(PACKAGES.map(({ name }) => name)),
    );
    expect(session?.violations).toHaveLength(21);
    expect([session?.components.size, session?.violated.size]).toEqual([20, 21]);
    const person = scanner(standIn.accessToken);
    const query = { query: 'SELECT projects.name FROM projects', pageSize: 100 };
    expect((await person.of(QueryService).queryBySql(query, person.options)).rows).toEqual([{ 'projects.name': 'demo/repo' }]);
  });

  it('may leave its project without a version, as the real one does without the flag for it', async () => {
    standIn = await startSafeDepStandIn();
    const { options, of } = scanner(standIn.apiKey);
    expect((await of(ToolService).createToolSession({ ...SESSION, projectVersion: '' }, options)).toolSession?.toolSessionId).toBeTruthy();
  });

  it('is refused for both where declared limits are enforced', async () => {
    standIn = await startSafeDepStandIn({ strictValidation: true });
    const { options, of } = scanner(standIn.apiKey);
    const tool = of(ToolService);
    const codeOf = (call: Promise<unknown>) =>
      call.then(
        () => 'answered',
        (error: unknown) => ConnectError.from(error).code,
      );
    expect(await codeOf(tool.createToolSession({ ...SESSION, projectVersion: '' }, options))).toBe(Code.InvalidArgument);
    const { toolSession } = await tool.createToolSession(SESSION, options);
    const violation = { rule: { name: 'malware', check: RuleCheck.MALWARE, description: 'made up', value: '' } };
    const publication = { toolSession, manifest: MANIFEST, packageVersion: wire(MALICIOUS), violation };
    expect(await codeOf(tool.publishPolicyViolation(publication, options))).toBe(Code.InvalidArgument);
  });
});

describe('its commands for the control plane', () => {
  it('are answered to a token', async () => {
    standIn = await startSafeDepStandIn();
    const { options, of } = scanner(standIn.accessToken);
    const { user, access } = await of(UserService).getUserInfo({}, options);
    expect(user?.email).toMatch(/@/);
    expect(access).toMatchObject([{ level: 1, role: 1n, tenant: { domain: standIn.tenantId } }]);
    expect(Number(access[0]?.role)).toBe(access[0]?.level);
    expect(AccessLevel[access[0]?.level ?? 0]).toMatch(/OWNER|ADMIN/);
    expect(await of(PingService).ping({ id: ULID }, options)).toMatchObject({ id: ULID });
    expect((await of(ApiKeyService).listApiKeys({ filter: {} }, options)).keys).toMatchObject([{ name: 'first' }]);
    const created = await of(ApiKeyService).createApiKey({ name: 'vet', description: '', expiryDays: 30 }, options);
    expect(created.key).toMatch(/^sfd_/);
    expect((await of(ApiKeyService).listApiKeys({ filter: {} }, options)).keys.map(({ keyId }) => keyId)).toContain(created.keyId);
    const { schemas } = await of(QueryService).getSqlSchema({}, options);
    expect(schemas.map(({ name }) => name)).toContain('projects');
    const query = 'SELECT projects.name FROM projects';
    expect((await of(QueryService).queryBySql({ query, pageSize: 100 }, options)).rows).toEqual([]);
  });
});
