import type { AnswerSource, BusEvent, FindingEvent, ScanEvent } from '../messages/bus-events.ts';
import { DECISIONS, type FindingKind } from '../model/finding.ts';
import { toInertText } from './inert-text.ts';

/** How many of a list's entries are named; the rest is counted. */
const LISTED_MAX_COUNT = 5;

/** Stands before every line that rests on made-up answers. */
const MADE_UP_MARK = '[made up] ';

const KIND_WORDS: Readonly<Record<FindingKind, string>> = {
  malware: 'malware',
  suspicious: 'suspicious package (malware inferred, not verified)',
  vulnerability: 'vulnerability',
  licence: 'licence',
  'poisoned-lock-file': 'poisoned lock file',
};

const ANSWER_WORDS: Readonly<Record<AnswerSource, string>> = {
  cloud: 'answers from SafeDep Cloud',
  community: "answers from SafeDep's community host",
  'stand-in': 'answers made up by the stand-in',
};

const FINDING_WORDS: Readonly<Record<FindingEvent['detailType'], string>> = {
  'finding opened': 'Finding',
  'finding changed': 'Finding changed',
  'finding reopened': 'Finding again',
  'finding resolved': 'Resolved',
};

/** A purl stays copyable: it is percent-encoded, and an `@` between a name and a number mentions nobody. */
function purlText(purl: string): string {
  return toInertText(purl).replace(/(?<=[\p{L}\p{N}])＠(?=v?\d)/u, '@');
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** The first of these texts, and how many more there are of `count` in all. */
function listed(texts: readonly string[], count = texts.length): string {
  const named = texts.slice(0, LISTED_MAX_COUNT);
  const rest = count - named.length;
  return `${named.map(toInertText).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function lockFilesText({ lockFiles, lockFileCount = lockFiles.length }: FindingEvent['finding']): string {
  if (lockFileCount === 0) return 'in no lock file any more';
  return `in ${lockFiles.length === 0 ? counted(lockFileCount, 'lock file') : listed(lockFiles, lockFileCount)}`;
}

function refText(ref: string): string {
  if (ref.startsWith('refs/heads/')) return `branch ${toInertText(ref.slice('refs/heads/'.length))}`;
  if (ref.startsWith('refs/tags/')) return `tag ${toInertText(ref.slice('refs/tags/'.length))}`;
  return toInertText(ref);
}

function placeText({ repository }: BusEvent): string {
  const commit = repository.commit === '' ? '' : `, commit ${toInertText(repository.commit.slice(0, 12))}`;
  return `${toInertText(repository.name)}, ${refText(repository.ref)}${commit}`;
}

function findingLines(event: FindingEvent): string[] {
  const { finding, reason } = event;
  const what = `${KIND_WORDS[finding.kind]}, severity ${finding.severity}, ${purlText(finding.purl)}: ${toInertText(finding.title)}`;
  const decided = finding.formerDecision === undefined ? finding.decision : `${finding.decision}, before: ${finding.formerDecision}`;
  const why = reason === undefined ? '' : `; ${toInertText(reason)}`;
  return [
    `${FINDING_WORDS[event.detailType]} (${decided}): ${what}`,
    `${placeText(event)}; ${lockFilesText(finding)}${why}; policy: ${toInertText(finding.decisionReason)}; ${ANSWER_WORDS[event.answers]}`,
  ];
}

function unknownsLine({ gaps, failures }: ScanEvent['counts']): string[] {
  const parts = [
    [gaps['not-analysed'], 'not analysed by SafeDep'],
    [gaps.unsupported, 'unsupported'],
    [gaps.unresolved, 'unresolved'],
    [failures.throttled, 'throttled'],
    [failures.failed, 'failed'],
  ] as const;
  const present = parts.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`);
  return present.length > 0 ? [`Not known: ${present.join(', ')}`] : [];
}

function scanLines(event: ScanEvent): string[] {
  const { counts, worst, reasons } = event;
  const isComplete = event.detailType === 'scan complete';
  const title = `${event.baseline ? 'First scan' : 'Scan'} ${isComplete ? 'complete' : 'INCOMPLETE'}`;
  const findings = DECISIONS.map((decision) => `${counts.findings[decision] ?? 0} ${decision}`).join(', ');
  // What the policy accepts is counted, not shown.
  const shown = worst.filter(({ decision }) => decision !== 'accept').slice(0, LISTED_MAX_COUNT);
  const restCount = (counts.findings.reject ?? 0) + (counts.findings.warn ?? 0) - shown.length;
  return [
    `${title}: ${placeText(event)}; ${counted(counts.lockFiles, 'lock file')}, ${counted(counts.packages, 'package')}; ${ANSWER_WORDS[event.answers]}`,
    `Open findings: ${findings}`,
    ...unknownsLine(counts),
    ...(reasons.length > 0 ? [`Incomplete because: ${listed(reasons)}`] : []),
    ...shown.map(
      (finding) =>
        `${finding.decision}: ${KIND_WORDS[finding.kind]}, severity ${finding.severity}, ${purlText(finding.purl)}: ${toInertText(finding.title)}`,
    ),
    ...(restCount > 0 ? [`and ${restCount} more`] : []),
  ];
}

/**
 * An event in a few lines of plain text, for a terminal and for the `text` field of an alert. Names and titles are shown inert
 * (`toInertText`); lines that rest on made-up answers each begin with `[made up]`.
 */
export function renderText(event: BusEvent): string {
  const lines = 'finding' in event ? findingLines(event) : scanLines(event);
  const mark = event.answers === 'stand-in' ? MADE_UP_MARK : '';
  return lines.map((line) => `${mark}${line}`).join('\n');
}
