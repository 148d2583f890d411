import { readFile } from 'node:fs/promises';
import { parseSettings, type Settings, SettingsError } from '../../shared/model/settings/settings.ts';

/** Reads and checks a settings document. Throws `SettingsError`, for the reader, whatever is wrong with it. */
export async function readSettingsFile(path: string): Promise<Settings> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new SettingsError(`The settings file ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`);
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new SettingsError(`${path} is not JSON: ${(error as Error).message}`);
  }
  return parseSettings(document, path);
}
