import { isNpmName, splitNpmSpec } from '../npm/names.ts';
import type { Reading } from '../reading.ts';
import { parseJson } from '../syntax/json.ts';
import { isObject, own, shown } from '../syntax/json-object.ts';
import { Requests } from './requests.ts';
import type { ReadRequests } from './unlocked-manifest.ts';

const EXACT = /^[=v\s]*(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)$/;
const GIT = /^(?:git[+:@]|github:|gitlab:|bitbucket:|gist:|ssh:)|\.git(?:#|$)|^[A-Za-z0-9][\w.-]*\/[\w.-]+(?:#|$)/;
const OWN = /^(?:file|link|portal|workspace):|^(?:\.{0,2}\/|~\/)/;

/** npm's `package.json`. Peers that are not optional are installed by npm as any other. */
export const readPackageJson: ReadRequests = (bytes, text, reading) => {
  const parsed = parseJson(bytes, text);
  if ('reason' in parsed) return parsed.reason;
  if (!isObject(parsed.value)) return 'not a JSON object';
  const manifest = parsed.value;
  const requests = new Requests(reading, 'NPM', isNpmName);
  const optionalPeers = own(manifest, 'peerDependenciesMeta');
  for (const section of ['dependencies', 'optionalDependencies', 'devDependencies', 'peerDependencies']) {
    const requested = own(manifest, section);
    if (requested === undefined) continue;
    if (!isObject(requested)) return `its "${section}" is not an object`;
    for (const [name, spec] of Object.entries(requested)) {
      const meta = section === 'peerDependencies' && isObject(optionalPeers) ? own(optionalPeers, name) : undefined;
      if (isObject(meta) && own(meta, 'optional') === true) continue;
      addSpec(name, shown(spec).trim(), section === 'devDependencies', requests, reading);
    }
  }
  return undefined;
};

function addSpec(name: string, spec: string, isDevelopment: boolean, requests: Requests, reading: Reading): void {
  if (spec.startsWith('npm:')) {
    const { name: fetchedName, rest } = splitNpmSpec(spec.slice('npm:'.length));
    addRange(fetchedName, rest, isDevelopment, requests);
  } else if (spec.startsWith('jsr:')) {
    reading.addUnsupported(name, spec, 'comes from JSR, which is not looked up from here');
  } else if (OWN.test(spec)) {
    requests.addOwn(name, spec);
  } else if (GIT.test(spec)) {
    requests.addOfRepository(name, spec);
  } else if (/^https?:/.test(spec)) {
    requests.addOfAddress(name, spec);
  } else {
    addRange(name, spec, isDevelopment, requests);
  }
}

function addRange(name: string, range: string, isDevelopment: boolean, requests: Requests): void {
  const version = EXACT.exec(range)?.[1];
  if (version === undefined) requests.addOpen(name, range);
  else requests.addPinned(name, version, isDevelopment);
}
