import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import { ECOSYSTEMS } from '../../../shared/model/ecosystem.ts';
import type { ManifestPackage } from '../../../shared/model/manifest.ts';
import { whyUnsupported } from '../../../shared/model/package-version.ts';
import { toPurl } from '../../../shared/model/purl.ts';
import type { FileReport } from './file-report.ts';

/** One line a package and file: ecosystem, name, version, file. */
export function tsvLines(reports: readonly FileReport[]): string[] {
  return reports.flatMap((report) =>
    packagesOf(report).map((found) =>
      [ECOSYSTEMS[found.ecosystem].osvName, found.name, found.version, placeOf(report, found)].map(toTerminalText).join('\t'),
    ),
  );
}

/** Each package version once. */
export function purlLines(reports: readonly FileReport[]): string[] {
  return [...new Set(reports.flatMap((report) => packagesOf(report).map(toPurl)))].sort();
}

export function packagesOf({ content }: FileReport): readonly ManifestPackage[] {
  return content.status === 'read' ? content.packages : [];
}

/** `FILE`, or `FILE:LINE` where the line is known. */
export function placeOf({ path }: FileReport, { line }: ManifestPackage): string {
  return line === undefined ? path : `${path}:${line}`;
}

/** All that is said of a file besides its packages: what is not looked up and why, signs of poisoning, warnings, why it was not read. */
export function remarksOn({ content }: FileReport): string[] {
  if (content.status === 'error') return [`not read: ${content.reason}`];
  const counts = new Map<string, number>();
  for (const found of content.packages) {
    const reason = whyUnsupported(found);
    if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [
    ...content.poisonings.map(({ rule, detail }) => `poisoning: ${rule}: ${detail}`),
    ...content.warnings.map((warning) => `warning: ${warning}`),
    ...content.gaps.map(({ state, name, requirement, reason }) => `${state}: ${[name, requirement].filter(Boolean).join(' ')}: ${reason}`),
    ...[...counts].map(([reason, count]) => `not looked up: ${count} package${count === 1 ? '' : 's'}: ${reason}`),
    ...content.locals.map(({ name, requirement, reason }) => `local: ${[name, requirement].filter(Boolean).join(' ')}: ${reason}`),
  ];
}

const HEAD = ['ECOSYSTEM', 'PACKAGE', 'VERSION', 'USED', 'LINE'] as const;

/** For a person: a table and remarks for each file, and a sum. */
export function tableLines(reports: readonly FileReport[]): string[] {
  return [...reports.flatMap(fileLines), sumLine(reports)];
}

function fileLines(report: FileReport): string[] {
  const { path, format } = report;
  const packages = packagesOf(report);
  const title = `${path}${format === undefined ? '' : ` (${format})`}`;
  const rows = packages.map((found) => [
    ECOSYSTEMS[found.ecosystem].osvName,
    found.name,
    found.version,
    useOf(found),
    found.line === undefined ? '' : String(found.line),
  ]);
  return [
    toTerminalText(title),
    ...(rows.length > 0 ? columns([HEAD, ...rows]).map((line) => `  ${line}`) : []),
    ...remarksOn(report).map((remark) => `  ${toTerminalText(remark)}`),
    '',
  ];
}

/** How a package is used, as far as the format tells: `direct, development, group docs`. */
function useOf({ relationship, isDevelopment, isOptional, groups }: ManifestPackage): string {
  return [
    relationship,
    isDevelopment ? 'development' : undefined,
    isOptional ? 'optional' : undefined,
    groups && groups.length > 0 ? `group ${groups.join(' ')}` : undefined,
  ]
    .filter(Boolean)
    .join(', ');
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const shown = rows.map((row) => row.map(toTerminalText));
  const widths = HEAD.map((_, column) => shown.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0));
  return shown.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function sumLine(reports: readonly FileReport[]): string {
  const packages = new Map(reports.flatMap((report) => packagesOf(report).map((found) => [toPurl(found), found])));
  const lookedUp = [...packages.values()].filter((found) => whyUnsupported(found) === undefined).length;
  const unread = reports.filter(({ content }) => content.status === 'error').length;
  const gaps = reports.reduce((sum, { content }) => sum + (content.status === 'read' ? content.gaps.length : 0), 0);
  const poisonings = reports.reduce((sum, { content }) => sum + (content.status === 'read' ? content.poisonings.length : 0), 0);
  return [
    `${counted(reports.length, 'file')}: ${counted(packages.size, 'package version')}, ${lookedUp} of them can be looked up`,
    ...(gaps > 0 ? [`${counted(gaps, 'gap')}`] : []),
    ...(poisonings > 0 ? [`${counted(poisonings, 'sign')} of poisoning`] : []),
    ...(unread > 0 ? [`${counted(unread, 'file')} not read`] : []),
  ].join('; ');
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
