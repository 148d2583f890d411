/** A repository, as the names of Swift packages have it. */
interface RepositoryAddress {
  /** `host/path`, without user, port and `.git`; the host in lower case, the path as written. */
  readonly name: string;
  /** Fetched without encryption: http or git. */
  readonly isPlain: boolean;
}

/** `SCHEME://HOST/PATH`, and `git@HOST:PATH` as ssh has it. */
const ADDRESS = /^(?:(https?|ssh|git|git\+ssh):\/\/)(?:[^/@?#\s]*@)?([A-Za-z0-9.-]+)(?::[0-9]+)?\/([^?#\s]+)$/i;
const SCP_ADDRESS = /^(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9.-]+):(?!\/\/)([^\s?#:]+)$/;

/** `undefined` for a path, and for what is no address of a repository. */
export function repositoryOf(location: string): RepositoryAddress | undefined {
  const [, scheme, host = '', path = ''] = ADDRESS.exec(location) ?? [];
  if (scheme !== undefined) return toAddress(host, path, /^(?:http|git)$/i.test(scheme));
  const [, sshHost = '', sshPath = ''] = SCP_ADDRESS.exec(location) ?? [];
  // One letter is a drive of Windows.
  return sshHost.length > 1 ? toAddress(sshHost, sshPath, false) : undefined;
}

function toAddress(host: string, written: string, isPlain: boolean): RepositoryAddress | undefined {
  let start = 0;
  let end = written.length;
  while (written.charCodeAt(start) === 0x2f) start++;
  while (end > start && written.charCodeAt(end - 1) === 0x2f) end--;
  if (written.endsWith('.git', end)) end -= '.git'.length;
  const path = written.slice(start, end);
  return path === '' || path.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')
    ? undefined
    : { name: `${host.toLowerCase()}/${path}`, isPlain };
}
