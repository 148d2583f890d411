import { splitNpmSpec } from '../npm/names.ts';
import { parseJson } from '../syntax/json.ts';
import { isObject, own } from '../syntax/json-object.ts';
import { decodeText } from '../text.ts';

/** Name -> names of the packages that the project has fetched in its place. */
export type Resolutions = ReadonlyMap<string, ReadonlySet<string>>;

export const NO_RESOLUTIONS: Resolutions = new Map();

const ALIAS = 'npm:';
/** The last name of a pattern: any depth of parents may stand before it, with slashes. */
const LAST_NAME = /(?:^|\/)((?:@[^/@]+\/)?[^/@]+)$/;

/** What a `package.json` asks for in `resolutions`, as far as it names other packages; nothing where it cannot be read. */
export function resolutionsOf(packageJson: Uint8Array): Resolutions {
  const parsed = parseJson(packageJson, decodeText(packageJson).text);
  const wanted = 'value' in parsed && isObject(parsed.value) ? own(parsed.value, 'resolutions') : undefined;
  const resolutions = new Map<string, Set<string>>();
  for (const [pattern, range] of isObject(wanted) ? Object.entries(wanted) : []) {
    const name = LAST_NAME.exec(pattern)?.[1];
    if (name === undefined || typeof range !== 'string' || !range.startsWith(ALIAS)) continue;
    const targets = resolutions.get(name) ?? new Set();
    resolutions.set(name, targets.add(splitNpmSpec(range.slice(ALIAS.length)).name));
  }
  return resolutions;
}
