import { COMPOSER_NAME } from '../composer/names.ts';
import { parseJson } from '../syntax/json.ts';
import { isObject, own, shown } from '../syntax/json-object.ts';
import { Requests } from './requests.ts';
import type { ReadRequests } from './unlocked-manifest.ts';

const EXACT = /^=?\s*(v?\d+(?:\.\d+){2,3}(?:-(?:alpha|beta|RC|patch|p)\.?\d*)?)$/i;

/** `composer.json`. What has no vendor is PHP, an extension of it, or a library of the system. */
export const readComposerJson: ReadRequests = (bytes, text, reading) => {
  const parsed = parseJson(bytes, text);
  if ('reason' in parsed) return parsed.reason;
  if (!isObject(parsed.value)) return 'not a JSON object';
  const requests = new Requests(reading, 'PACKAGIST', (name) => COMPOSER_NAME.test(name));
  for (const section of ['require', 'require-dev']) {
    const requested = own(parsed.value, section);
    if (!isObject(requested)) continue;
    for (const [written, constraint] of Object.entries(requested)) {
      if (!written.includes('/')) continue;
      const name = written.toLowerCase();
      const range = shown(constraint).trim();
      const version = EXACT.exec(range)?.[1];
      if (version === undefined) requests.addOpen(name, range);
      else requests.addPinned(name, version, section === 'require-dev');
    }
  }
  return undefined;
};
