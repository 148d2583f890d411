export interface WebAddress {
  /** Lower case, with a port where one is given; the user's name and password are left out. */
  readonly host: string;
  readonly isPlainHttp: boolean;
}

const WEB_ADDRESS = /^(https?):\/\/([^/?#\s\\]+)/i;

/** Where a web address leads; `undefined` for a path, for any other scheme, and where a variable stands in place of the host. */
export function webAddressOf(address: string): WebAddress | undefined {
  const [, scheme, authority] = WEB_ADDRESS.exec(address) ?? [];
  if (scheme === undefined || authority === undefined) return undefined;
  // The last @ ends the user: `good.example@other.example` leads to the other.
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return host === '' || host.includes('$') ? undefined : { host: host.toLowerCase(), isPlainHttp: scheme.length === 4 };
}
