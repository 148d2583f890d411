import { isMessage, type Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { PackageManifest } from '#safedep-api/safedep/messages/package/v1/package_manifest_pb.js';
import type { PackageVersionInsight } from '#safedep-api/safedep/messages/package/v1/package_version_insight_pb.js';
import type { PackageVersion } from '#safedep-api/safedep/messages/package/v1/package_version_pb.js';
import { CreateApiKeyRequestSchema } from '#safedep-api/safedep/services/controltower/v1/api_key_pb.js';
import { PingRequestSchema } from '#safedep-api/safedep/services/controltower/v1/ping_pb.js';
import { QueryBySqlRequestSchema } from '#safedep-api/safedep/services/controltower/v1/query_pb.js';
import {
  CreateToolSessionRequestSchema,
  PublishPackageInsightRequestSchema,
  PublishPolicyViolationRequestSchema,
} from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';

/**
 * Enforces the limits that SafeDep declares on requests, as far as a reporting tool can break them. Whether production enforces all
 * of them is not known: SafeDep's own scanner sends an empty `rule.value` and an empty `project_version`.
 *
 * @throws ConnectError InvalidArgument that names the field.
 */
export function strictValidation(message: Message): void {
  if (isMessage(message, PingRequestSchema)) {
    text('id', message.id, 8, 32);
  } else if (isMessage(message, CreateApiKeyRequestSchema)) {
    text('name', message.name, 3, 255);
    range('expiry_days', message.expiryDays, 1, 365);
  } else if (isMessage(message, QueryBySqlRequestSchema)) {
    text('query', message.query, 1, 2000);
    range('page_size', message.pageSize, 1, 100);
    text('page_token', message.pageToken, 0, 100);
  } else if (isMessage(message, CreateToolSessionRequestSchema)) {
    text('tool_name', message.toolName, 1, 100);
    text('tool_version', message.toolVersion, 1, 100);
    text('project_name', message.projectName, 1, 100);
    optionalText('project_version', message.projectVersion, 100);
    optionalText('git_ref', message.gitRef, 100);
    optionalText('git_sha', message.gitSha, 100);
    optionalText('origin_project_url', message.originProjectUrl, 200);
    if (message.originProjectUrl !== undefined && !URL.canParse(message.originProjectUrl)) refuse('origin_project_url', 'must be a URI');
  } else if (isMessage(message, PublishPackageInsightRequestSchema)) {
    subject(message);
    insight(message.packageVersionInsight ?? refuse('package_version_insight', 'value is required'));
    if (message.maliciousPackageInsight) text('malicious_package_insight.analysis_id', message.maliciousPackageInsight.analysisId, 1, 100);
  } else if (isMessage(message, PublishPolicyViolationRequestSchema)) {
    subject(message);
    const violation = message.violation ?? refuse('violation', 'value is required');
    text('violation.rule.name', violation.rule?.name ?? '', 1, 250);
    text('violation.rule.value', violation.rule?.value ?? '', 1, 1000);
    items('violation.evidences', violation.evidences, 10);
    for (const { evidence } of violation.evidences) text('violation.evidences.evidence', evidence, 0, 1000);
  }
}

function subject({
  manifest,
  packageVersion,
}: {
  manifest?: PackageManifest | undefined;
  packageVersion?: PackageVersion | undefined;
}): void {
  if (manifest === undefined) refuse('manifest', 'value is required');
  text('manifest.name', manifest.name, 1, 100);
  optionalText('manifest.namespace', manifest.namespace, 500);
  if (packageVersion === undefined) refuse('package_version', 'value is required');
  text('package_version.package.name', packageVersion.package?.name ?? '', 1, 255);
  text('package_version.version', packageVersion.version, 1, 100);
}

function insight({ vulnerabilities, licenses, dependencies, projectInsights }: PackageVersionInsight): void {
  items('package_version_insight.dependencies', dependencies, 200);
  items('package_version_insight.vulnerabilities', vulnerabilities, 100);
  items('package_version_insight.project_insights', projectInsights, 10);
  for (const { id, summary, aliases, severities } of vulnerabilities) {
    text('vulnerabilities.id.value', id?.value ?? '', 1, 100);
    text('vulnerabilities.summary', summary, 0, 1000);
    items('vulnerabilities.aliases', aliases, 10);
    items('vulnerabilities.severities', severities, 10);
    for (const { score } of severities) text('vulnerabilities.severities.score', score, 1, 10);
  }
  for (const { licenseId, name } of licenses?.licenses ?? []) {
    text('licenses.license_id', licenseId, 3, Number.POSITIVE_INFINITY);
    text('licenses.name', name, 1, Number.POSITIVE_INFINITY);
  }
}

function text(field: string, value: string, min: number, max: number): void {
  const characters = [...value].length;
  if (characters < min) refuse(field, `value length must be at least ${min} characters`);
  if (characters > max) refuse(field, `value length must be at most ${max} characters`);
}

function optionalText(field: string, value: string | undefined, max: number): void {
  if (value !== undefined) text(field, value, 1, max);
}

function range(field: string, value: number, min: number, max: number): void {
  if (value < min || value > max) refuse(field, `value must be between ${min} and ${max}`);
}

function items(field: string, list: readonly unknown[], max: number): void {
  if (list.length > max) refuse(field, `value must contain no more than ${max} item(s)`);
}

function refuse(field: string, why: string): never {
  throw new ConnectError(`validation error: ${field}: ${why}`, Code.InvalidArgument);
}
