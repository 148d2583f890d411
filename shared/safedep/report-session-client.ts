import type { MessageInitShape } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { Feature } from '#safedep-api/safedep/messages/controltower/v1/entitlement_pb.js';
import {
  type CreateToolSessionRequestSchema,
  type PublishPackageInsightRequestSchema,
  type PublishPolicyViolationRequestSchema,
  CompleteToolSessionRequest_Status as Status,
  ToolService,
} from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { type CallResult, type CredentialSource, createCaller } from './calls.ts';
import { callerFor } from './method-calls.ts';
import { createSafeDepTransport, type TransportKind } from './transport.ts';

/** What a publication holds beside its session, which the client fills in. */
type WithoutSession<T> = Omit<T, 'toolSession' | '$typeName' | '$unknown'>;
export type SessionInit = MessageInitShape<typeof CreateToolSessionRequestSchema>;
export type PackageInsightInit = WithoutSession<MessageInitShape<typeof PublishPackageInsightRequestSchema>>;
export type PolicyViolationInit = WithoutSession<MessageInitShape<typeof PublishPolicyViolationRequestSchema>>;

interface Entitlement {
  /** SafeDep's name without its prefix: TOOL_SYNC, SQL_QUERY; UNSPECIFIED for one newer than this build. */
  readonly feature: keyof typeof Feature;
  readonly limit: bigint;
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * Reports into the tenant: one session for a repository at a commit. As with the data plane, nothing throws for what a server does, and
 * nothing is sent twice. Publishing to a session that is completed or unknown is `refused` or `not-analysed` (the service's NotFound):
 * begin a new one.
 */
export interface ReportSessionClient {
  /** What the tenant's plan includes: SafeDep's own tools ask this first. */
  getEntitlementsForTool(signal?: AbortSignal): Promise<CallResult<readonly Entitlement[]>>;
  createToolSession(session: SessionInit, signal?: AbortSignal): Promise<CallResult<{ readonly toolSessionId: string }>>;
  publishPackageInsight(toolSessionId: string, insight: PackageInsightInit, signal?: AbortSignal): Promise<CallResult<unknown>>;
  publishPolicyViolation(toolSessionId: string, violation: PolicyViolationInit, signal?: AbortSignal): Promise<CallResult<unknown>>;
  completeToolSession(toolSessionId: string, outcome: 'success' | 'error', signal?: AbortSignal): Promise<CallResult<unknown>>;
  close(): void;
}

export interface ReportSessionOptions {
  /** The data plane's host: reports go there, not to the control plane. */
  readonly baseUrl: string;
  readonly transport: TransportKind;
  /** The service JWT, else the API key. */
  readonly credential: CredentialSource;
  readonly onFallback: (sentence: string) => void;
  readonly deadlineMs?: number;
}

/** @throws Error for the reader when `baseUrl` is not usable. */
export function createReportSessionClient({
  baseUrl,
  transport: kind,
  credential,
  onFallback,
  deadlineMs,
}: ReportSessionOptions): ReportSessionClient {
  const transport = createSafeDepTransport({ baseUrl, kind, onFallback });
  const tool = createClient(ToolService, transport);
  const caller = createCaller({ credential, deadlineMs });
  const call = callerFor('session', caller);
  const callOfTool = callerFor('data-plane', caller);
  return {
    getEntitlementsForTool: async (signal) => {
      const result = await callOfTool((options) => tool.getEntitlementsForTool({}, options), signal);
      if (result.kind !== 'answered') return result;
      const entitlements = result.response.entitlements.flatMap(({ entitlement }) => entitlement ?? []);
      const response = entitlements.map(({ feature, limit, attributes }) => ({ feature: featureName(feature), limit, attributes }));
      return { kind: 'answered', response };
    },
    createToolSession: async (session, signal) => {
      const result = await call((options) => tool.createToolSession(session, options), signal);
      if (result.kind !== 'answered') return result;
      const toolSessionId = result.response.toolSession?.toolSessionId ?? '';
      if (toolSessionId === '') return { kind: 'retry', code: 'Internal', reason: 'SafeDep opened a session but did not name it' };
      return { kind: 'answered', response: { toolSessionId } };
    },
    publishPackageInsight: (toolSessionId, insight, signal) =>
      call((options) => tool.publishPackageInsight({ ...insight, toolSession: { toolSessionId } }, options), signal),
    publishPolicyViolation: (toolSessionId, violation, signal) =>
      call((options) => tool.publishPolicyViolation({ ...violation, toolSession: { toolSessionId } }, options), signal),
    completeToolSession: (toolSessionId, outcome, signal) => {
      const status = outcome === 'success' ? Status.SUCCESS : Status.ERROR;
      return call((options) => tool.completeToolSession({ toolSession: { toolSessionId }, status }, options), signal);
    },
    close: () => transport.close(),
  };
}

function featureName(feature: Feature): keyof typeof Feature {
  return (Feature[feature] as keyof typeof Feature | undefined) ?? 'UNSPECIFIED';
}
