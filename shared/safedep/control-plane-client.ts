import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@connectrpc/connect';
import { AccessLevel } from '#safedep-api/safedep/messages/controltower/v1/access_pb.js';
import { ApiKeyService } from '#safedep-api/safedep/services/controltower/v1/api_key_pb.js';
import { OnboardingService } from '#safedep-api/safedep/services/controltower/v1/onboarding_pb.js';
import { TenantService } from '#safedep-api/safedep/services/controltower/v1/tenant_pb.js';
import { UserService } from '#safedep-api/safedep/services/controltower/v1/user_pb.js';
import { type Caller, type CallFailure, type CallResult, type CredentialSource, createCaller } from './calls.ts';
import { callerFor } from './method-calls.ts';
import { allPages, PAGE_MAX_ENTRIES } from './pages.ts';
import { type Ping, pingOver } from './ping-client.ts';
import { type SqlQueryClient, sqlQueryOver } from './sql-query-client.ts';
import { toEpochMs } from './timestamps.ts';
import { createSafeDepTransport, type TransportKind } from './transport.ts';

/** Declared by SafeDep: a key's name in characters, its life in days. */
const KEY_NAME_MIN_CHARACTERS = 3;
const KEY_NAME_MAX_CHARACTERS = 255;
export const KEY_EXPIRY_MAX_DAYS = 365;

/**
 * Between two calls where no permit is waited for, in milliseconds: SafeDep documents 20 calls a second, and one process alone
 * stays below them by this.
 */
const CALL_SPACING_MS = 55;

/** An access level without its prefix: OWNER, ADMIN, MEMBER, TOOL_USER, READ_ONLY, NO_ACCESS, or UNSPECIFIED for one newer than this build. */
type AccessLevelName = keyof typeof AccessLevel;

export interface UserInfo {
  readonly name: string;
  readonly email: string;
  /** The tenants that the user may enter; none for one who is not onboarded yet. */
  readonly access: readonly { readonly tenantId: string; readonly level: AccessLevelName }[];
}

interface UserAccess {
  readonly accessId: string;
  readonly name: string;
  readonly email: string;
  readonly level: AccessLevelName;
}

export interface ApiKey {
  readonly keyId: string;
  readonly name: string;
  readonly description: string;
  /** Absent where the service does not say. */
  readonly expiresAtMs?: number;
}

export interface CreatedApiKey {
  readonly keyId: string;
  /** The secret. SafeDep shows it here once. */
  readonly key: string;
  /** As the service says, which may be other than what was asked for; absent where it does not. */
  readonly expiresAtMs?: number;
}

interface Onboarding {
  readonly email: string;
  readonly name: string;
  readonly organizationName: string;
  /** A host name; taken by another organization it is `refused` with code AlreadyExists. */
  readonly organizationDomain: string;
  readonly jobTitle?: string;
}

/**
 * The control plane, which takes a person's sign-in (JWT) only. Nothing throws for what a server does, and nothing is sent twice. What
 * SafeDep's declared limits rule out is `refused` unsent.
 */
export interface ControlPlaneClient extends SqlQueryClient {
  readonly ping: Ping;
  /** Who the sign-in belongs to. Asked without a tenant. */
  getUserInfo(signal?: AbortSignal): Promise<CallResult<UserInfo>>;
  /** Makes a tenant for a user who has none. Asked without a tenant. */
  onboardUser(onboarding: Onboarding, signal?: AbortSignal): Promise<CallResult<{ readonly tenantId: string }>>;
  /** Who may enter the credential's tenant, all pages. */
  listUsersAccess(signal?: AbortSignal): Promise<CallResult<readonly UserAccess[]>>;
  createApiKey(
    key: { readonly name: string; readonly description?: string; readonly expiryDays: number },
    signal?: AbortSignal,
  ): Promise<CallResult<CreatedApiKey>>;
  /** The tenant's keys, all pages, without their secrets. */
  listApiKeys(signal?: AbortSignal): Promise<CallResult<readonly ApiKey[]>>;
  /** A key that is not there is `refused` with code NotFound. */
  deleteApiKey(keyId: string, signal?: AbortSignal): Promise<CallResult<void>>;
  close(): void;
}

export interface ControlPlaneOptions {
  /** `CONTROL_PLANE_URL`, or a stand-in's. */
  readonly baseUrl: string;
  readonly transport: TransportKind;
  /** The sign-in's access token. A credential without a tenant sends none. */
  readonly credential: CredentialSource;
  readonly onFallback: (sentence: string) => void;
  /** For one call, in milliseconds; `CALL_DEADLINE_MS` where it is not given. */
  readonly deadlineMs?: number;
  /** Awaited before every call, each page of a list included: the plane's limit. Without it the calls of this client are spaced. */
  readonly takePermit?: () => Promise<void>;
}

/** @throws Error for the reader when `baseUrl` is not usable. */
export function createControlPlaneClient({
  baseUrl,
  transport: kind,
  credential,
  onFallback,
  deadlineMs,
  takePermit = spacedCalls(),
}: ControlPlaneOptions): ControlPlaneClient {
  const transport = createSafeDepTransport({ baseUrl, kind, onFallback });
  const users = createClient(UserService, transport);
  const onboardings = createClient(OnboardingService, transport);
  const tenants = createClient(TenantService, transport);
  const keys = createClient(ApiKeyService, transport);
  const callWith = (source: CredentialSource): Caller => {
    const call = callerFor('control-plane', createCaller({ credential: source, deadlineMs }));
    return async (send, signal) => {
      await takePermit();
      return call(send, signal);
    };
  };
  const call = callWith(credential);
  const callWithoutTenant = callWith(async (options) => ({ ...(await credential(options)), tenantId: '' }));

  return {
    ping: pingOver(transport, call),
    ...sqlQueryOver(transport, call),
    getUserInfo: async (signal) => {
      const result = await callWithoutTenant((options) => users.getUserInfo({}, options), signal);
      if (result.kind !== 'answered') return result;
      const { user, access } = result.response;
      const entered = access.map(({ level, tenant }) => ({ tenantId: tenant?.domain ?? '', level: levelName(level) }));
      return answered({ name: user?.name ?? '', email: user?.email ?? '', access: entered });
    },
    onboardUser: async (onboarding, signal) => {
      const result = await callWithoutTenant((options) => onboardings.onboardUser(onboarding, options), signal);
      if (result.kind !== 'answered') return result;
      const tenantId = result.response.tenant?.domain ?? '';
      return tenantId === '' ? unnamed('made a tenant') : answered({ tenantId });
    },
    listUsersAccess: (signal) =>
      allPages(async (pageToken) => {
        const pagination = { pageSize: PAGE_MAX_ENTRIES, pageToken };
        const result = await call((options) => tenants.listUsersAccess({ pagination }, options), signal);
        if (result.kind !== 'answered') return result;
        const { accesses, pagination: { nextPageToken } = { nextPageToken: '' } } = result.response;
        const entries = accesses.map(({ accessId, name, email, accessRole }) => ({ accessId, name, email, level: levelName(accessRole) }));
        return answered({ entries, nextPageToken });
      }),
    createApiKey: async ({ name, description, expiryDays }, signal) => {
      const why = whyNoKey(name, expiryDays);
      if (why !== undefined) return { kind: 'refused', code: 'InvalidArgument', reason: why };
      const request = { name, expiryDays, ...(description !== undefined && { description }) };
      const result = await call((options) => keys.createApiKey(request, options), signal);
      if (result.kind !== 'answered') return result;
      const { keyId, key, expiresAt } = result.response;
      return key === '' || keyId === '' ? unnamed('made an API key') : answered({ keyId, key, ...expires(expiresAt) });
    },
    listApiKeys: (signal) =>
      allPages(async (pageToken) => {
        const pagination = { pageSize: PAGE_MAX_ENTRIES, pageToken };
        const result = await call((options) => keys.listApiKeys({ pagination }, options), signal);
        if (result.kind !== 'answered') return result;
        const { keys: listed, pagination: { nextPageToken } = { nextPageToken: '' } } = result.response;
        const entries = listed.map(({ keyId, name, description, expiresAt }) => ({ keyId, name, description, ...expires(expiresAt) }));
        return answered({ entries, nextPageToken });
      }),
    deleteApiKey: async (keyId, signal) => {
      const result = await call((options) => keys.deleteApiKey({ keyId }, options), signal);
      return result.kind === 'answered' ? answered(undefined) : result;
    },
    close: () => transport.close(),
  };
}

/** Lets calls begin one after another, never two within `CALL_SPACING_MS`. */
function spacedCalls(): () => Promise<void> {
  let nextAtMs = 0;
  return async () => {
    const nowMs = performance.now();
    const atMs = Math.max(nowMs, nextAtMs);
    nextAtMs = atMs + CALL_SPACING_MS;
    if (atMs > nowMs) await sleep(atMs - nowMs);
  };
}

function answered<R>(response: R): { readonly kind: 'answered'; readonly response: R } {
  return { kind: 'answered', response };
}

/** SafeDep did what was asked but left out what it is called; asking again would do it twice. */
function unnamed(what: string): CallFailure {
  return {
    kind: 'incompatible',
    code: 'Internal',
    reason: `SafeDep ${what} but did not name it: look at SafeDep's console before asking again`,
  };
}

function levelName(level: AccessLevel): AccessLevelName {
  return (AccessLevel[level] as AccessLevelName | undefined) ?? 'UNSPECIFIED';
}

function expires(at: Parameters<typeof toEpochMs>[0]): { readonly expiresAtMs?: number } {
  const expiresAtMs = toEpochMs(at);
  return expiresAtMs === undefined ? {} : { expiresAtMs };
}

function whyNoKey(name: string, expiryDays: number): string | undefined {
  const characters = [...name].length;
  if (characters < KEY_NAME_MIN_CHARACTERS || characters > KEY_NAME_MAX_CHARACTERS) {
    return `the name of an API key has ${KEY_NAME_MIN_CHARACTERS} to ${KEY_NAME_MAX_CHARACTERS} characters, not ${characters}`;
  }
  if (!Number.isInteger(expiryDays) || expiryDays < 1 || expiryDays > KEY_EXPIRY_MAX_DAYS) {
    return `an API key lives a whole number of days from 1 to ${KEY_EXPIRY_MAX_DAYS}, not ${expiryDays}`;
  }
  return undefined;
}
