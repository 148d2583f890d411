import { setTimeout as sleep } from 'node:timers/promises';
import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import { cacheFolder, createAnswerCache } from '../answer-cache.ts';
import { serveLambdaApi } from '../engines/lambda-api.ts';
import { EXIT, type ExitCode } from '../options.ts';
import { announce } from '../running-pipeline.ts';
import { count, describeResult, shortRef } from '../terminal/describe-result.ts';
import { type LocalPush, watchRepositories } from '../watch/watch-repositories.ts';
import { followPush } from './follow-push.ts';
import { aborted, type Run } from './run-state.ts';

/** Ctrl-C is answered at once; the answers of thousands of packages are written within this time. */
const KEEP_AT_END_MAX_MS = 2_000;

/** Scans every commit as it comes, until it is interrupted. */
export async function keepWatching(run: Run): Promise<ExitCode> {
  const cache = createAnswerCache(cacheFolder(run.variables), run.safedep.cacheName, run.pipeline.client, run.pipeline.insightsTableName);
  const kept = await cache.load();
  if (kept > 0) run.screen.line(`${run.screen.paint('bold', 'cache'.padEnd(9))} ${count(kept, 'answer')} kept from earlier starts`);
  const lambdaApi = await serveLambdaApi(run.pipeline.engines);
  const variables = run.pipeline.engines.environmentOf('WorkerFunction');
  const withdraw = await announce(cacheFolder(run.variables), {
    pid: process.pid,
    lambdaUrl: lambdaApi.url,
    dynamoDbUrl: run.pipeline.engines.endpoints.dynamodb,
    rateLimitsTableName: variables['RATE_LIMITS_TABLE_NAME'] ?? '',
    settingsTableName: variables['SETTINGS_TABLE_NAME'] ?? '',
    scansTableName: variables['SCANS_TABLE_NAME'] ?? '',
    sqsUrl: run.pipeline.engines.endpoints.sqs,
    reportsQueueUrl: run.pipeline.engines.queueUrl('ReportsQueue'),
    repositories: run.repositories.map(({ name }) => name),
  }).catch((error: unknown) => {
    run.screen.line(`The cache folder cannot be written: npm run cli will not find this pipeline (${messageOf(error)}).`);
    return async () => undefined;
  });
  let isKeeping = true;
  let hasEnded = false;
  const save = async (): Promise<void> => {
    if (isKeeping)
      await cache.save().catch((error: unknown) => {
        isKeeping = false;
        if (!hasEnded)
          run.screen.line(`The cache folder cannot be written: answers are not kept for the next start (${messageOf(error)}).`);
      });
  };
  // One after the other: they write the same file.
  let saving = Promise.resolve();
  const keep = (): Promise<void> => {
    saving = saving.then(save);
    return saving;
  };
  const following = new Map<string, AbortController>();
  const watching = watchRepositories(run.repositories, {
    webhookUrl: run.pipeline.webhookUrl,
    secret: run.pipeline.webhookSecret,
    onPush: (push) => {
      const key = `${push.repository.repositoryId} ${push.ref}`;
      following.get(key)?.abort();
      const stop = new AbortController();
      following.set(key, stop);
      void showPush(push, AbortSignal.any([run.signal, stop.signal]), keep, run);
    },
    onProblem: (_, sentence) => run.screen.line(toTerminalText(sentence)),
  });
  run.screen.line(`Ctrl-C ends it; every new commit is scanned as it comes.`);
  await aborted(run.signal).catch(() => undefined);
  // What an interrupted scan has learned is kept too: with the keyless host that may be minutes of asking.
  const keptAtEnd = Promise.race([keep(), sleep(KEEP_AT_END_MAX_MS, undefined, { ref: false })]);
  await Promise.all([watching.close(), withdraw(), lambdaApi.close(), keptAtEnd]);
  hasEnded = true;
  return EXIT.interrupted;
}

async function showPush(push: LocalPush, signal: AbortSignal, keep: () => Promise<void>, run: Run): Promise<void> {
  try {
    const result = await followPush(push, signal, run);
    if (result === 'overtaken') {
      run.screen.line(`${toTerminalText(push.repository.name)} ${shortRef(push.ref)}: overtaken by a newer push`);
      return;
    }
    for (const line of describeResult(result, (run.nowMs() - push.seenAtMs) / 1000, run.safedep.answers, run.screen.paint))
      run.screen.line(line);
    await keep();
  } catch (error) {
    if (signal.aborted) return; // a newer push, or the end
    run.screen.line(`${toTerminalText(push.repository.name)} ${shortRef(push.ref)}: ${messageOf(error)}`);
  }
}

const messageOf = (error: unknown): string => toTerminalText(error instanceof Error ? error.message : String(error));
