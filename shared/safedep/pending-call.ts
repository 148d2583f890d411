import { Code, ConnectError } from '@connectrpc/connect';

/** One call under way: settled once, by its answer, its deadline, its caller or a breakdown; `stop` then ends what still runs of it. */
export interface PendingCall<R> {
  readonly settled: Promise<R>;
  readonly isSettled: () => boolean;
  resolve(response: R | Promise<R>): void;
  reject(error: unknown): void;
  /** What to end when the call ends without its answer. Runs at once where it already has. */
  onStop(stop: () => void): void;
}

/** @param timeoutMs of the call, connection included; none where it is not given. */
export function pendingCall<R>(timeoutMs: number | undefined, signal: AbortSignal | undefined): PendingCall<R> {
  let resolve: (response: R | Promise<R>) => void = () => {};
  let reject: (error: ConnectError) => void = () => {};
  const settled = new Promise<R>((onAnswer, onError) => {
    resolve = onAnswer;
    reject = onError;
  });
  let isSettled = false;
  let stop: (() => void) | undefined;

  function settle(): boolean {
    if (isSettled) return false;
    isSettled = true;
    if (timer !== undefined) clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    return true;
  }
  function fail(error: unknown): void {
    if (!settle()) return;
    reject(error instanceof ConnectError ? error : breakdown(error));
    stop?.();
  }
  function onAbort(): void {
    fail(signal?.reason instanceof ConnectError ? signal.reason : new ConnectError('the call was given up', Code.Canceled));
  }

  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => fail(new ConnectError('the deadline is over', Code.DeadlineExceeded)), Math.max(timeoutMs, 0));
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort);
  return {
    settled,
    isSettled: () => isSettled,
    resolve: (response) => {
      if (settle()) resolve(response);
    },
    reject: fail,
    onStop: (then) => {
      stop = then;
      if (isSettled) then();
    },
  };
}

/** What sockets and streams throw, as an error that no service sent. */
function breakdown(error: unknown): ConnectError {
  const text = error instanceof Error ? error.message : String(error);
  return new ConnectError(text, Code.Unavailable, undefined, undefined, error);
}
