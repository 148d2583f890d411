import { parseArgs } from 'node:util';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { cacheFolder } from '../local/answer-cache.ts';
import { findOnlyRunning, LOCAL_ACCESS } from '../local/running-pipeline.ts';

const USAGE = `usage: npm run cli -- rescan --due-before TIME [--function NAME]

Asks SafeDep again about every package version whose answer is due before TIME (RFC 3339, or "now"), and has the repositories
that use a changed one evaluated. No repository is read. Without --function the pipeline that npm start runs on this machine
is used; with it the function of that name in your AWS account, by your own AWS credentials.

Exit codes: 0 sent, 2 no pipeline or no answer, 3 usage`;

/** `cli rescan`: has the function `rescan` send what is due. Resolves to the exit code. */
export async function run(args: string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  let options: { 'due-before'?: string | undefined; function?: string | undefined };
  try {
    options = parseArgs({ args, options: { 'due-before': { type: 'string' }, function: { type: 'string' } } }).values;
  } catch (error) {
    return fail(3, `${(error as Error).message}\n\n${USAGE}`);
  }
  const time = options['due-before'];
  const dueBeforeMs = time === 'now' ? Date.now() : Date.parse(time ?? '');
  if (Number.isNaN(dueBeforeMs)) return fail(3, `--due-before takes a time such as 2026-01-31T12:00:00Z, or now.\n\n${USAGE}`);

  const target = options.function === undefined ? await localTarget() : { client: new LambdaClient({}), functionName: options.function };
  if (typeof target === 'string') return fail(2, target);
  try {
    const answer = await target.client.send(
      new InvokeCommand({ FunctionName: target.functionName, Payload: JSON.stringify({ dueBeforeMs }) }),
    );
    const payload = Buffer.from(answer.Payload ?? []).toString('utf8');
    if (answer.FunctionError) return fail(2, `The rescan failed: ${payload}`);
    const { sent, unused, more } = JSON.parse(payload) as { sent: number; unused: number; more: boolean };
    process.stdout.write(`${sent} package version(s) sent to be asked again; ${unused} that nobody uses any more left out.\n`);
    if (more) process.stdout.write('There is more than one run may send: run it again.\n');
    return 0;
  } catch (error) {
    return fail(2, `The function ${target.functionName} could not be invoked: ${(error as Error).message}`);
  } finally {
    target.client.destroy();
  }
}

async function localTarget(): Promise<{ client: LambdaClient; functionName: string } | string> {
  const only = await findOnlyRunning(cacheFolder(process.env), 'name a function of your AWS account with --function');
  if (typeof only === 'string') return only;
  const client = new LambdaClient({ ...LOCAL_ACCESS, endpoint: only.lambdaUrl });
  return { client, functionName: 'RescanFunction' };
}

function fail(code: number, sentence: string): number {
  process.stderr.write(`${sentence}\n`);
  return code;
}
