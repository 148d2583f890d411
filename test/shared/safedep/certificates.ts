import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A certificate and its key, PEM, good until 2120. Made anew by each test: no key stands in the repository. */
interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateAuthority {
  /** PEM of its own certificate. */
  readonly cert: string;
  /** Signs for names (`localhost`) and IPv4 addresses. */
  issue(...hosts: readonly string[]): Certificate;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const OID = 0x06;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const BOOLEAN = 0x01;
const UTF8 = 0x0c;
const GENERALIZED_TIME = 0x18;

/** One element of DER: tag, length, content. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const hex = (text: string) => Buffer.from(text, 'hex');
const ECDSA_WITH_SHA256 = der(SEQUENCE, der(OID, hex('2a8648ce3d040302')));
const COMMON_NAME = hex('550403');
const BASIC_CONSTRAINTS = hex('551d13');
const SUBJECT_ALTERNATIVE_NAME = hex('551d11');

const nameOf = (text: string) => der(SEQUENCE, der(SET, der(SEQUENCE, der(OID, COMMON_NAME), der(UTF8, Buffer.from(text)))));
const time = (text: string) => der(GENERALIZED_TIME, Buffer.from(text));

function certificate(subject: string, publicKey: KeyObject, extension: Buffer, issuer: string, issuerKey: KeyObject): string {
  const body = der(
    SEQUENCE,
    der(0xa0, der(INTEGER, Buffer.from([2]))),
    der(INTEGER, Buffer.from([1, ...randomBytes(8)])),
    ECDSA_WITH_SHA256,
    nameOf(issuer),
    der(SEQUENCE, time('20200101000000Z'), time('21200101000000Z')),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(SEQUENCE, extension)),
  );
  const signature = sign('sha256', body, issuerKey);
  const whole = der(SEQUENCE, body, ECDSA_WITH_SHA256, der(BIT_STRING, Buffer.from([0]), signature));
  return `-----BEGIN CERTIFICATE-----\n${whole.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}

const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

export function makeCertificateAuthority(): CertificateAuthority {
  const name = `made-up authority ${randomBytes(4).toString('hex')}`;
  const own = newKeys();
  const isAuthority = der(SEQUENCE, der(BOOLEAN, Buffer.from([255])));
  const constraints = der(SEQUENCE, der(OID, BASIC_CONSTRAINTS), der(BOOLEAN, Buffer.from([255])), der(OCTET_STRING, isAuthority));
  return {
    cert: certificate(name, own.publicKey, constraints, name, own.privateKey),
    issue: (...hosts) => {
      const keys = newKeys();
      const names = hosts.map((host) =>
        /^\d+(\.\d+){3}$/.test(host) ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host)),
      );
      const alternatives = der(SEQUENCE, der(OID, SUBJECT_ALTERNATIVE_NAME), der(OCTET_STRING, der(SEQUENCE, ...names)));
      return {
        cert: certificate('made-up server', keys.publicKey, alternatives, name, own.privateKey),
        key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      };
    },
  };
}
