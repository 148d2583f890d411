import type { RepositoryId } from '../model/repository.ts';
import type { Settings } from '../model/settings/settings.ts';
import { openGitSource } from './git/source.ts';
import { createGitHubClient } from './github/client.ts';
import { openGitHubSource } from './github/source.ts';
import { type RepositorySource, SourceError, unreadable } from './source.ts';

export interface SourcePorts {
  /** A secret's current value; `refresh` passes every cache by. */
  readSecret(secretName: string, options?: { readonly refresh: boolean }): Promise<string>;
  /** Whether settings may name repositories of this machine: local mode and tests only. */
  readonly allowGitSources: boolean;
  readonly nowMs: () => number;
}

/** Opens a repository through the provider that the settings name for it. Where none may, every reading says why; this never throws. */
export function openSource(id: RepositoryId, repositoryName: string, settings: Settings, ports: SourcePorts): RepositorySource {
  const source = settings.sources.find(({ forge, host }) => forge === id.forge && host === id.host);
  if (!source) return closedSource(`${repositoryName} is on ${id.host}, and the settings name no ${id.forge} source with this host`);

  if (source.forge === 'git') {
    if (!ports.allowGitSources) return closedSource(`${repositoryName} is a repository of a local machine, which is not read here`);
    const repository = source.repositories.find(({ repositoryId }) => repositoryId === id.repositoryId);
    if (!repository) return closedSource(`the settings name no local repository ${id.repositoryId} (${repositoryName})`);
    return openGitSource(repository);
  }

  const client = createGitHubClient(source.apiUrl, {
    token: (options) => ports.readSecret(source.tokenSecret, options),
    nowMs: ports.nowMs,
  });
  return openGitHubSource(id, repositoryName, client);
}

function closedSource(reason: string): RepositorySource {
  const answer = unreadable(reason, false);
  return {
    describe: async () => answer,
    head: async () => answer,
    tree: async () => ({ complete: false, reason, retryable: false, entries: [], skipped: [] }),
    blob: async () => {
      throw new SourceError(reason, false);
    },
    close: async () => undefined,
  };
}
