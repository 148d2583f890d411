import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { type Configuration, errors } from 'oidc-provider';
import type { GrantStore } from './grant-store.ts';
import { AUDIENCE, PATHS, SCOPE } from './names.ts';
import { type IdentityUser, USERS } from './users.ts';

export interface Lifetimes {
  /** A day in production, as SafeDep's documentation has it. */
  readonly accessTokenSeconds: number;
  /** Of a whole chain of refresh tokens, from the sign-in on: no refresh makes it longer. */
  readonly refreshTokenSeconds: number;
  readonly deviceCodeSeconds: number;
}

const KEY_ALGORITHM = 'RS256';

/** The key that tokens are signed with: `privateKey` for the provider, `publicKey` for who verifies. */
export async function createSigningKey(): Promise<{ readonly privateKey: JWK; readonly publicKey: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair(KEY_ALGORITHM, { extractable: true });
  const names = { kid: 'made-up', alg: KEY_ALGORITHM, use: 'sig' };
  return { privateKey: { ...(await exportJWK(privateKey)), ...names }, publicKey: { ...(await exportJWK(publicKey)), ...names } };
}

/** The claim that SafeDep's own tool reads where there is no `email`. */
const NAMESPACED_EMAIL = 'https://safedep.io/email';

/** What makes the library the provider that SafeDep's clients know: one public client, no secret, JWTs for the posted `audience`. */
export function providerConfiguration({
  clientId,
  privateKey,
  store,
  lifetimes,
}: {
  readonly clientId: string;
  readonly privateKey: JWK;
  readonly store: GrantStore;
  readonly lifetimes: Lifetimes;
}): Configuration {
  return {
    adapter: (kind) => store.adapter(kind),
    clients: [
      {
        client_id: clientId,
        token_endpoint_auth_method: 'none',
        application_type: 'native',
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: KEY_ALGORITHM,
      },
    ],
    jwks: { keys: [privateKey] },
    clientAuthMethods: ['none'],
    scopes: SCOPE.split(' '),
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    findAccount: (_, sub) => {
      const user = USERS.find(({ id }) => id === sub);
      return user && { accountId: sub, claims: async () => claimsOf(user) };
    },
    extraTokenClaims: async (_, token) => {
      const user = 'accountId' in token ? USERS.find(({ id }) => id === token.accountId) : undefined;
      return user && { email: user.email, [NAMESPACED_EMAIL]: user.email };
    },
    // Auth0's parameter for what OAuth calls a resource.
    extraParams: {
      audience: (_, value) => {
        if (value !== undefined && value !== AUDIENCE) throw new errors.AccessDenied(`Service not found: ${value}`);
      },
    },
    features: {
      devInteractions: { enabled: false },
      deviceFlow: { enabled: true, mask: '****-****', charset: 'base-20' },
      revocation: { enabled: true, allowedPolicy: async () => true },
      userinfo: { enabled: true },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: async () => ({
          audience: AUDIENCE,
          scope: SCOPE,
          accessTokenFormat: 'jwt',
          accessTokenTTL: lifetimes.accessTokenSeconds,
          jwt: { sign: { alg: KEY_ALGORITHM } },
        }),
        defaultResource: async () => [],
        useGrantedResource: async () => true,
      },
    },
    routes: {
      device_authorization: PATHS.deviceCode,
      code_verification: PATHS.activate,
      token: PATHS.token,
      revocation: PATHS.revoke,
      jwks: PATHS.jwks,
      userinfo: PATHS.userinfo,
    },
    rotateRefreshToken: true,
    issueRefreshToken: async (_, __, source) => source.scopes.has('offline_access'),
    expiresWithSession: async () => false,
    ttl: {
      AccessToken: lifetimes.accessTokenSeconds,
      DeviceCode: lifetimes.deviceCodeSeconds,
      Grant: lifetimes.refreshTokenSeconds,
      IdToken: lifetimes.accessTokenSeconds,
      Interaction: lifetimes.deviceCodeSeconds,
      Session: lifetimes.deviceCodeSeconds,
      RefreshToken: ({ oidc }) => oidc.entities.RotatedRefreshToken?.remainingTTL ?? lifetimes.refreshTokenSeconds,
    },
  };
}

function claimsOf({ id, name, email }: IdentityUser) {
  return { sub: id, name, email, email_verified: true };
}
