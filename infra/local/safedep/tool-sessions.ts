import { randomBytes } from 'node:crypto';
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

export interface KeptSession {
  readonly id: string;
  readonly request: MessageShape<typeof CreateToolSessionRequestSchema>;
  readonly insights: MessageShape<typeof PublishPackageInsightRequestSchema>[];
  readonly violations: MessageShape<typeof PublishPolicyViolationRequestSchema>[];
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

  create(request: KeptSession['request']): KeptSession {
    const session: KeptSession = { id: newUlid(Date.now()), request, insights: [], violations: [], status: Status.UNSPECIFIED };
    this.#sessions.set(session.id, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > KEPT_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    return session;
  }

  /** @throws ConnectError for a session that does not exist or is completed. */
  open(reference: ToolSession | undefined): KeptSession {
    const session = this.#sessions.get(reference?.toolSessionId ?? '');
    if (session === undefined) throw new ConnectError('tool session: record not found', Code.NotFound);
    if (session.status !== Status.UNSPECIFIED) throw new ConnectError('tool session is completed', Code.FailedPrecondition);
    return session;
  }
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A ULID: 48 bits of time, 80 random ones. */
function newUlid(nowMs: number): string {
  let bits = (BigInt(nowMs) << 80n) | BigInt(`0x${randomBytes(10).toString('hex')}`);
  let text = '';
  for (let i = 0; i < 26; i++) {
    text = CROCKFORD[Number(bits & 31n)] + text;
    bits >>= 5n;
  }
  return text;
}
