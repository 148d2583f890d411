import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { toTerminalText } from '../../shared/alerts/inert-text.ts';
import { createSettingsReader, type SettingsReader } from '../../shared/aws/settings.ts';
import { dynamoLimitStore, listLimits } from '../../shared/rate-limit/dynamodb.ts';
import { type LimitScope, PLANES, parseLimitKey } from '../../shared/rate-limit/limit-key.ts';
import { emissionMicros, MICROS_PER_MS, planPacing, slotsPerSecond, type WindowLimit } from '../../shared/rate-limit/slots.ts';
import type { LimitState } from '../../shared/rate-limit/store.ts';
import { cacheFolder } from '../local/answer-cache.ts';
import { findOnlyRunning, LOCAL_ACCESS } from '../local/running-pipeline.ts';
import { awsReason, CommandError, notReachable, parseLine, runCommand, UsageError, wholeNumber } from './command.ts';
import { describeLimit, limitLines, nameOf, rateText, relativeText, windowsText, windowText } from './describe-limit.ts';

const USAGE = `usage: npm run cli -- limit show [WHICH] [--json]
       npm run cli -- limit set --requests N --per-seconds S [WHICH]
       npm run cli -- limit set --clear [WHICH]

All workers share one limit for each API key: show says how it stands; set gives it a policy, an operator's own limit of N
requests in any S seconds, which every worker obeys from its next lease on, within a second or two. The settings' limit goes on
to hold: a policy can lower what they allow, never raise it. --clear takes the policy back. Either one also ends a slow-down
that SafeDep's refusals brought about.

The limits are those of the pipeline that npm start runs on this machine, or with --table NAME those of a deployed stack, by your
own AWS credentials. Its settings are read with --settings-table NAME: without them the rate now is not known. The stack prints
both names, as RateLimitsTableName and SettingsTableName.

WHICH: --plane ${PLANES.join('|')}   --tenant NAME   --key ID (the key's digest, as show prints it)
set changes one limit: where there are several, say which.

Exit codes: 0 done, 2 no pipeline, no limit or no answer, 3 usage`;

/**
 * The slowest policy. A worker asks for at most 8 of its 15 seconds: were slots further apart, hardly one would come in time, and
 * look-ups would end without anybody having said so.
 */
const SPACING_MAX_SECONDS = 4;
/** Slots are booked so far ahead every day, by live work; further ahead lies what an operator should know of. */
const BOOKED_AHEAD_MS = 3_000;
/** A policy's write is refused only when somebody else changes the same limit. */
const WRITES_MAX = 5;

const OPTIONS = {
  plane: { type: 'string' },
  tenant: { type: 'string' },
  key: { type: 'string' },
  table: { type: 'string' },
  'settings-table': { type: 'string' },
  json: { type: 'boolean' },
  requests: { type: 'string' },
  'per-seconds': { type: 'string' },
  clear: { type: 'boolean' },
} as const;

/** `cli limit`: shows the shared limits and changes their policy. Resolves to the exit code. */
export function run(args: string[]): Promise<number> {
  return runCommand(USAGE, args, async () => {
    const command = parseCommand(args);
    const target = await findTarget(command);
    try {
      await (command.verb === 'show' ? show(command, target) : set(command, target));
    } catch (error) {
      throw error instanceof CommandError ? error : notReachable(`The limits could not be reached: ${awsReason(error as Error)}`);
    } finally {
      target.client.destroy();
    }
    return 0;
  });
}

interface Command {
  readonly verb: 'show' | 'set';
  readonly plane?: string | undefined;
  readonly tenant?: string | undefined;
  readonly keyId?: string | undefined;
  readonly tableName?: string | undefined;
  readonly settingsTableName?: string | undefined;
  readonly json: boolean;
  /** Absent: the policy is taken back. */
  readonly policy?: WindowLimit;
}

/** Throws `UsageError`. */
function parseCommand(args: string[]): Command {
  const { values, positionals } = parseLine({ args, allowPositionals: true, options: OPTIONS });
  const { plane, tenant, key, table, 'settings-table': settingsTable, json = false, clear = false } = values;
  const verb = positionals[0];
  if ((verb !== 'show' && verb !== 'set') || positionals.length > 1) throw new UsageError('limit takes show or set.');
  if (plane !== undefined && !PLANES.some((known) => known === plane)) throw new UsageError(`--plane is one of ${PLANES.join(', ')}.`);
  for (const [name, value] of Object.entries({ table, 'settings-table': settingsTable }))
    if (value === '') throw new UsageError(`--${name} takes the name of a table.`);
  if (settingsTable !== undefined && table === undefined) throw new UsageError('--settings-table goes with --table.');
  const which = { plane, tenant, keyId: key, tableName: table, settingsTableName: settingsTable, json };
  const hasNumbers = values.requests !== undefined || values['per-seconds'] !== undefined;
  if (verb === 'show') {
    if (hasNumbers || clear) throw new UsageError('show changes nothing: --requests, --per-seconds and --clear go with set.');
    return { verb, ...which };
  }
  if (json) throw new UsageError('--json goes with show.');
  if (clear === hasNumbers) throw new UsageError('set takes either --requests N --per-seconds S, or --clear.');
  if (clear) return { verb, ...which };
  const numberOf = (option: 'requests' | 'per-seconds') => wholeNumber(values[option] ?? '', option);
  const policy = { requests: numberOf('requests'), perSeconds: numberOf('per-seconds') };
  if (emissionMicros(policy) > SPACING_MAX_SECONDS * 1_000_000)
    throw new UsageError(
      `${windowText(policy)} is too slow: with slots more than ${SPACING_MAX_SECONDS} s apart hardly one comes before a worker's end, and nothing is looked up.`,
    );
  return { verb, ...which, policy };
}

interface Target {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  /** Absent where nobody said where the settings are. */
  readonly settings: SettingsReader | undefined;
  /** What to do where there is no limit yet. */
  readonly whenEmpty: string;
}

/** Throws `CommandError` where no pipeline, or more than one, runs on this machine. */
async function findTarget({ tableName, settingsTableName }: Command): Promise<Target> {
  if (tableName !== undefined) {
    const client = new DynamoDBClient({});
    const settings = settingsTableName === undefined ? undefined : createSettingsReader(client, settingsTableName, Date.now);
    return { client, tableName, settings, whenEmpty: 'The first worker that looks something up makes it.' };
  }
  const only = await findOnlyRunning(cacheFolder(process.env), 'name the table of your AWS account with --table');
  if (typeof only === 'string') throw notReachable(only);
  const client = new DynamoDBClient({
    ...LOCAL_ACCESS,
    endpoint: only.dynamoDbUrl,
  });
  const settings = createSettingsReader(client, only.settingsTableName, Date.now);
  return { client, tableName: only.rateLimitsTableName, settings, whenEmpty: 'npm start makes it before the first look-up.' };
}

interface FoundLimit {
  readonly key: string;
  readonly scope: LimitScope;
  readonly state: LimitState;
}

/** The limits that the command means, one at least. Throws `CommandError`. */
async function find({ plane, tenant, keyId }: Command, { client, tableName, whenEmpty }: Target): Promise<FoundLimit[]> {
  const all = (await listLimits(client, tableName)).flatMap(({ key, state }) => {
    const scope = parseLimitKey(key);
    return scope ? [{ key, scope, state }] : [];
  });
  if (all.length === 0) throw notReachable(`The table ${tableName} has no limit yet. ${whenEmpty}`);
  const found = all.filter(
    ({ scope }) =>
      (plane === undefined || scope.plane === plane) &&
      (tenant === undefined || scope.tenant === tenant) &&
      (keyId === undefined || scope.keyId === keyId),
  );
  if (found.length === 0) throw notReachable(`There is no such limit, only: ${namesOf(all)}.`);
  return found;
}

function namesOf(limits: readonly FoundLimit[]): string {
  return limits.map(({ scope }) => toTerminalText(nameOf(scope))).join('; ');
}

async function settingsLimit({ tenant, plane }: LimitScope, { settings }: Target): Promise<readonly WindowLimit[] | undefined> {
  if (!settings) return undefined;
  try {
    const { limits } = await settings.read(tenant);
    return { data: limits.dataPlane, control: limits.controlPlane, community: limits.community }[plane];
  } catch (error) {
    throw notReachable(
      `The settings could not be read: ${awsReason(error as Error)}. With --table alone the limits are shown and set without them; nothing was changed.`,
    );
  }
}

async function show(command: Command, target: Target): Promise<void> {
  const limits = await Promise.all(
    (await find(command, target)).map(async ({ scope, state }) =>
      describeLimit(scope, state, await settingsLimit(scope, target), Date.now()),
    ),
  );
  if (command.json) process.stdout.write(`${JSON.stringify({ version: 1, limits }, null, 2)}\n`);
  else process.stdout.write(`${limits.map((limit) => limitLines(limit).map(toTerminalText).join('\n')).join('\n\n')}\n`);
}

async function set(command: Command, target: Target): Promise<void> {
  const found = await find(command, target);
  const [only] = found;
  if (!only || found.length > 1)
    throw notReachable(`${found.length} limits are meant; say which with --plane, --tenant and --key: ${namesOf(found)}.`);
  const { policy } = command;
  const allowed = await settingsLimit(only.scope, target);
  const before = await writePolicy(only, policy && emissionMicros(policy), target);
  const name = toTerminalText(nameOf(only.scope));
  process.stdout.write(
    policy
      ? `The policy of ${name} is ${windowText(policy)}, paced at ${rateText(slotsPerSecond(emissionMicros(policy)))}, from each worker's next lease on. ${besideSettings(policy, allowed)}\n`
      : `${name} has no policy: from each worker's next lease on the settings alone decide${allowed ? `, ${windowsText(allowed)}` : ''}.\n`,
  );
  if (before.slowdown) process.stdout.write('The slow-down after refusals is forgotten.\n');
  const nextSlotInMs = before.nextSlotMicros / MICROS_PER_MS - Date.now();
  if (nextSlotInMs > BOOKED_AHEAD_MS)
    process.stdout.write(
      `What is booked stays booked, and a pause that SafeDep asked for goes on: the next slot is ${relativeText(nextSlotInMs)}.\n`,
    );
}

/** What a policy is worth beside the settings: it can only lower what they allow. */
function besideSettings(policy: WindowLimit, allowed: readonly WindowLimit[] | undefined): string {
  if (!allowed) return 'Where the settings allow less they go on to hold: a policy can only lower them.';
  if (emissionMicros(policy) > planPacing(allowed).spacingMicros) return `The settings would allow ${windowsText(allowed)}.`;
  return `It changes nothing now: the settings allow no more than ${windowsText(allowed)}, and a policy can only lower that.`;
}

/** Resolves to the state that the policy was written over. Throws `CommandError` where others keep changing it. */
async function writePolicy(
  { key, scope, state }: FoundLimit,
  policySpacingMicros: number | undefined,
  { client, tableName }: Target,
): Promise<LimitState> {
  const store = dynamoLimitStore(client, tableName);
  let known = state;
  for (let attempt = 0; attempt < WRITES_MAX; attempt += 1) {
    const result = await store.write(key, {
      kind: 'set-policy',
      version: known.version,
      ...(policySpacingMicros === undefined ? {} : { policySpacingMicros }),
    });
    if (result.applied) return result.before ?? known;
    if (!result.current) throw notReachable(`The limit of ${toTerminalText(nameOf(scope))} was deleted meanwhile; nothing was changed.`);
    known = result.current;
  }
  throw notReachable(`The limit of ${toTerminalText(nameOf(scope))} is being changed by others all the time; try again.`);
}
