import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Template } from '../../infra/aws/merge-templates.ts';
import { elements, query, send } from './signed-request.ts';

const STACK_TIMEOUT_MS = 60_000;

export interface DeployedStack {
  readonly outputs: Readonly<Record<string, string>>;
  /** Physical id by logical id. */
  readonly resources: ReadonlyMap<string, string>;
}

/** Zips a folder of modules and puts it where the template expects it. */
export async function uploadAsset(endpoint: string, python: string, folder: string, bucket: string, key: string): Promise<void> {
  const aside = await mkdtemp(join(tmpdir(), 'safedep-watch-asset-'));
  try {
    const zip = join(aside, 'asset.zip');
    const modules = (await readdir(folder)).map((name) => join(folder, name));
    await promisify(execFile)(python, ['-m', 'zipfile', '-c', zip, ...modules]);
    const { status, text } = await send({ endpoint, service: 's3', method: 'PUT', path: `/${bucket}/${key}`, body: await readFile(zip) });
    if (status >= 300) throw new Error(`the asset ${key} was not taken (${status}): ${text}`);
  } finally {
    await rm(aside, { recursive: true });
  }
}

export async function createBucket(endpoint: string, bucket: string): Promise<void> {
  const { status, text } = await send({ endpoint, service: 's3', method: 'PUT', path: `/${bucket}` });
  if (status >= 300) throw new Error(`the bucket ${bucket} was not made (${status}): ${text}`);
}

/**
 * Creates the stack and waits; its template goes by the bucket, as the CDK does it, because a call takes 50 KiB. Throws with every
 * resource that failed, and where a resource of the template is not among the created.
 */
export async function createStack(endpoint: string, bucket: string, stackName: string, template: Template): Promise<DeployedStack> {
  const templatePath = `/${bucket}/${stackName}.template.json`;
  const body = Buffer.from(JSON.stringify(template));
  const uploaded = await send({ endpoint, service: 's3', method: 'PUT', path: templatePath, body });
  if (uploaded.status >= 300) throw new Error(`the template of ${stackName} was not taken (${uploaded.status}): ${uploaded.text}`);
  const cloudFormation = (parameters: Record<string, string>) => query(endpoint, 'cloudformation', { StackName: stackName, ...parameters });
  await cloudFormation({
    Action: 'CreateStack',
    TemplateURL: `${endpoint}${templatePath}`,
    'Capabilities.member.1': 'CAPABILITY_IAM',
    // What failed stays to be listed.
    DisableRollback: 'true',
  });

  const deadlineMs = Date.now() + STACK_TIMEOUT_MS;
  let description = await cloudFormation({ Action: 'DescribeStacks' });
  while (elements(description, 'StackStatus')[0]?.endsWith('_IN_PROGRESS')) {
    if (Date.now() > deadlineMs) throw new Error(`${stackName} is not created after ${STACK_TIMEOUT_MS / 1000} s`);
    await sleep(100);
    description = await cloudFormation({ Action: 'DescribeStacks' });
  }
  const listing = await cloudFormation({ Action: 'DescribeStackResources' });
  const created = elements(listing, 'member').map((member) => ({
    logicalId: elements(member, 'LogicalResourceId')[0] ?? '',
    physicalId: elements(member, 'PhysicalResourceId')[0] ?? '',
    status: elements(member, 'ResourceStatus')[0] ?? '',
    reason: elements(member, 'ResourceStatusReason')[0] ?? '',
  }));
  const failed = created.filter(({ status }) => status !== 'CREATE_COMPLETE');
  const missing = Object.keys(template.Resources).filter((logicalId) => !created.some((resource) => resource.logicalId === logicalId));
  const status = elements(description, 'StackStatus')[0];
  if (status !== 'CREATE_COMPLETE' || failed.length > 0 || missing.length > 0) {
    const lines = [
      ...failed.map(({ logicalId, status: resourceStatus, reason }) => `  ${logicalId}: ${resourceStatus} ${reason}`),
      ...missing.map((logicalId) => `  ${logicalId}: not created`),
    ];
    throw new Error(`${stackName}: ${status} ${elements(description, 'StackStatusReason')[0] ?? ''}\n${lines.join('\n')}`);
  }
  const outputs = elements(description, 'member').flatMap((member) => {
    const [key, value] = [elements(member, 'OutputKey')[0], elements(member, 'OutputValue')[0]];
    return key && value !== undefined ? [[key, value] as const] : [];
  });
  return {
    outputs: Object.fromEntries(outputs),
    resources: new Map(created.map(({ logicalId, physicalId }) => [logicalId, physicalId])),
  };
}
