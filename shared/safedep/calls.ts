import packageJson from '../../package.json' with { type: 'json' };
import { type ErrorMeaning, toErrorMeaning } from './error-meaning.ts';

/**
 * How long one call may take, in milliseconds, connection included. Ours: a third of the worker's 15 s, so that a call that hangs
 * can still be told of; production answers in about 0.1 s, and SafeDep's own scanner gives up after 10 s.
 */
export const CALL_DEADLINE_MS = 5_000;

/** A refused credential is read again at most once in this time, in milliseconds. Ours: an outage must not hammer Secrets Manager. */
const CREDENTIAL_RELOAD_MS = 30_000;

/** Sent with every call; the edge before SafeDep refuses some libraries' default names. */
export const USER_AGENT = `safedep-watch/${packageJson.version}`;

/** What stands in the headers `authorization` (raw, without `Bearer`) and `x-tenant-id`. An empty part is not sent. */
export interface Credential {
  readonly authorization: string;
  readonly tenantId: string;
}

/**
 * Gives the current credential, from a cache of its own. `refresh` asks to read it anew, because the service refused it.
 */
export type CredentialSource = (options: { readonly refresh: boolean }) => Promise<Credential>;

/** A credential that stays the same for one invocation, however the secret changes meanwhile. */
export interface HeldCredential {
  readonly source: CredentialSource;
  /** Reads the credential that all calls from now on use. Rejects where it cannot be read. */
  hold(): Promise<Credential>;
}

/**
 * Permits belong to one key, and are used in the instant that they are given: so the key must not change under them, nor be waited for
 * after them. A refused key is read anew all the same; who holds next gets that one.
 */
export function holdCredential(source: CredentialSource): HeldCredential {
  let held: Promise<Credential> | undefined;
  return {
    source: ({ refresh }) => (refresh || held === undefined ? source({ refresh }) : held),
    hold() {
      held = source({ refresh: false });
      return held;
    },
  };
}

/** A call that brought no answer. `kind` says what to do, `reason` is one sentence for the reader. */
export type CallFailure = { readonly kind: ErrorMeaning['meaning'] } & Omit<ErrorMeaning, 'meaning'>;

export type CallResult<R> = { readonly kind: 'answered'; readonly response: R } | CallFailure;

interface CallOptions {
  readonly headers: Record<string, string>;
  /** The caller's own, where it has one. */
  readonly signal?: AbortSignal;
  readonly timeoutMs: number;
}

export type Caller = <R>(call: (options: CallOptions) => Promise<R>, signal?: AbortSignal) => Promise<CallResult<R>>;

/**
 * Makes calls with credential, user agent and deadline, and turns whatever goes wrong into a result. Nothing is sent twice.
 *
 * When the service refuses the credential, it is read again, once for all calls that meet it. Where it was replaced meanwhile the
 * result is `retry`, for a later call under a permit of its own; otherwise it is `credentials`.
 */
export function createCaller({
  credential,
  deadlineMs = CALL_DEADLINE_MS,
}: {
  readonly credential?: CredentialSource | undefined;
  readonly deadlineMs?: number | undefined;
}): Caller {
  let reloaded: Promise<Credential | undefined> | undefined;
  let noReloadBefore = 0;

  function reload(source: CredentialSource): Promise<Credential | undefined> {
    if (reloaded === undefined || Date.now() >= noReloadBefore) {
      noReloadBefore = Date.now() + CREDENTIAL_RELOAD_MS;
      // Where the secret cannot be read, the next call says so itself.
      reloaded = source({ refresh: true }).catch(() => undefined);
    }
    return reloaded;
  }

  async function isReplaced(refused: Credential | undefined): Promise<boolean> {
    const now = credential && refused && (await reload(credential));
    return now !== undefined && (now.authorization !== refused?.authorization || now.tenantId !== refused.tenantId);
  }

  return async (call, signal) => {
    const headers: Record<string, string> = { 'user-agent': USER_AGENT };
    let current: Credential | undefined;
    try {
      current = await credential?.({ refresh: false });
      if (current?.authorization) headers['authorization'] = headerValue(current.authorization);
      if (current?.tenantId) headers['x-tenant-id'] = headerValue(current.tenantId);
    } catch (error) {
      return { kind: 'credentials', code: 'Unauthenticated', reason: `the SafeDep credential cannot be read: ${textOf(error, current)}` };
    }
    try {
      // The transport ends the call at its deadline and when the caller gives up, whatever the socket does.
      return { kind: 'answered', response: await call({ headers, timeoutMs: deadlineMs, ...(signal && { signal }) }) };
    } catch (error) {
      const { meaning, ...rest } = toErrorMeaning(error, Date.now());
      const reason = scrubbed(rest.reason, current);
      if (meaning === 'credentials' && (await isReplaced(current))) {
        return {
          kind: 'retry',
          ...rest,
          errorClass: 'retry',
          reason: `${reason}; it was replaced meanwhile, and the new one is used next`,
        };
      }
      return { kind: meaning, ...rest, reason };
    }
  };
}

/** Header values that Node refuses are refused here, because Node's error would quote the secret. */
function headerValue(text: string): string {
  const trimmed = text.trim();
  if (!/^[\x20-\x7e]+$/.test(trimmed)) throw new Error('it holds characters that cannot stand in a header');
  return trimmed;
}

function textOf(error: unknown, credential: Credential | undefined): string {
  return scrubbed(error instanceof Error ? error.message : String(error), credential);
}

function scrubbed(text: string, credential: Credential | undefined): string {
  return credential?.authorization ? text.replaceAll(credential.authorization.trim(), '[credential]') : text;
}
