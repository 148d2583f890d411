import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import { UNLOCKED } from '../../../shared/manifests/format.ts';
import type { AnswerSource } from '../../../shared/messages/bus-events.ts';
import type { RepositoryResult } from '../scan/result-document.ts';
import type { Screen } from './screen.ts';

/** Findings and gaps that a summary lists by name; the rest is counted, and `--json` has them all. */
const LISTED_MAX = 25;
const GAPS_LISTED_MAX = 10;

type Paint = Screen['paint'];
type FindingEntry = RepositoryResult['findings'][number];

/** What is made up is marked on its every line: no line of it can be taken for a real one, wherever it is pasted. */
export function markOf(answers: AnswerSource): string {
  return answers === 'stand-in' ? '[made up] ' : '';
}

export function shortRef(ref: string): string {
  return toTerminalText(ref.replace(/^refs\/(heads|tags)\//, ''));
}

/** Thousands divided by commas. */
export function count(value: number, one: string, many = `${one}s`): string {
  return `${value.toLocaleString('en-US')} ${value === 1 ? one : many}`;
}

type Place = Pick<RepositoryResult, 'repository' | 'ref' | 'commit'>;

/** Repository, ref and commit; a deleted branch has none. */
function placeOf({ repository, ref, commit }: Place): string {
  return `${toTerminalText(repository)} ${shortRef(ref)} ${commit === '' ? '(deleted)' : commit.slice(0, 7)}`;
}

/** A push was seen: the first line of its scan, before anything is read. */
export function describePush(place: Place, mark: string): string {
  return `${mark}${placeOf(place)}: reading the lock files`;
}

/** What was read, of which state of which repository. */
export function describeLockFiles(result: RepositoryResult, mark: string): string[] {
  const place = placeOf(result);
  if (result.commit === '') return [`${mark}${place}: nothing is there any more`];
  if (result.lockFiles.length === 0) return [`${mark}${place}: no lock file that safedep-watch reads`];
  const unlocked = result.lockFiles.filter(({ format }) => format === UNLOCKED);
  const lockFiles = result.lockFiles.filter(({ format }) => format !== UNLOCKED);
  const counts = [
    count(lockFiles.length, 'lock file'),
    ...(unlocked.length > 0 ? [count(unlocked.length, 'manifest without one', 'manifests without one')] : []),
    count(result.packages.length, 'distinct package'),
  ];
  const lines = [`${mark}${place}: ${counts.join(', ')}`];
  for (const { path, format, status, packages, gaps = [], reason } of [...lockFiles, ...unlocked].slice(0, LISTED_MAX)) {
    const read = `${count(packages, 'package')}${gaps.length > 0 ? `, ${count(gaps.length, 'gap')}` : ''}`;
    lines.push(`${mark}  ${toTerminalText(path)} (${format}): ${status === 'read' ? read : `NOT READ, ${toTerminalText(reason ?? '')}`}`);
  }
  if (result.lockFiles.length > LISTED_MAX) lines.push(`${mark}  and ${result.lockFiles.length - LISTED_MAX} more`);
  return lines;
}

/** The line of a push that became no scan: nothing is known of it but why. */
export function describeNotScanned({ repository, ref, commit, reasons }: RepositoryResult, paint: Paint): string {
  const place = [toTerminalText(repository), shortRef(ref), commit.slice(0, 7)].filter((part) => part !== '').join(' ');
  return `${paint('bold', place)}: ${paint('yellow', 'INCOMPLETE')}, ${toTerminalText(reasons.join('; '))}`;
}

/** The summary of an ended scan. */
export function describeResult(result: RepositoryResult, seconds: number, answers: AnswerSource, paint: Paint): string[] {
  const mark = markOf(answers);
  const place = placeOf(result);
  const status = result.status === 'complete' ? paint('green', 'complete') : paint('yellow', 'INCOMPLETE');
  const lines = [`${paint('bold', place)}: ${status} in ${seconds.toFixed(1)} s, ${describeCounts(result)}`];
  for (const finding of result.findings.slice(0, LISTED_MAX)) lines.push(`  ${describeFinding(finding, paint)}`);
  if (result.findings.length > LISTED_MAX)
    lines.push(`  and ${count(result.findings.length - LISTED_MAX, 'more finding')} (--json lists them all)`);
  for (const reason of result.reasons) lines.push(`  ${paint('yellow', 'not known')}  ${toTerminalText(reason)}`);
  lines.push(...describeGaps(result, paint));
  return lines.map((line) => `${mark}${line}`);
}

function describeCounts(result: RepositoryResult): string {
  if (result.findings.length === 0) return 'no findings';
  const byKind = new Map<string, number>();
  for (const { kind, severity } of result.findings) {
    const name = kind === 'vulnerability' ? `${severity} vulnerability` : kind;
    byKind.set(name, (byKind.get(name) ?? 0) + 1);
  }
  return `${count(result.findings.length, 'finding')}: ${[...byKind].map(([name, number]) => `${number} ${name}`).join(', ')}`;
}

function describeFinding(finding: FindingEntry, paint: Paint): string {
  const { decision, kind, severity, purl, title, lockFiles, lockFileCount = lockFiles.length } = finding;
  const style = decision === 'reject' ? 'red' : decision === 'warn' ? 'yellow' : 'dim';
  const label = `${decision.padEnd(6)} ${kind === 'vulnerability' ? `${severity} vulnerability` : kind}`;
  const named = lockFiles.slice(0, 2);
  const rest = lockFileCount - named.length;
  const where =
    named.length === 0 && rest > 0
      ? count(rest, 'lock file')
      : `${named.join(', ')}${rest > 0 ? ` and ${rest.toLocaleString('en-US')} more` : ''}`;
  return `${paint(style, label.padEnd(30))} ${toTerminalText(purl)}  ${toTerminalText(where)}  ${paint('dim', toTerminalText(title))}`;
}

/** What is not known though nothing failed, with reasons: a gap is no failure, and not clean either. */
function describeGaps(result: RepositoryResult, paint: Paint): string[] {
  const total = Object.values(result.gaps).reduce((sum, number) => sum + number, 0);
  if (total === 0) return [];
  const kinds = Object.entries(result.gaps).filter(([, number]) => number > 0);
  const lines = [`  ${paint('cyan', count(total, 'gap'))}: ${kinds.map(([kind, number]) => `${number} ${kind}`).join(', ')}`];
  const entries = [
    ...result.lockFiles.flatMap(({ path, gaps = [] }) =>
      gaps.map((gap) => `${gap.name} ${gap.requirement} (${path}): ${gap.state}, ${gap.reason}`),
    ),
    ...result.packages.flatMap(({ purl, checks }) =>
      [checks.vulnerabilities, checks.malware]
        .filter(({ state }) => state === 'not-analysed' || state === 'unsupported' || state === 'unresolved')
        .slice(0, 1)
        .map(({ state, reason }) => `${purl}: ${state}, ${reason ?? ''}`),
    ),
  ];
  for (const entry of entries.slice(0, GAPS_LISTED_MAX)) lines.push(`    ${toTerminalText(entry)}`);
  if (entries.length > GAPS_LISTED_MAX) lines.push(`    and ${entries.length - GAPS_LISTED_MAX} more (--json lists them all)`);
  return lines;
}
