import { FORMATS } from '../../../shared/manifests/registry.ts';
import { ECOSYSTEMS } from '../../../shared/model/ecosystem.ts';

const BEGIN = '<!-- formats: made by `npm run generate` from shared/manifests/registry.ts -->';
const END = '<!-- end of formats -->';

/** Documents that name packages of any ecosystem. */
const MANY = 5;

const LISTS = {
  exact: '',
  superset: 'a superset of what is used',
  declared: 'what is declared: only pins are looked up',
  gaps: 'where no lock file resolves it: gaps only',
} as const;

/** Every format of the registry as a table for the README, between its two markers. */
export function formatsTable(): string {
  const rows = [...FORMATS]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, files, ecosystems, lists, isOnRequestOnly }) => {
      const isAny = ecosystems.length > MANY;
      const names = isAny
        ? ['by purl']
        : ecosystems.map((ecosystem) => `${ECOSYSTEMS[ecosystem].osvName}${ECOSYSTEMS[ecosystem].isServed ? '' : '*'}`);
      const notes = [LISTS[lists], isOnRequestOnly ? 'by `packages` only' : ''].filter(Boolean).join('; ');
      return `| [${name}](shared/manifests/${name}/README.md) | ${files.map((file) => `\`${file}\``).join(', ')} | ${names.join(', ')} | ${notes} |`;
    });
  return [BEGIN, '| format | files | ecosystem | |', '|---|---|---|---|', ...rows, END].join('\n');
}

/** The README with the table as it is now. Throws where the markers are missing. */
export function withFormatsTable(readme: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`README.md has no place for the table of formats: ${BEGIN} and ${END} mark it`);
  return readme.slice(0, begin) + formatsTable() + readme.slice(end + END.length);
}
