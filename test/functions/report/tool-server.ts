import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { MessageShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import {
  type CompleteToolSessionRequestSchema,
  CreateToolSessionRequestSchema,
  PublishPackageInsightRequestSchema,
  PublishPolicyViolationRequestSchema,
  ToolService,
} from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { breachesOf } from '../../shared/report/declared-constraints.ts';

export type Method = 'create' | 'insight' | 'violation' | 'complete';

export interface ReceivedCall {
  readonly method: Method;
  readonly sessionId: string;
  /** `PACKAGE@VERSION LOCKFILE`, with the rule of a violation. */
  readonly subject: string;
  readonly status: number;
  readonly authorization: string | null;
}

/** SafeDep's report service on a real socket (gRPC), strict about declared limits; `fault` may refuse a call before anything happens. */
export async function startToolServer() {
  const calls: ReceivedCall[] = [];
  const completed = new Map<string, number>();
  const server = {
    calls,
    completed,
    fault: (_call: ReceivedCall): Code | undefined => undefined,
    accepted: (method: Method) => calls.filter((call) => call.method === method),
  };
  let sessionCount = 0;

  function take(call: ReceivedCall, breaches: readonly string[]): void {
    if (breaches.length > 0) throw new ConnectError(breaches.join('; '), Code.InvalidArgument);
    const code = server.fault(call);
    if (code !== undefined) throw new ConnectError('as scripted', code);
    if (call.method !== 'create' && completed.has(call.sessionId)) throw new ConnectError('session is completed', Code.FailedPrecondition);
    calls.push(call);
  }

  function subjectOf({
    manifest,
    packageVersion,
  }: MessageShape<typeof PublishPackageInsightRequestSchema> | MessageShape<typeof PublishPolicyViolationRequestSchema>): string {
    return `${packageVersion?.package?.name}@${packageVersion?.version} ${manifest?.namespace}/${manifest?.name}`;
  }

  const handler = connectNodeAdapter({
    routes: (router) =>
      router.service(ToolService, {
        createToolSession: (request, { requestHeader }) => {
          sessionCount += 1;
          const sessionId = `session-${sessionCount}`;
          const authorization = requestHeader.get('authorization');
          take(
            { method: 'create', sessionId, subject: request.projectName, status: 0, authorization },
            breachesOf(CreateToolSessionRequestSchema, request),
          );
          return { toolSession: { toolSessionId: sessionId } };
        },
        publishPackageInsight: (request, { requestHeader }) => {
          const sessionId = request.toolSession?.toolSessionId ?? '';
          const authorization = requestHeader.get('authorization');
          take(
            { method: 'insight', sessionId, subject: subjectOf(request), status: 0, authorization },
            breachesOf(PublishPackageInsightRequestSchema, request),
          );
          return {};
        },
        publishPolicyViolation: (request, { requestHeader }) => {
          const sessionId = request.toolSession?.toolSessionId ?? '';
          const authorization = requestHeader.get('authorization');
          const subject = `${subjectOf(request)} ${request.violation?.rule?.name}`;
          take(
            { method: 'violation', sessionId, subject, status: 0, authorization },
            breachesOf(PublishPolicyViolationRequestSchema, request),
          );
          return {};
        },
        completeToolSession: (request: MessageShape<typeof CompleteToolSessionRequestSchema>, { requestHeader }) => {
          const sessionId = request.toolSession?.toolSessionId ?? '';
          const authorization = requestHeader.get('authorization');
          take({ method: 'complete', sessionId, subject: '', status: request.status, authorization }, []);
          completed.set(sessionId, request.status);
          return {};
        },
      }),
  });
  const socketServer = http2.createServer(handler);
  const sessions = new Set<http2.ServerHttp2Session>();
  socketServer.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  await new Promise<void>((resolve) => socketServer.listen(0, '127.0.0.1', resolve));
  return Object.assign(server, {
    url: `http://127.0.0.1:${(socketServer.address() as AddressInfo).port}`,
    close: async () => {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => socketServer.close(resolve));
    },
  });
}
