import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import { SlidingSecond } from './call-record.ts';

/** Which of SafeDep's hosts a port stands for; `all` is one port for the three, told apart by method and credential. */
export type Plane = 'all' | 'data' | 'control' | 'community';

/** Calls in any second, for each credential; `none` for benches. */
export type Limit = number | 'none';

export interface Limits {
  readonly data: Limit;
  readonly control: Limit;
  readonly community: Limit;
}

/** Documented: 500 a second for each API key, 20 for management. The community host's is not published; here it has the data plane's. */
export const DEFAULT_LIMITS: Limits = { data: 500, control: 20, community: 500 };

/** The services of each host. Ping and the SQL queries stand on both planes, the queries for a JWT only. */
const SERVICES: Readonly<Record<Exclude<Plane, 'all'>, readonly string[]>> = {
  data: ['InsightService', 'MalwareAnalysisService', 'ToolService', 'PingService', 'QueryService'],
  control: ['UserService', 'ApiKeyService', 'QueryService', 'PingService'],
  community: ['InsightService', 'MalwareAnalysisService'],
};

/** Who a JWT is made for: SafeDep's control plane. */
const AUDIENCE = 'https://cloud.safedep.io';

/** How long the printed token is good, in seconds. SafeDep's typically lasts a day. */
const TOKEN_LIFETIME_SECONDS = 24 * 60 * 60;

export interface Caller {
  /** Bucket of the limit: one for each credential. */
  readonly id: string;
  readonly plane: Exclude<Plane, 'all'>;
  readonly keyless: boolean;
}

/** Keys, tokens, the tenant, and the limit of each credential. */
export class Access {
  readonly apiKey: string;
  readonly tenantId: string;
  readonly accessToken: string;
  readonly #limits: Limits;
  readonly #keys = new Map<string, { readonly expiresAtMs: number }>();
  readonly #seconds = new Map<string, SlidingSecond>();
  readonly #tokenSecret = randomBytes(32);

  constructor({ apiKey, tenantId, limits }: { readonly apiKey: string; readonly tenantId: string; readonly limits: Limits }) {
    this.apiKey = apiKey;
    this.tenantId = tenantId;
    this.#limits = limits;
    this.addKey(apiKey, Number.POSITIVE_INFINITY);
    this.accessToken = this.issueToken(Date.now() / 1000 + TOKEN_LIFETIME_SECONDS);
  }

  addKey(key: string, expiresAtMs: number): void {
    this.#keys.set(key, { expiresAtMs });
  }

  removeKey(key: string): void {
    this.#keys.delete(key);
  }

  /** A JWT that the stand-in takes until `expiresAtSeconds` (epoch). */
  issueToken(expiresAtSeconds: number, audience = AUDIENCE): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'made-up', aud: [audience], exp: Math.floor(expiresAtSeconds) })}`;
    return `${signed}.${this.#signature(signed)}`;
  }

  #signature(signed: string): string {
    return createHmac('sha256', this.#tokenSecret).update(signed).digest('base64url');
  }

  /**
   * Who calls, and on which plane.
   *
   * @throws ConnectError with SafeDep's own codes and texts where they are known.
   */
  admit(plane: Plane, service: string, header: Pick<Headers, 'get'>): Caller {
    const authorization = header.get('authorization') ?? '';
    const asked = plane === 'all' ? planeOf(service, authorization) : plane;
    if (!SERVICES[asked].includes(service)) throw new ConnectError(`${service} is not served on this host`, Code.Unimplemented);
    if (asked === 'community') return { id: 'keyless', plane: asked, keyless: true };
    const isKey = this.#isValidKey(authorization);
    if (!isKey && !this.#isValidToken(authorization)) {
      throw new ConnectError('Token auth failed: No user: record not found', Code.Unauthenticated);
    }
    if (isKey && (asked === 'control' || service === 'QueryService'))
      throw new ConnectError('Token auth failed: an API key is not accepted here', Code.Unauthenticated);
    if (service !== 'UserService' && header.get('x-tenant-id') !== this.tenantId) {
      throw new ConnectError('failed to resolve tenant: record not found', Code.Unknown);
    }
    return { id: `${asked} ${authorization}`, plane: asked, keyless: false };
  }

  /** Counts an admitted call. @throws ConnectError when its credential made the limit's number of calls in the last second. */
  limit(caller: Caller, nowMs: number): void {
    const limit = this.#limits[caller.plane];
    if (limit === 'none') return;
    let second = this.#seconds.get(caller.id);
    if (second === undefined) {
      second = new SlidingSecond();
      this.#seconds.set(caller.id, second);
    }
    if (second.countAt(nowMs) >= limit) throw new ConnectError('rate limit exceeded', Code.ResourceExhausted);
    second.note(nowMs);
  }

  #isValidKey(authorization: string): boolean {
    return (this.#keys.get(authorization)?.expiresAtMs ?? 0) > Date.now();
  }

  #isValidToken(authorization: string): boolean {
    const [head, body, signature, ...rest] = authorization.split('.');
    if (!head || !body || !signature || rest.length > 0) return false;
    const expected = Buffer.from(this.#signature(`${head}.${body}`));
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    return claims.aud.includes(AUDIENCE) && claims.exp * 1000 > Date.now();
  }
}

/** On one port for all hosts: a look-up without a credential is for the community host, all else goes by the service. */
function planeOf(service: string, authorization: string): Exclude<Plane, 'all'> {
  if (authorization === '' && SERVICES.community.includes(service)) return 'community';
  return SERVICES.control.includes(service) && service !== 'PingService' ? 'control' : 'data';
}
