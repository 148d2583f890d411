import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat, type ReadFile } from '../format.ts';
import { parseGoFile, type Requirement } from '../go-mod/grammar.ts';
import { addRequired, GO_MOD_MAX_BYTES, replacementOf } from '../go-mod/index.ts';
import { Reading, unreadable } from '../reading.ts';
import { resolveInclude } from '../requirements/paths.ts';
import { decodeText, whyUnreadable } from '../text.ts';

/** Modules whose requirements are looked at; the largest workspaces that we know have some 100. */
const MAX_MODULES = 300;

/**
 * `go.work`: what its own `replace` lines put in the place of modules that the workspace's modules require. Everything else stands in
 * their `go.mod` files, which are read as they are: without the workspace, that is what is installed.
 */
export const goWork: ManifestFormat = {
  name: 'go-work',
  files: ['go.work'],
  ecosystems: ['GO'],
  lists: 'exact',
  maxBytes: GO_MOD_MAX_BYTES,
  matches: (path) => baseName(path) === 'go.work',
  async read(path, bytes, readSibling): Promise<ManifestContent> {
    const decoded = decodeText(bytes);
    const reason = whyUnreadable(decoded.text);
    if (reason !== undefined) return unreadable(reason);
    const work = parseGoFile(decoded.text, 'go.work');
    if ('reason' in work) return unreadable(work.reason);
    const { used, replacements, goVersion } = work;
    if (used.length === 0 && replacements.size === 0 && goVersion === undefined) {
      return unreadable('not a go.work file: neither "go" nor "use" nor "replace" stands in it');
    }
    if (used.length > MAX_MODULES) return unreadable(`it uses ${used.length} modules; up to ${MAX_MODULES} are looked at`);
    const reading = new Reading('GO', decoded);
    for (const folder of used) {
      reading.addLocal(folder, '', 'a module of the workspace');
      if (replacements.size === 0) continue;
      const required = await requirementsOf(resolveInclude(path, `${folder}/go.mod`), readSibling);
      if (typeof required === 'string') {
        reading.addUnresolved(folder, '', `which of the replaced modules it requires is not known: ${required}`);
        continue;
      }
      for (const requirement of required) {
        const replacement = replacementOf(requirement, work);
        if (replacement) addRequired(requirement, replacement, reading);
      }
    }
    return reading.content();
  },
};

/** What a module of the workspace requires, without the lines, which are not of this file; or why that is not known. */
async function requirementsOf(path: string | undefined, readSibling: ReadFile): Promise<readonly Requirement[] | string> {
  if (path === undefined) return 'it lies outside the repository';
  const bytes = await readSibling(path);
  if (bytes === undefined) return 'it has no go.mod in the repository';
  if (bytes.length > GO_MOD_MAX_BYTES) return `its go.mod is too large: ${bytes.length} bytes`;
  const { text } = decodeText(bytes);
  const reason = whyUnreadable(text);
  const file = reason === undefined ? parseGoFile(text, 'go.mod') : { reason };
  if ('reason' in file) return `its go.mod is unreadable: ${file.reason}`;
  return file.required.map((requirement) => ({ ...requirement, line: undefined }));
}
