import { BlockList, isIP, isIPv4 } from 'node:net';

/**
 * Where an alert may go. The settings name a URL; what counts is the address that is connected to, because a name can resolve
 * to the inside of a network.
 */

/** Special-use IPv4 (IANA's registry): nothing of the public internet is in it. */
const SPECIAL_IPV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

/** Inside the global unicast block `2000::/3`: protocol assignments with Teredo, documentation, 6to4. */
const SPECIAL_IPV6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

function blockList(subnets: readonly (readonly [string, number])[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, family);
  return list;
}

const specialIpv4 = blockList(SPECIAL_IPV4, 'ipv4');
const specialIpv6 = blockList(SPECIAL_IPV6, 'ipv6');
const globalIpv6 = blockList([['2000::', 3]], 'ipv6');
/** The list's check also finds IPv4-mapped spellings of its IPv4 rules. */
const loopback = blockList([['127.0.0.0', 8]], 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** The IPv4 address that an IPv4-mapped (`::ffff:0:0/96`) or NAT64 (`64:ff9b::/96`) one stands for; others as they are. */
function unwrap(address: string): string {
  const plain = address.split('%', 1)[0] ?? '';
  if (isIPv4(plain) || isIP(plain) === 0) return plain;
  const canonical = new URL(`http://[${plain}]`).hostname.slice(1, -1);
  const tail = /^(?:::ffff|64:ff9b:):([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (!tail) return canonical;
  const [high, low] = [Number.parseInt(tail[1] ?? '', 16), Number.parseInt(tail[2] ?? '', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

function isPublicAddress(address: string): boolean {
  const plain = unwrap(address);
  if (isIPv4(plain)) return !specialIpv4.check(plain, 'ipv4');
  return isIP(plain) === 6 && globalIpv6.check(plain, 'ipv6') && !specialIpv6.check(plain, 'ipv6');
}

function isLoopbackAddress(address: string): boolean {
  return isIP(address) !== 0 && loopback.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** Host without the brackets of IPv6. The URL parser has already turned every spelling of an IPv4 address into the dotted one. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** Whether a URL names this machine by itself: a loopback address or `localhost`. No other name does, whatever it resolves to. */
export function isLoopbackUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const host = hostOf(new URL(url));
  return host === 'localhost' || isLoopbackAddress(host);
}

/** Why an alert may not be sent to this URL at all, or `undefined`. `reservedPorts`: what the function's own environment listens on. */
export function whyRefusedUrl(url: string, reservedPorts: ReadonlySet<number>): string | undefined {
  if (!URL.canParse(url)) return 'it is no URL';
  const { protocol, username, password, port } = new URL(url);
  if (protocol !== 'https:' && protocol !== 'http:') return `it has the scheme ${protocol}; an alert goes out over https:`;
  if (username !== '' || password !== '') return 'it holds credentials; alerts are signed instead';
  const effectivePort = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  if (isLoopbackUrl(url))
    return reservedPorts.has(effectivePort) ? `port ${effectivePort} belongs to the function's own environment` : undefined;
  return protocol === 'https:' ? undefined : 'it is plain http:; that is allowed to this machine only';
}

/** Why the address that a URL's host stands for may not be connected to, or `undefined`. */
export function whyRefusedAddress(url: string, address: string): string | undefined {
  if (isLoopbackUrl(url)) return isLoopbackAddress(address) ? undefined : `${address} is not this machine`;
  return isPublicAddress(address) ? undefined : `${address} is not a public address`;
}
