import type { MessageShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import {
  type CompleteToolSessionRequest_Status,
  type CreateToolSessionRequestSchema,
  type PublishPackageInsightRequestSchema,
  type PublishPolicyViolationRequestSchema,
  CompleteToolSessionRequest_Status as Status,
  type ToolSession,
} from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { notFound } from './refusals.ts';
import { newUlid } from './ulid.ts';

type Insight = MessageShape<typeof PublishPackageInsightRequestSchema>;
type Violation = MessageShape<typeof PublishPolicyViolationRequestSchema>;

export interface KeptSession {
  readonly id: string;
  readonly tenant: string;
  readonly request: MessageShape<typeof CreateToolSessionRequestSchema>;
  readonly createdAtMs: number;
  /** Every publication that arrived, in their order, those of the same thing included. */
  readonly insights: Insight[];
  readonly violations: Violation[];
  /** What they amount to: a package version of a manifest once, a rule's violation by it once, as the last publication has them. */
  readonly components: Map<string, Insight>;
  readonly violated: Map<string, Violation>;
  /** UNSPECIFIED while the session is open. */
  status: CompleteToolSessionRequest_Status;
}

/** Sessions that are remembered, the latest. Ours: `serve` may run for weeks. */
const KEPT_SESSIONS = 200;

/** What was reported, in memory. */
export class ToolSessions {
  readonly #sessions = new Map<string, KeptSession>();

  list(): readonly KeptSession[] {
    return [...this.#sessions.values()];
  }

  create(tenant: string, request: KeptSession['request']): KeptSession {
    const nowMs = Date.now();
    const session: KeptSession = {
      id: newUlid(nowMs),
      tenant,
      request,
      createdAtMs: nowMs,
      insights: [],
      violations: [],
      components: new Map(),
      violated: new Map(),
      status: Status.UNSPECIFIED,
    };
    this.#sessions.set(session.id, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > KEPT_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    return session;
  }

  /** @throws ConnectError for a session that does not exist, is another tenant's, or is completed; so do the others. */
  publishInsight(tenant: string, published: Insight): void {
    const session = this.#open(tenant, published.toolSession);
    session.insights.push(published);
    session.components.set(componentKey(published), published);
  }

  publishViolation(tenant: string, published: Violation): void {
    const session = this.#open(tenant, published.toolSession);
    session.violations.push(published);
    const { name = '', value = '' } = published.violation?.rule ?? {};
    session.violated.set(JSON.stringify([componentKey(published), name, value]), published);
  }

  complete(tenant: string, reference: ToolSession | undefined, status: CompleteToolSessionRequest_Status): void {
    this.#open(tenant, reference).status = status === Status.UNSPECIFIED ? Status.SUCCESS : status;
  }

  /** Of each project and version the last session that succeeded, whose components are that version's bill of materials. */
  latest(tenant: string): readonly KeptSession[] {
    const latest = new Map<string, KeptSession>();
    for (const session of this.list()) {
      if (session.tenant !== tenant || session.status !== Status.SUCCESS) continue;
      latest.set(JSON.stringify([session.request.projectName, session.request.projectVersion ?? '']), session);
    }
    return [...latest.values()];
  }

  #open(tenant: string, reference: ToolSession | undefined): KeptSession {
    const session = this.#sessions.get(reference?.toolSessionId ?? '');
    if (session === undefined || session.tenant !== tenant) throw notFound('tool session');
    if (session.status !== Status.UNSPECIFIED) throw new ConnectError('tool session is completed', Code.FailedPrecondition);
    return session;
  }
}

function componentKey({ manifest, packageVersion }: Pick<Insight, 'manifest' | 'packageVersion'>): string {
  const { ecosystem, name } = packageVersion?.package ?? {};
  return JSON.stringify([manifest?.namespace, manifest?.name, ecosystem, name, packageVersion?.version]);
}
