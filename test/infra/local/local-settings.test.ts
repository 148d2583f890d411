import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { localSettings } from '../../../infra/local/local-settings.ts';
import { temporaryFolder } from '../../fakes/temporary-repository.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const terminal = { url: 'http://127.0.0.1:1/alerts', secret: 'whsec_terminal', close: async () => undefined };

test.each([
  { name: 'terminal', signingSecret: 'a' },
  { name: 'team', signingSecret: 'safedep-watch/sinks/terminal' },
])('refuses a sink that would take the place of the terminal: $name, $signingSecret', async (sink) => {
  const path = join(folder.path, 'settings.json');
  writeFileSync(path, JSON.stringify({ version: 1, sinks: [{ kind: 'webhook', url: 'https://sink.example/alerts', ...sink }] }));
  await expect(localSettings(path, [], terminal, {})).rejects.toThrow("the terminal's own");
});
