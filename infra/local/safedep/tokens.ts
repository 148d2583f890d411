import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { decodeJwt, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { AUDIENCE } from './identity-provider/names.ts';
import { type IdentityUser, PERSON } from './identity-provider/users.ts';

/** Verified tokens that are remembered. Ours: a check of a signature takes 100 us, which benches would see. */
const VERIFIED_MAX = 1_000;

/** Who a token speaks for. */
export type TokenUser = Pick<IdentityUser, 'id' | 'name' | 'email'>;

/** The identity provider whose tokens are taken. */
export interface TrustedIssuer {
  readonly issuer: string;
  readonly keys: JWTVerifyGetKey;
}

interface Verified {
  readonly user: TokenUser;
  readonly expiresAtMs: number;
}

/** Sign-ins: tokens that the stand-in issues itself, for tests that need no identity provider, and those of the provider beside it. */
export class Tokens {
  readonly #secret = randomBytes(32);
  readonly #trusted: TrustedIssuer | undefined;
  readonly #verified = new Map<string, Verified>();

  constructor(trusted: TrustedIssuer | undefined) {
    this.#trusted = trusted;
  }

  /** A JWT of the made-up person that is good until `expiresAtSeconds` (epoch). */
  issue(expiresAtSeconds: number, audience = AUDIENCE): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { sub: PERSON.id, email: PERSON.email, aud: [audience], exp: Math.floor(expiresAtSeconds) };
    const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
    return `${signed}.${this.#signature(signed)}`;
  }

  /** Who a raw `authorization` speaks for; `undefined` for no token of ours, for our audience, or that is still good. */
  async userOf(authorization: string, nowMs: number): Promise<TokenUser | undefined> {
    const known = this.#verified.get(authorization);
    const found = known ?? (await this.#verify(authorization));
    if (found === undefined || found.expiresAtMs <= nowMs) return undefined;
    if (known === undefined) {
      if (this.#verified.size >= VERIFIED_MAX) this.#verified.clear();
      this.#verified.set(authorization, found);
    }
    return found.user;
  }

  async #verify(authorization: string): Promise<Verified | undefined> {
    const [head, body, signature, ...rest] = authorization.split('.');
    if (!head || !body || !signature || rest.length > 0) return undefined;
    const expected = Buffer.from(this.#signature(`${head}.${body}`));
    const given = Buffer.from(signature);
    if (given.length === expected.length && timingSafeEqual(given, expected)) {
      const { aud, exp } = decodeJwt(authorization);
      return aud?.includes(AUDIENCE) ? { user: PERSON, expiresAtMs: (exp ?? 0) * 1000 } : undefined;
    }
    if (this.#trusted === undefined) return undefined;
    try {
      const { payload } = await jwtVerify(authorization, this.#trusted.keys, { issuer: this.#trusted.issuer, audience: AUDIENCE });
      const email = String(payload['email']);
      return { user: { id: payload.sub ?? '', name: email, email }, expiresAtMs: (payload.exp ?? 0) * 1000 };
    } catch {
      return undefined; // whatever is wrong with it, SafeDep says the same of all
    }
  }

  #signature(signed: string): string {
    return createHmac('sha256', this.#secret).update(signed).digest('base64url');
  }
}
