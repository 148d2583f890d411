import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { toTerminalText } from '../../shared/alerts/inert-text.ts';
import { createQueue } from '../../shared/aws/queue.ts';
import type { ReportRequest } from '../../shared/messages/queue-messages.ts';
import { createReportStore, listReportedRefs, type ReportedRef } from '../../shared/report/dynamodb.ts';
import { cacheFolder } from '../local/answer-cache.ts';
import { findOnlyRunning, LOCAL_ACCESS } from '../local/running-pipeline.ts';
import { awsReason, CommandError, notReachable, parseLine, runCommand, UsageError } from './command.ts';
import { describeReport, reportLines } from './describe-report.ts';

const USAGE = `usage: npm run cli -- report show [REPO] [--ref REF] [--json]
       npm run cli -- report resend REPO [--ref REF] [--all]

show says for every ref of every repository, or of REPO (its name: owner/name), when it was last reported to SafeDep, how much
of it, what is open and why it waits. resend has the newest scan of REPO reported again: what SafeDep was not told yet, or with
--all everything. Nothing is asked of SafeDep here: the report function takes the request from its queue.

The reports are those of the pipeline that npm start runs on this machine, or with --table NAME, and for resend --queue URL,
those of a deployed stack, by your own AWS credentials: its scans table and its reports queue.

Exit codes: 0 done, 2 no pipeline, no such repository or no answer, 3 usage`;

const OPTIONS = {
  ref: { type: 'string' },
  all: { type: 'boolean' },
  json: { type: 'boolean' },
  table: { type: 'string' },
  queue: { type: 'string' },
} as const;

/** `cli report`: shows how the reports stand, and has one sent again. Resolves to the exit code. */
export function run(args: string[]): Promise<number> {
  return runCommand(USAGE, args, async () => {
    const command = parseCommand(args);
    const target = await findTarget(command);
    try {
      await (command.verb === 'show' ? show(command, target) : resend(command, target));
    } catch (error) {
      throw error instanceof CommandError ? error : notReachable(`The reports could not be reached: ${awsReason(error as Error)}`);
    } finally {
      target.client.destroy();
      target.sqs.destroy();
    }
    return 0;
  });
}

interface Command {
  readonly verb: 'show' | 'resend';
  readonly repositoryName: string | undefined;
  readonly ref: string | undefined;
  readonly all: boolean;
  readonly json: boolean;
  readonly tableName: string | undefined;
  readonly queueUrl: string | undefined;
}

/** Throws `UsageError`. */
function parseCommand(args: string[]): Command {
  const { values, positionals } = parseLine({ args, allowPositionals: true, options: OPTIONS });
  const [verb, repositoryName, ...rest] = positionals;
  const { ref, all = false, json = false, table: tableName, queue: queueUrl } = values;
  if ((verb !== 'show' && verb !== 'resend') || rest.length > 0) throw new UsageError('report takes show or resend, and one repository.');
  if (verb === 'resend') {
    if (repositoryName === undefined) throw new UsageError('resend takes the name of a repository, as report show prints it.');
    if (json) throw new UsageError('--json goes with show.');
    if ((tableName === undefined) !== (queueUrl === undefined)) throw new UsageError('resend takes --table and --queue together.');
  } else if (all || queueUrl !== undefined) throw new UsageError('show changes nothing: --all and --queue go with resend.');
  for (const [name, value] of Object.entries({ table: tableName, queue: queueUrl, ref }))
    if (value === '') throw new UsageError(`--${name} is empty.`);
  return { verb, repositoryName, ref, all, json, tableName, queueUrl };
}

interface Target {
  readonly client: DynamoDBClient;
  readonly sqs: SQSClient;
  readonly scansTableName: string;
  readonly reportsQueueUrl: string;
}

/** Throws `CommandError` where no pipeline, or more than one, runs on this machine. */
async function findTarget({ tableName, queueUrl }: Command): Promise<Target> {
  if (tableName !== undefined) {
    return { client: new DynamoDBClient({}), sqs: new SQSClient({}), scansTableName: tableName, reportsQueueUrl: queueUrl ?? '' };
  }
  const only = await findOnlyRunning(cacheFolder(process.env), 'name the table of your AWS account with --table');
  if (typeof only === 'string') throw notReachable(only);
  return {
    client: new DynamoDBClient({ ...LOCAL_ACCESS, endpoint: only.dynamoDbUrl }),
    sqs: new SQSClient({ ...LOCAL_ACCESS, endpoint: only.sqsUrl }),
    scansTableName: only.scansTableName,
    reportsQueueUrl: only.reportsQueueUrl,
  };
}

/** The refs that the command means, one at least where it names any. Throws `CommandError`. */
async function find({ repositoryName, ref }: Command, { client, scansTableName }: Target): Promise<ReportedRef[]> {
  const all = await listReportedRefs(client, scansTableName);
  const isMeant = (entry: ReportedRef): boolean =>
    (repositoryName === undefined || entry.repositoryName === repositoryName) &&
    (ref === undefined || entry.ref.ref === ref || entry.ref.ref === `refs/heads/${ref}`);
  const found = all.filter(isMeant);
  if (found.length === 0 && (repositoryName !== undefined || ref !== undefined)) {
    const what = [repositoryName, ref].filter((part) => part !== undefined).join(' ');
    throw notReachable(`No scan of ${toTerminalText(what)} is known; npm run cli -- report show lists those that are.`);
  }
  return found;
}

async function show(command: Command, target: Target): Promise<void> {
  const store = createReportStore(target.client, target.scansTableName);
  const reports = await Promise.all(
    (await find(command, target)).map(async (entry) => {
      const session = entry.state?.session;
      return describeReport(entry, session && (await store.readAcknowledged(entry.ref, session.id)), Date.now());
    }),
  );
  if (command.json) process.stdout.write(`${JSON.stringify({ version: 1, reports }, null, 2)}\n`);
  else if (reports.length === 0) process.stdout.write('Nothing was scanned yet.\n');
  else process.stdout.write(`${reports.map((report) => reportLines(report).map(toTerminalText).join('\n')).join('\n\n')}\n`);
}

async function resend(command: Command, target: Target): Promise<void> {
  const known = await find(command, target);
  const found = known.flatMap(({ ref, repositoryName, scan }) => (scan ? [{ ref, repositoryName, scan }] : []));
  if (found.length === 0) throw notReachable('Its scans are gone: push to it, and the next scan is reported.');
  const requests = found.map(
    ({ ref, repositoryName, scan }): ReportRequest => ({
      version: 1,
      kind: 'report',
      ref,
      repositoryName,
      generation: scan.generation,
      commit: scan.commit,
      ...(command.all ? { wholeAskedAtMs: Date.now() } : {}),
    }),
  );
  await createQueue(target.sqs, target.reportsQueueUrl).send(requests.map((request) => ({ body: JSON.stringify(request) })));
  const what = command.all ? 'all of it' : 'what SafeDep was not told yet';
  for (const { repositoryName, ref } of requests)
    process.stdout.write(`${toTerminalText(`${repositoryName} ${ref.ref}`)}: ${what} is on the queue to be reported.\n`);
}
