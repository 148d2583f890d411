import type { Reading } from '../reading.ts';
import { type WebAddress, webAddressOf } from '../web-address.ts';

export interface SpecRepository extends WebAddress {
  readonly address: string;
}

/** CocoaPods' own repository, by its names: since 1.8, and before. */
const DEFAULT_NAMES = new Set(['trunk', 'master']);
/** `git@HOST:PATH` and `ssh://git@HOST/PATH`. */
const SSH_HOST = /^(?:ssh:\/\/)?[A-Za-z0-9._-]+@([A-Za-z0-9.-]+)[:/]/;

/** Pod -> the repository of podspecs that describes it; `undefined` where the file has no address of that. */
export function readSpecRepositories(
  section: ReadonlyMap<unknown, unknown>,
  reading: Reading,
): ReadonlyMap<string, SpecRepository | undefined> {
  const repositories = new Map<string, SpecRepository | undefined>();
  for (const [key, pods] of section) {
    const address = String(key);
    if (!Array.isArray(pods)) {
      reading.addUnresolved(address, '', 'its pods in SPEC REPOS are no list');
      continue;
    }
    const host = hostOf(address);
    if (!host && !DEFAULT_NAMES.has(address)) {
      reading.addWarning(`${pods.length} pods are of the spec repository ${address}, which has no address`);
    }
    const repository = host && { address, ...host };
    for (const pod of pods) if (typeof pod === 'string') repositories.set(pod, repository);
  }
  return repositories;
}

function hostOf(address: string): WebAddress | undefined {
  const ssh = SSH_HOST.exec(address)?.[1];
  return ssh === undefined ? webAddressOf(address) : { host: ssh.toLowerCase(), isPlainHttp: false };
}
