import { parseJson } from '../syntax/json.ts';
import { isObject, own, shown } from '../syntax/json-object.ts';
import type { Requests } from './requests.ts';
import type { ReadRequests } from './unlocked-manifest.ts';

const GIT = /^(?:git[+:@]|github:|gitlab:|bitbucket:|gist:|ssh:)|\.git(?:#|$)|^[A-Za-z0-9][\w.-]*\/[\w.-]+(?:#|$)/;
const OWN = /^(?:file|link|portal|workspace):|^(?:\.{0,2}\/|~\/)/;

/** npm's `package.json`. Peers that are not optional are installed by npm as any other. */
export const readPackageJson: ReadRequests = ({ bytes, text }, requests) => {
  const parsed = parseJson(bytes, text);
  if ('reason' in parsed) return parsed.reason;
  if (!isObject(parsed.value)) return 'not a JSON object';
  const manifest = parsed.value;
  const optionalPeers = own(manifest, 'peerDependenciesMeta');
  for (const section of ['dependencies', 'optionalDependencies', 'devDependencies', 'peerDependencies']) {
    const requested = own(manifest, section);
    if (requested === undefined) continue;
    if (!isObject(requested)) {
      requests.addPart(section, 'not an object, so what it asks for is not known');
      continue;
    }
    for (const [name, spec] of Object.entries(requested)) {
      const meta = section === 'peerDependencies' && isObject(optionalPeers) ? own(optionalPeers, name) : undefined;
      if (!(isObject(meta) && own(meta, 'optional') === true)) addSpec(name, shown(spec).trim(), requests);
    }
  }
  return undefined;
};

function addSpec(name: string, spec: string, requests: Requests): void {
  if (OWN.test(spec)) requests.addOwn(name, spec);
  else if (/^(?:npm|jsr|catalog):/.test(spec)) requests.addOpen(name, spec);
  else if (GIT.test(spec)) requests.addOfRepository(name, spec);
  else if (/^https?:/.test(spec)) requests.addOfAddress(name, spec);
  else requests.addOpen(name, spec);
}
