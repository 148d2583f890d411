import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Ecosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import { RuleCheck } from '#safedep-api/safedep/messages/policy/v1/rule_pb.js';
import { ToolTrigger } from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../../infra/local/safedep/stand-in.ts';
import { createReportSessionClient, type ReportSessionClient } from '../../../shared/safedep/report-session-client.ts';
import { TRANSPORT_KINDS } from '../../../shared/safedep/transport.ts';

let standIn: SafeDepStandIn;
let client: ReportSessionClient | undefined;
beforeAll(async () => {
  standIn = await startSafeDepStandIn({ strictValidation: true });
});
afterEach(() => {
  client?.close();
  standIn.setFault(undefined);
});
afterAll(() => standIn.close());

const SESSION = {
  toolName: 'safedep-watch',
  toolVersion: '1',
  projectName: 'demo/repo',
  gitSha: 'a'.repeat(40),
  trigger: ToolTrigger.PUSH,
};
const SUBJECT = {
  manifest: { ecosystem: Ecosystem.NPM, name: 'package-lock.json', namespace: '.' },
  packageVersion: { package: { ecosystem: Ecosystem.NPM, name: 'lodash' }, version: '4.17.21' },
};

describe.each(TRANSPORT_KINDS)('a report over %s', (transport) => {
  const start = () =>
    createReportSessionClient({
      baseUrl: standIn.url,
      transport,
      credential: async () => ({ authorization: standIn.accessToken, tenantId: standIn.tenantId }),
      onFallback: () => {},
    });

  it('arrives as one session with what was published', async () => {
    client = start();
    const created = await client.createToolSession(SESSION);
    if (created.kind !== 'answered') throw new Error(created.reason);
    const { toolSessionId } = created.response;
    const insight = { ...SUBJECT, packageVersionInsight: { licenses: { licenses: [{ licenseId: 'MIT', name: 'MIT' }] } } };
    expect(await client.publishPackageInsight(toolSessionId, insight)).toMatchObject({ kind: 'answered' });
    const rule = { name: 'vulnerability', value: 'critical', check: RuleCheck.VULNERABILITY };
    expect(await client.publishPolicyViolation(toolSessionId, { ...SUBJECT, violation: { rule } })).toMatchObject({ kind: 'answered' });
    expect(await client.completeToolSession(toolSessionId, 'success')).toMatchObject({ kind: 'answered' });

    const kept = standIn.sessions().find((session) => session.id === toolSessionId);
    expect(kept?.request).toMatchObject(SESSION);
    expect(kept?.request.projectVersion).toBeUndefined();
    expect(kept?.insights[0]).toMatchObject(insight);
    expect(kept?.violations[0]?.violation?.rule).toMatchObject(rule);
    expect(kept?.status).toBe(1);
  });

  it('refuses to publish to a session that is completed or unknown', async () => {
    client = start();
    const created = await client.createToolSession(SESSION);
    if (created.kind !== 'answered') throw new Error(created.reason);
    const { toolSessionId } = created.response;
    await client.completeToolSession(toolSessionId, 'error');
    expect(await client.publishPackageInsight(toolSessionId, { ...SUBJECT, packageVersionInsight: {} })).toMatchObject({ kind: 'refused' });
    expect(await client.completeToolSession('unknown', 'success')).toMatchObject({ code: 'NotFound' });
  });

  it('refuses what breaks SafeDep’s declared limits, naming the field', async () => {
    client = start();
    expect(await client.createToolSession({ ...SESSION, projectVersion: '' })).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('project_version'),
    });
  });

  it('makes results of what goes wrong', async () => {
    client = start();
    expect((await client.createToolSession(SESSION)).kind).toBe('answered');
    standIn.setFault({ kind: 'http-503' });
    expect(await client.createToolSession(SESSION)).toMatchObject({ kind: 'retry' });
    standIn.setFault({ kind: 'resource-exhausted' });
    expect(await client.createToolSession(SESSION)).toMatchObject({ kind: 'throttled' });
  });
});
