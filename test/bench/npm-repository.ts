import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { commitFiles, initRepository } from '../fakes/temporary-repository.ts';

/** Packages that the stand-in has something to say about: malware, suspicion, vulnerabilities. */
const WITH_FINDINGS = [
  ['safedep-test-pkg', '0.1.3'],
  ['stub-suspicious', '1.0.0'],
  ['minimist', '1.2.0'],
  ['left-pad', '1.3.0'],
] as const;

/** A lock file of this many distinct package versions; four of them have findings, where there are as many. */
export function npmLockFile(packageCount: number, prefix = 'made-up'): string {
  const named = WITH_FINDINGS.slice(0, packageCount);
  const plain = Array.from({ length: packageCount - named.length }, (_, index) => {
    // As little alike as real names: snapshots are kept compressed.
    const digest = createHash('sha256').update(`${prefix} ${index}`).digest('hex');
    return [`${prefix}-${digest.slice(0, 12)}`, `${index % 10}.${index % 7}.${index % 100}`] as const;
  });
  const entries = [...named, ...plain].map(([name, version]) => [
    `node_modules/${name}`,
    { version, resolved: `https://registry.npm.example/${name}/-/${name}-${version}.tgz`, integrity: `sha512-${'A'.repeat(86)}==` },
  ]);
  const packages = { '': { name: 'bench', version: '1.0.0' }, ...Object.fromEntries(entries) };
  return JSON.stringify({ name: 'bench', version: '1.0.0', lockfileVersion: 3, requires: true, packages }, null, 2);
}

/** A git repository with this lock file, committed; returns its path. */
export function npmRepository(folder: string, name: string, lockFile: string): string {
  const path = initRepository(join(folder, name));
  commitFiles(path, { 'package.json': '{"name":"bench","version":"1.0.0"}\n', 'package-lock.json': lockFile });
  return path;
}
