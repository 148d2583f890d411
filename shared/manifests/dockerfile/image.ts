/** What an image reference says: `[host[:port]/]path[:tag][@digest]`. */
export interface ImageReference {
  /** With the host where one is named. */
  readonly name: string;
  readonly host: string | undefined;
  /** The digest where there is one, else the tag; empty where neither stands there. */
  readonly version: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;
const PATH = /^[a-z0-9]/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,128}$/;

/** `undefined` for what is no reference. */
export function parseImage(text: string): ImageReference | undefined {
  const at = text.indexOf('@');
  const digest = at < 0 ? '' : text.slice(at + 1);
  const tagged = at < 0 ? text : text.slice(0, at);
  const colon = tagged.lastIndexOf(':');
  const hasTag = colon > tagged.lastIndexOf('/');
  const name = hasTag ? tagged.slice(0, colon) : tagged;
  const tag = hasTag ? tagged.slice(colon + 1) : '';
  if (!NAME.test(name) || !PATH.test(name.slice(name.lastIndexOf('/') + 1))) return undefined;
  if ((hasTag && !TAG.test(tag)) || (at >= 0 && !DIGEST.test(digest))) return undefined;
  const [first = '', ...more] = name.split('/');
  const isHost = more.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost');
  if (!isHost && first.includes(':')) return undefined;
  return { name, host: isHost ? first.toLowerCase() : undefined, version: digest || tag };
}
