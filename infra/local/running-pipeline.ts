import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How the operator's commands find a pipeline that `npm start` runs: a small file for each, in the user's cache folder. */
export interface RunningPipeline {
  readonly pid: number;
  /** Serves Lambda's Invoke. */
  readonly lambdaUrl: string;
  /** Serves DynamoDB, with the tables that operators read and write. */
  readonly dynamoDbUrl: string;
  readonly rateLimitsTableName: string;
  readonly settingsTableName: string;
  readonly scansTableName: string;
  /** Serves SQS. */
  readonly sqsUrl: string;
  readonly reportsQueueUrl: string;
  readonly repositories: readonly string[];
}

/** What an AWS SDK client needs beside the address of an engine. */
export const LOCAL_ACCESS = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };

function folderOf(cacheFolder: string): string {
  return join(cacheFolder, 'running');
}

/** Says that this pipeline runs; the returned function takes it back. */
export async function announce(cacheFolder: string, running: RunningPipeline): Promise<() => Promise<void>> {
  const path = join(folderOf(cacheFolder), `${running.pid}.json`);
  await mkdir(folderOf(cacheFolder), { recursive: true });
  await writeFile(path, JSON.stringify(running), { mode: 0o600 });
  return () => rm(path, { force: true });
}

/** The pipelines whose processes are alive. What a killed one left behind is removed. */
async function findRunning(cacheFolder: string): Promise<RunningPipeline[]> {
  const folder = folderOf(cacheFolder);
  const names = await readdir(folder).catch(() => []);
  const found: RunningPipeline[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const running = await readFile(path, 'utf8').then(
      (text) => JSON.parse(text) as RunningPipeline,
      () => undefined, // it ended while we looked
    );
    if (running && isAlive(running.pid)) found.push(running);
    else await rm(path, { force: true });
  }
  return found;
}

/** The one pipeline that runs on this machine, or the sentence that says why there is not one; `otherwise` is what else can be done. */
export async function findOnlyRunning(cacheFolder: string, otherwise: string): Promise<RunningPipeline | string> {
  const running = await findRunning(cacheFolder);
  const [only] = running;
  if (!only) return `No pipeline runs on this machine; start one with npm start, or ${otherwise}.`;
  if (running.length === 1) return only;
  return `${running.length} pipelines run on this machine (processes ${running.map(({ pid }) => pid).join(', ')}); end all but one.`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
