import { Code, ConnectError } from '@connectrpc/connect';
import { AccessLevel } from '#safedep-api/safedep/messages/controltower/v1/access_pb.js';
import { Feature } from '#safedep-api/safedep/messages/controltower/v1/entitlement_pb.js';
import { type IdentityUser, PERSON, ROBOT } from './identity-provider/users.ts';
import { missingEntitlement, quotaExceeded } from './refusals.ts';

/** SafeDep's features, and the threat feed, which is an add-on that its list does not name. */
export const FEATURES = ['THREAT_FEED', ...Object.keys(Feature).filter((name) => Number.isNaN(Number(name)) && name !== 'UNSPECIFIED')];

const DEFAULT_FEATURES = ['TOOL_SYNC', 'SQL_QUERY', 'THREAT_FEED'];

/** When an allowance begins anew is not known; here it is told to wait so long. */
const QUOTA_RETRY_SECONDS = 60 * 60;

/** A customer of SafeDep's, with its plan. */
export class Tenant {
  readonly domain: string;
  #features: ReadonlySet<string> = new Set(DEFAULT_FEATURES);
  readonly #callsLeft = new Map<string, number>();

  constructor(domain: string) {
    this.domain = domain;
  }

  get features(): readonly string[] {
    return [...this.#features];
  }

  setFeatures(features: readonly string[]): void {
    this.#features = new Set(features);
  }

  /** From now on so many calls of a method, `undefined` for as many as one likes. */
  setQuota(method: string, calls: number | undefined): void {
    if (calls === undefined) this.#callsLeft.delete(method);
    else this.#callsLeft.set(method, calls);
  }

  /** @throws ConnectError PermissionDenied where the plan lacks it. */
  require(feature: string): void {
    if (!this.#features.has(feature)) throw missingEntitlement();
  }

  /** @throws ConnectError ResourceExhausted where the allowance is used up. */
  spend(method: string): void {
    const left = this.#callsLeft.get(method);
    if (left === undefined) return;
    if (left <= 0) throw quotaExceeded(QUOTA_RETRY_SECONDS);
    this.#callsLeft.set(method, left - 1);
  }
}

/** Somebody whom SafeDep knows. */
export interface RegisteredUser {
  readonly name: string;
  readonly email: string;
  readonly createdAtMs: number;
  /** Level by tenant. */
  readonly access: Map<string, AccessLevel>;
}

/** Tenants, and who may enter them. */
export class Directory {
  readonly #tenants = new Map<string, Tenant>();
  readonly #users = new Map<string, RegisteredUser>();

  constructor() {
    for (const { name, email } of [PERSON, ROBOT]) this.#register(name, email);
  }

  /** A tenant of the person's and the robot's. One that is there stays as it is. */
  addTenant(domain: string): Tenant {
    const tenant = this.#tenants.get(domain) ?? new Tenant(domain);
    this.#tenants.set(domain, tenant);
    this.#users.get(PERSON.email)?.access.set(domain, AccessLevel.OWNER);
    this.#users.get(ROBOT.email)?.access.set(domain, AccessLevel.ADMIN);
    return tenant;
  }

  tenant(domain: string | null): Tenant | undefined {
    return domain === null ? undefined : this.#tenants.get(domain);
  }

  tenants(): readonly Tenant[] {
    return [...this.#tenants.values()];
  }

  user(email: string): RegisteredUser | undefined {
    return this.#users.get(email);
  }

  usersOf(domain: string): readonly RegisteredUser[] {
    return [...this.#users.values()].filter(({ access }) => access.has(domain));
  }

  /** Makes a tenant for somebody who signed in. @throws ConnectError AlreadyExists where the domain is taken. */
  onboard({ name, email }: Pick<IdentityUser, 'name' | 'email'>, organizationDomain: string): Tenant {
    const domain = `default-team.${organizationDomain}`;
    if (this.#tenants.has(domain)) throw new ConnectError('organization domain is already taken', Code.AlreadyExists);
    const tenant = new Tenant(domain);
    this.#tenants.set(domain, tenant);
    const user = this.#users.get(email) ?? this.#register(name, email);
    user.access.set(domain, AccessLevel.OWNER);
    return tenant;
  }

  #register(name: string, email: string): RegisteredUser {
    const user = { name, email, createdAtMs: Date.now(), access: new Map() };
    this.#users.set(email, user);
    return user;
  }
}
