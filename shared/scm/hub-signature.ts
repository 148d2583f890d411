import { createHmac, timingSafeEqual } from 'node:crypto';

/** The header that GitHub signs with, and our own watcher too. */
export const HUB_SIGNATURE_HEADER = 'x-hub-signature-256';

/** `sha256=` and the HMAC over exactly these bytes. */
export function signHub(secret: string, body: Uint8Array): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

/** Whether the text can be a signature at all, which costs nothing to know: one lower-case SHA-256 value, not several, not empty. */
export function isHubSignature(signature: string | undefined): signature is string {
  return signature !== undefined && /^sha256=[0-9a-f]{64}$/.test(signature);
}

/**
 * Whether one of the secrets signed these bytes. All are tried, whichever fits, and compared in constant time; an empty secret
 * fits nothing. Never throws.
 */
export function verifyHub(secrets: readonly string[], body: Uint8Array, signature: string): boolean {
  if (!isHubSignature(signature)) return false;
  const claimed = Buffer.from(signature);
  const fits = secrets.map((secret) => secret !== '' && timingSafeEqual(claimed, Buffer.from(signHub(secret, body))));
  return fits.includes(true);
}
