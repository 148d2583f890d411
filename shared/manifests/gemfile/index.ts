import { algorithmOf } from '../../model/integrity.ts';
import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, LINES_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { Reading, unreadable } from '../reading.ts';
import { decodeText, whyUnreadable } from '../text.ts';
import { type WebAddress, webAddressOf } from '../web-address.ts';
import { type GemfileLock, type GemRequirement, type GemSource, type GemSpec, readGemfileLock } from './lock.ts';

/** Old gems begin with an underscore; no gem begins with a dot or a dash. */
const GEM_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const GEM_VERSION = /^[0-9]+(?:\.[0-9A-Za-z]+)*$/;
const PLATFORM = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/**
 * `Gemfile.lock` and what it is called besides. Gems of one version for several platforms are one package. PATH is our own code,
 * GIT and plugin sources are gaps; of a GEM source with several remotes any may serve its gems, so all are noted.
 */
export const gemfile: ManifestFormat = {
  name: 'gemfile',
  files: ['Gemfile.lock', 'Gemfile.*.lock', 'gems.locked', '*.gemfile.lock'],
  ecosystems: ['RUBYGEMS'],
  lists: 'exact',
  maxBytes: LINES_LOCK_MAX_BYTES,
  matches: (path) => isGemfileLock(baseName(path)),
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const broken = whyUnreadable(decoded.text);
    if (broken !== undefined) return unreadable(broken);
    const lock = readGemfileLock(decoded.text);
    if ('reason' in lock) return unreadable(lock.reason);
    const reading = new Reading('RUBYGEMS', decoded);
    addSpecs(lock, reading);
    addUnresolved(lock, reading);
    return reading.content();
  },
};

/** `Gemfile.next.lock` and `Gemfile_rails7.lock` are of dual boots, `rails_7.gemfile.lock` is of a matrix of tests. */
function isGemfileLock(name: string): boolean {
  if (name === 'Gemfile.lock' || name === 'gems.locked') return true;
  if (name.endsWith('.locked')) return name.startsWith('gems.');
  return name.endsWith('.lock') && (name.endsWith('.gemfile.lock') || /^Gemfile[._-]/.test(name));
}

type RemoteHost = WebAddress & { readonly remote: string };

function addSpecs({ sources, specs, dependencies, checksums }: GemfileLock, reading: Reading): void {
  const hosts = new Map<GemSource, readonly RemoteHost[]>(sources.map((source) => [source, hostsOf(source, reading)]));
  for (const spec of specs) {
    const { source, name, version, platform, line } = spec;
    if (source.type === 'PATH') {
      reading.addLocal(name, source.remotes[0] ?? '', 'a gem in a folder');
    } else if (source.type !== 'GEM') {
      const what = source.type === 'GIT' ? 'a git repository' : 'a source of a Bundler plugin';
      reading.addUnsupported(name, source.remotes[0] ?? '', `comes from ${what}, not from a registry`);
    } else if (!GEM_NAME.test(name) || !GEM_VERSION.test(version) || (platform !== undefined && !PLATFORM.test(platform))) {
      reading.addUnresolved(
        name,
        versionOf(spec),
        version === '' ? `has no version (line ${line})` : `not a legal gem and version (line ${line})`,
      );
    } else {
      const relationship = dependencies.has(name) ? 'direct' : 'transitive';
      const integrity = platform === undefined ? checksums.get(`${name} (${version})`)?.[0] : undefined;
      const [first, ...others] = hosts.get(source) ?? [];
      reading.addPackage(name, version, { relationship, line, integrity, registryHost: first?.host });
      for (const { host } of others) reading.addPackage(name, version, { registryHost: host });
      for (const { isPlainHttp, remote } of hosts.get(source) ?? []) {
        if (isPlainHttp) reading.addPoisoning('plain-http', name, version, `${name}@${version} is fetched over plain HTTP, from ${remote}`);
      }
    }
    const digests = checksums.get(`${name} (${versionOf(spec)})`);
    if (digests?.[1] !== undefined && algorithmOf(digests[0] ?? '') === algorithmOf(digests[1])) {
      const detail = `${name}@${versionOf(spec)} has two digests in one file: ${digests.join(' and ')}`;
      reading.addPoisoning('changed-integrity', name, version, detail);
    }
  }
}

function versionOf({ version, platform }: GemSpec): string {
  return platform === undefined ? version : `${version}-${platform}`;
}

function hostsOf({ type, remotes }: GemSource, reading: Reading): RemoteHost[] {
  if (type !== 'GEM') return [];
  if (remotes.length > 1)
    reading.addWarning(`one GEM section has several remotes, ${remotes.join(' ')}: each of its gems may come from any of them`);
  return remotes.flatMap((remote) => {
    const address = webAddressOf(remote);
    if (!address) reading.addWarning(`gems come from ${remote}, which is no web address`);
    return address ? [{ ...address, remote }] : [];
  });
}

/** What is asked for and not resolved. Bundler itself never is: it comes with Ruby. */
function addUnresolved({ specs, dependencies, required, bundler, hasDependencies, oddities }: GemfileLock, reading: Reading): void {
  const resolved = new Set(specs.map(({ name }) => name));
  const check = ([name, { requirement, declaredBy = 'the Gemfile' }]: readonly [string, GemRequirement]): void => {
    if (resolved.has(name)) return;
    if (name === 'bundler') reading.addLocal(name, bundler ?? requirement, 'Bundler itself, which no lock file resolves');
    else reading.addUnresolved(name, requirement, `declared by ${declaredBy}, but the lock file does not resolve it`);
  };
  for (const dependency of dependencies) check(dependency);
  for (const requirement of required) check(requirement);
  for (const { where, what } of oddities) reading.addUnresolved(where, '', what);
  if (!hasDependencies) reading.addWarning('no DEPENDENCIES section stands in it, which Bundler always writes: it may be cut');
}
