/** Whose payloads and API a repository speaks. `git` is a local work tree or bare repository, on a developer's machine only. */
export const FORGES = ['github', 'gitlab', 'bitbucket', 'gitea', 'git'] as const;
export type Forge = (typeof FORGES)[number];

/**
 * A repository's identity: tenant, forge, host and the forge's own id. Names move, and another forge's ids start at 1 too, so
 * all four are needed and the name is none of them.
 */
export interface RepositoryId {
  /** Whose repository it is: the tenant's name in our tables, `default` where there is one. */
  readonly tenant: string;
  readonly forge: Forge;
  /** Host name, with its port where it has one: `github.com`. */
  readonly host: string;
  /** The forge's immutable id, as text: a number on GitHub, a UUID on Bitbucket. */
  readonly repositoryId: string;
}

/** One ref of one repository: what a scan, a snapshot and a finding belong to. */
export interface RefId extends RepositoryId {
  /** Full name: `refs/heads/main`; `HEAD` for a detached one. */
  readonly ref: string;
}

/** The ref as one string, a key in tables. The ref stands last because it alone may hold a `#`. Reversed by `parseRefKey`. */
export function refKey(id: RefId): string {
  return `${repositoryKey(id)}#${id.ref}`;
}

function repositoryKey(id: RepositoryId): string {
  return [id.tenant, id.forge, id.host, id.repositoryId].map(encodeURIComponent).join('#');
}

export function parseRefKey(key: string): RefId {
  const [tenant, forge, host, repositoryId, ...rest] = key.split('#');
  if (!tenant || !forge || !host || !repositoryId || rest.length === 0)
    throw new Error(`not a ref key: ${JSON.stringify(key.slice(0, 300))}`);
  return {
    tenant: decodeURIComponent(tenant),
    forge: forge as Forge,
    host: decodeURIComponent(host),
    repositoryId: decodeURIComponent(repositoryId),
    ref: rest.join('#'),
  };
}
