import { DEFAULT_SETTINGS, type Settings } from '../../shared/model/settings/settings.ts';
import { UsageError } from './options.ts';
import { readSettingsFile } from './settings-file.ts';
import type { AlertReceiver } from './terminal/alert-receiver.ts';
import type { LocalRepository } from './watch/resolve-repository.ts';

const TERMINAL_SINK_NAME = 'terminal';
const TERMINAL_SECRET_NAME = 'safedep-watch/sinks/terminal';

export interface LocalSettings {
  readonly settings: Settings;
  /** Values of the secrets that they name. */
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * The settings of a run: the document of `--config`, with the given repositories as sources and the terminal as one more sink.
 * The secrets of its own sinks come from the environment. Throws `SettingsError` or `UsageError`.
 */
export async function localSettings(
  configPath: string | undefined,
  repositories: readonly LocalRepository[],
  terminal: AlertReceiver,
  variables: NodeJS.ProcessEnv,
): Promise<LocalSettings> {
  const own = configPath === undefined ? DEFAULT_SETTINGS : await readSettingsFile(configPath);
  const secrets: Record<string, string> = { [TERMINAL_SECRET_NAME]: terminal.secret };
  for (const { name, signingSecret } of own.sinks) {
    if (name === TERMINAL_SINK_NAME || signingSecret === TERMINAL_SECRET_NAME)
      throw new UsageError(
        `The sink ${name} has the name or the secret of the terminal's own (${TERMINAL_SINK_NAME}, ${TERMINAL_SECRET_NAME}); choose others.`,
      );
    const variable = `SAFEDEP_WATCH_SINK_${name.toUpperCase().replaceAll('-', '_')}_SECRET`;
    const value = variables[variable];
    if (!value) throw new UsageError(`The sink ${name} needs its signing secret in the environment: ${variable}=whsec_…`);
    secrets[signingSecret] = value;
  }
  const settings: Settings = {
    ...own,
    sources: [
      ...own.sources.filter(({ forge }) => forge !== 'git'),
      { forge: 'git', host: 'localhost', repositories: repositories.map(({ repositoryId, name, path }) => ({ repositoryId, name, path })) },
    ],
    sinks: [
      ...own.sinks,
      { name: TERMINAL_SINK_NAME, kind: 'webhook', url: terminal.url, signingSecret: TERMINAL_SECRET_NAME, refs: 'all' },
    ],
  };
  return { settings, secrets };
}
