/** Base address of a SafeDep host, checked. */
export interface ServiceUrl {
  readonly protocol: 'http:' | 'https:';
  /** `https://api.safedep.io`: for sentences. */
  readonly origin: string;
  /** Origin and path prefix, without a slash at the end. */
  readonly href: string;
}

export const DATA_PLANE_URL = 'https://api.safedep.io';
export const CONTROL_PLANE_URL = 'https://cloud.safedep.io';
export const COMMUNITY_URL = 'https://community-api.safedep.io';

/** Whether a URL's host name is this machine: `localhost`, 127.0.0.0/8, `[::1]`. */
function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);
}

/**
 * Reads the address of a SafeDep host. Plain `http://` is taken on loopback only, because a key would travel in the clear.
 *
 * @throws Error for the reader; the address is quoted without a user's name or password in it.
 */
export function serviceUrl(text: string): ServiceUrl {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Error(`not an address of a SafeDep host: ${JSON.stringify(text.replace(/\/\/[^/@]*@/, '//').slice(0, 200))}`);
  }
  const { protocol, origin } = url;
  if (url.username !== '' || url.password !== '') throw new Error(`the address ${origin} must not carry a user's name or password`);
  if (url.search !== '' || url.hash !== '') throw new Error(`the address ${origin} must not carry a query or a fragment`);
  if (protocol !== 'https:' && protocol !== 'http:')
    throw new Error(`the address of a SafeDep host begins with https://, not ${protocol}//`);
  if (protocol === 'http:' && !isLoopbackHost(url.hostname)) {
    throw new Error(`${origin} is not this machine: plain http:// would show the key to everyone on the way, use https://`);
  }
  return { protocol, origin, href: `${origin}${url.pathname.replace(/\/+$/, '')}` };
}
