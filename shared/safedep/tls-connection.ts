import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import * as tls from 'node:tls';

/** Names the file of certificates (PEM) that are trusted beside the usual ones: of a proxy that looks into TLS, of a private SafeDep. */
const CA_FILE_VARIABLE = 'SAFEDEP_CA_FILE';

/** The server does not take HTTP/2: another protocol can help. */
export class NoHttp2Error extends Error {
  override readonly name = 'NoHttp2Error';
  readonly code = 'ERR_NO_APPLICATION_PROTOCOL';
}

/** How servers prove who they are. There is no way to leave that out: `NODE_TLS_REJECT_UNAUTHORIZED` has no say here. */
export interface TlsTrust {
  readonly rejectUnauthorized: true;
  readonly minVersion: 'TLSv1.2';
  /** Absent where Node's own list holds, to which `NODE_EXTRA_CA_CERTS` adds. */
  readonly ca?: string[];
}

/**
 * Node's list of certificate authorities, and those of the file that `SAFEDEP_CA_FILE` names.
 *
 * @throws Error for the reader when the file cannot be read or holds no certificate.
 */
export function tlsTrust(caFile: string | undefined = process.env[CA_FILE_VARIABLE]): TlsTrust {
  const always = { rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const;
  if (!caFile) return always;
  let text: string;
  try {
    text = readFileSync(caFile, 'utf8');
  } catch (error) {
    throw new Error(`${CA_FILE_VARIABLE} names ${caFile}, which cannot be read (${(error as NodeJS.ErrnoException).code ?? 'no code'})`);
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new Error(`${CA_FILE_VARIABLE} names ${caFile}, which holds no PEM certificate`);
  // A given list replaces Node's own, so that it is named too; Node 20 cannot list what NODE_EXTRA_CA_CERTS adds.
  const { getCACertificates }: { getCACertificates?: typeof tls.getCACertificates } = tls;
  const usual = getCACertificates?.('default') ?? tls.rootCertificates;
  return { ...always, ca: [...usual, text] };
}

/** A server's name and port as sockets take them. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

export function destinationOf(url: string | URL): Destination {
  const { hostname, port, protocol } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'https:' ? 443 : 80) };
}

/** What TLS checks the certificate against; an address is checked as one. */
export function serverName({ host }: Destination): { readonly servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}
