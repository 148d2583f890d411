import { ECOSYSTEMS } from '../../../shared/model/ecosystem.ts';
import type { ManifestEntry, ManifestPackage } from '../../../shared/model/manifest.ts';
import { whyUnsupported } from '../../../shared/model/package-version.ts';
import { toPurl } from '../../../shared/model/purl.ts';
import type { FileReport } from './file-report.ts';

type FileStatus = 'ok' | 'incomplete' | 'error';

/** `incomplete`: read to its end, with entries that cannot be asked about. */
function statusOf({ content }: FileReport): FileStatus {
  if (content.status === 'error') return 'error';
  return content.gaps.length > 0 ? 'incomplete' : 'ok';
}

/** Everything that was read, for programs. Ecosystems by their labels at OSV. */
export function toJsonDocument(reports: readonly FileReport[], notes: readonly string[], failures: readonly string[]): object {
  return { version: 1, files: reports.map(toJsonFile), notes, failures };
}

function toJsonFile(report: FileReport): object {
  const { path, format, content } = report;
  const head = { path, ...(format === undefined ? {} : { format }), status: statusOf(report) };
  if (content.status === 'error') return { ...head, reason: content.reason };
  const { packages, gaps, locals, poisonings, warnings } = content;
  return {
    ...head,
    packages: packages.map(toJsonPackage),
    gaps: gaps.map((gap) => ({ ...toJsonEntry(gap), state: gap.state })),
    locals: locals.map(toJsonEntry),
    poisonings: poisonings.map(({ rule, packageVersion, detail }) => ({ rule, ...toIdentity(packageVersion), detail })),
    warnings,
  };
}

function toJsonPackage(found: ManifestPackage): object {
  const { ecosystem: _ecosystem, name: _name, version: _version, ...use } = found;
  const notLookedUp = whyUnsupported(found);
  return { ...toIdentity(found), purl: toPurl(found), ...use, ...(notLookedUp === undefined ? {} : { notLookedUp }) };
}

function toIdentity({ ecosystem, name, version }: Pick<ManifestPackage, 'ecosystem' | 'name' | 'version'>): object {
  return { ecosystem: ECOSYSTEMS[ecosystem].osvName, name, version };
}

function toJsonEntry({ ecosystem, name, requirement, reason }: ManifestEntry): object {
  return { ecosystem: ECOSYSTEMS[ecosystem].osvName, name, requirement, reason };
}

/** The answer to one path of `--stdin-paths`; its shape is what checkers of lock file readers take. */
export function toPathAnswer(report: FileReport): object {
  const { path, content } = report;
  const status = statusOf(report);
  if (content.status === 'error') return { path, status, packages: [], warnings: [], error: content.reason };
  return {
    path,
    status,
    packages: content.packages.map(({ ecosystem, name, version }) => [ECOSYSTEMS[ecosystem].osvName, name, version]),
    warnings: [
      ...content.poisonings.map(({ rule, detail }) => `${rule}: ${detail}`),
      ...content.warnings,
      ...content.gaps.map(({ name, requirement, reason }) => `${[name, requirement].filter(Boolean).join(' ')}: ${reason}`),
    ],
  };
}

/** Characters that no terminal should see raw: controls, those that turn the direction of writing, those without a shape. */
const SHAPELESS = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** The document as text: on lines where `indent` says so, else on one. Nothing in it moves a cursor or turns a line. */
export function toJsonText(document: object, indent?: number): string {
  const text = JSON.stringify(document, undefined, indent);
  return text.replace(SHAPELESS, (character) => (character === '\n' ? character : escaped(character)));
}

function escaped(character: string): string {
  let text = '';
  for (let index = 0; index < character.length; index++) text += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  return text;
}
