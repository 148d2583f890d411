import { Project_Source } from '#safedep-api/safedep/messages/controltower/v1/project_pb.js';
import { ProjectSourceType } from '#safedep-api/safedep/messages/package/v1/project_pb.js';
import { ToolTrigger } from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import type { Lane } from '../messages/queue-messages.ts';
import type { Finding } from '../model/finding.ts';
import { comparePackageVersions, type PackageVersion, packageKey, whyUnsupported } from '../model/package-version.ts';
import type { Forge, RefId } from '../model/repository.ts';
import type { SessionInit } from '../safedep/report-session-client.ts';
import { characterCount, ORIGIN_URL_MAX_CHARACTERS, SESSION_TEXT_MAX_CHARACTERS, shortenName } from './declared-limits.ts';
import type { PackageAt } from './session-messages.ts';

const TOOL_NAME = 'safedep-watch';

export interface ReportedScan {
  readonly ref: RefId;
  readonly repositoryName: string;
  /** As people open it; empty where there is none. */
  readonly repositoryUrl: string;
  readonly commit: string;
  readonly lane: Lane;
  /** An operator asked for this report. */
  readonly isAsked: boolean;
  readonly toolVersion: string;
  /** The lock files that were read. */
  readonly lockFiles: readonly { readonly path: string; readonly packages: readonly PackageVersion[] }[];
  /** The open findings that the policy rejects. */
  readonly rejected: readonly Finding[];
}

/** One message of the session: an insight, or with a finding a violation. */
export interface PlannedMessage {
  readonly at: PackageAt;
  readonly finding?: Finding;
}

export interface SessionPlan {
  readonly create: SessionInit;
  /** In the order of sending: the insights, then the violations. The same scan always gives the same list. */
  readonly messages: readonly PlannedMessage[];
  /** Packages that SafeDep does not serve, or whose name or version it does not take, counted once for each lock file. */
  readonly leftOutCount: number;
}

const PROJECT_SOURCE_TYPES: Readonly<Record<Forge, ProjectSourceType>> = {
  github: ProjectSourceType.GITHUB,
  gitlab: ProjectSourceType.GITLAB,
  bitbucket: ProjectSourceType.BITBUCKET,
  gitea: ProjectSourceType.PRIVATE,
  git: ProjectSourceType.PRIVATE,
};

const ORIGIN_SOURCES: Readonly<Record<Forge, Project_Source>> = {
  github: Project_Source.GITHUB,
  gitlab: Project_Source.GITLAB,
  bitbucket: Project_Source.BITBUCKET,
  gitea: Project_Source.OTHER,
  git: Project_Source.DEVELOPER_MACHINE,
};

/** A public address, or nothing: no path of a machine, nothing with credentials in it. */
function originUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password, href } = new URL(text);
  const isPublic = (protocol === 'https:' || protocol === 'http:') && username === '' && password === '';
  return isPublic && characterCount(href) <= ORIGIN_URL_MAX_CHARACTERS ? href : undefined;
}

/** An optional text of the session: left out where it is empty or too long, because a cut one would name something else. */
function optional<K extends string>(name: K, text: string): { [P in K]?: string } {
  const isPublishable = text !== '' && characterCount(text) <= SESSION_TEXT_MAX_CHARACTERS;
  return (isPublishable ? { [name]: text.toWellFormed() } : {}) as { [P in K]?: string };
}

function toTrigger(scan: ReportedScan): ToolTrigger {
  if (scan.isAsked) return ToolTrigger.MANUAL;
  if (scan.lane === 'background') return ToolTrigger.SCHEDULED;
  return scan.ref.ref.startsWith('refs/tags/') ? ToolTrigger.TAG : ToolTrigger.PUSH;
}

function toSessionInit(scan: ReportedScan): SessionInit {
  const { ref, repositoryName, commit } = scan;
  const url = originUrl(scan.repositoryUrl);
  return {
    toolName: TOOL_NAME,
    toolVersion: scan.toolVersion,
    projectName: shortenName(repositoryName || ref.repositoryId, SESSION_TEXT_MAX_CHARACTERS),
    projectVersion: shortenName(ref.ref.replace(/^refs\/(?:heads|tags)\/(?=.)/, ''), SESSION_TEXT_MAX_CHARACTERS),
    projectSource: PROJECT_SOURCE_TYPES[ref.forge],
    trigger: toTrigger(scan),
    originProjectSource: ORIGIN_SOURCES[ref.forge],
    ...optional('gitRef', ref.ref),
    ...optional('gitSha', commit),
    ...(url === undefined ? {} : { originProjectUrl: url }),
  };
}

/** Those of the snapshot's lock files with its package that a finding is about. One that does not list its own is about all of them. */
function lockFilesOf({ lockFiles, lockFileCount }: Finding, present: readonly string[]): readonly string[] {
  if (lockFileCount !== undefined) return present;
  const own = new Set(lockFiles);
  return present.filter((path) => own.has(path));
}

/**
 * The session that tells SafeDep of one scan: one message for each package of each lock file, and one for each rejected finding in
 * each lock file that has it.
 */
export function planSession(scan: ReportedScan): SessionPlan {
  const { forge } = scan.ref;
  const lockFiles = [...scan.lockFiles].sort((a, b) => (a.path < b.path ? -1 : 1));
  const all = lockFiles.flatMap(({ path, packages }) =>
    [...packages].sort(comparePackageVersions).map((packageVersion): PackageAt => ({ forge, lockFile: path, packageVersion })),
  );
  const insights = all.filter(({ packageVersion }) => whyUnsupported(packageVersion) === undefined);
  const present = new Map<string, string[]>();
  for (const { lockFile, packageVersion } of insights) {
    const key = packageKey(packageVersion);
    const paths = present.get(key);
    if (paths) paths.push(lockFile);
    else present.set(key, [lockFile]);
  }
  const violations = [...scan.rejected]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .flatMap((finding) =>
      lockFilesOf(finding, present.get(packageKey(finding.packageVersion)) ?? []).map(
        (lockFile): PlannedMessage => ({ at: { forge, lockFile, packageVersion: finding.packageVersion }, finding }),
      ),
    );
  return {
    create: toSessionInit(scan),
    messages: [...insights.map((at): PlannedMessage => ({ at })), ...violations],
    leftOutCount: all.length - insights.length,
  };
}
