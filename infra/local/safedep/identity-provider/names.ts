/** Who access tokens are for: SafeDep's control plane. The data plane takes them too. */
export const AUDIENCE = 'https://cloud.safedep.io';

export const SCOPE = 'offline_access openid profile email';

/** Where SafeDep's provider has them, as far as that is known. Discovery tells them too. */
export const PATHS = {
  discovery: '/.well-known/openid-configuration',
  deviceCode: '/oauth/device/code',
  token: '/oauth/token',
  revoke: '/oauth/revoke',
  jwks: '/.well-known/jwks.json',
  userinfo: '/userinfo',
  activate: '/activate',
} as const;
