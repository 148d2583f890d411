import type { DescMessage, DescMethodUnary, Message, MessageInitShape } from '@bufbuild/protobuf';

interface SendOptions {
  /** For the whole call, connection included, in milliseconds; without end where it is not given. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Makes unary calls to one host in one protocol. Nothing is sent twice. */
export interface UnarySender {
  /** Rejects with a `ConnectError` and with nothing else; `isWireError` where the service itself sent it. */
  send<I extends DescMessage>(
    method: DescMethodUnary<I, DescMessage>,
    headers: Readonly<Record<string, string>>,
    input: MessageInitShape<I>,
    options: SendOptions,
  ): Promise<Message>;
  /** Ends every connection; calls in flight fail as given up. */
  close(): void;
}
