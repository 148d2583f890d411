import { parseJson } from '../syntax/json.ts';
import { isObject, own, shown } from '../syntax/json-object.ts';
import type { ReadRequests } from './unlocked-manifest.ts';

/** `composer.json`. What has no vendor is PHP, an extension of it, or a library of the system. */
export const readComposerJson: ReadRequests = ({ bytes, text }, requests) => {
  const parsed = parseJson(bytes, text);
  if ('reason' in parsed) return parsed.reason;
  if (!isObject(parsed.value)) return 'not a JSON object';
  for (const section of ['require', 'require-dev']) {
    const requested = own(parsed.value, section);
    if (!isObject(requested)) continue;
    for (const [name, constraint] of Object.entries(requested)) {
      if (name.includes('/')) requests.addOpen(name.toLowerCase(), shown(constraint).trim());
    }
  }
  return undefined;
};
