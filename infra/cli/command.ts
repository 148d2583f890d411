import { parseArgs } from 'node:util';
import { toTerminalText } from '../../shared/alerts/inert-text.ts';
import type { CallFailure } from '../../shared/safedep/calls.ts';

/** Exit codes, as of every command. */
const NOT_REACHABLE = 2;
const USAGE_OR_CONFIGURATION = 3;
const INTERRUPTED = 130;

/** What ends a command, as a sentence for the reader. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = USAGE_OR_CONFIGURATION) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A command line that cannot be meant; shown with the usage. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** SafeDep, its identity provider or AWS could not be asked. */
export function notReachable(sentence: string): CommandError {
  return new CommandError(sentence, NOT_REACHABLE);
}

/** Why AWS, or an engine in its place, did not do what a command asked of a table. */
export function awsReason({ name, message }: Error): string {
  const reason = name === 'ResourceNotFoundException' ? 'there is no table of that name in this account and region' : message;
  return toTerminalText(reason || name);
}

/** A failed call as the end of a command: what was asked, and why it did not work. */
export function callError(what: string, { kind, reason }: CallFailure): CommandError {
  const isTemporary = kind === 'retry' || kind === 'throttled' || kind === 'incompatible';
  const why = toTerminalText(reason).replace(/[….]+$/, (end) => (end.includes('…') ? '…' : ''));
  return new CommandError(`${what}: ${why}${why.endsWith('…') ? '' : '.'}`, isTemporary ? NOT_REACHABLE : USAGE_OR_CONFIGURATION);
}

/**
 * Runs what an operator asked for: `--help`, sentences instead of stack traces, and an end on Ctrl-C that waits until what must not
 * be cut (a rotated token on its way to the disk) is done. Resolves to the exit code.
 */
export async function runCommand(
  usage: string,
  args: readonly string[],
  command: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  process.once('SIGINT', interrupt);
  try {
    const code = await command(controller.signal);
    return controller.signal.aborted ? INTERRUPTED : code;
  } catch (error) {
    if (controller.signal.aborted) return error instanceof CommandError ? fail(INTERRUPTED, error.message) : INTERRUPTED;
    if (error instanceof UsageError) return fail(USAGE_OR_CONFIGURATION, `${error.message}\n\n${usage}`);
    if (error instanceof CommandError) return fail(error.exitCode, error.message);
    // A mistake of ours, for who will mend it.
    return fail(USAGE_OR_CONFIGURATION, error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    process.off('SIGINT', interrupt);
  }
}

function fail(code: number, sentence: string): number {
  process.stderr.write(`${sentence}\n`);
  return code;
}

/** Whole numbers of options, of nine digits at most. Throws `UsageError`. */
export function wholeNumber(text: string, option: string, max?: number): number {
  const number = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number <= (max ?? number)))
    throw new UsageError(`--${option} takes a whole number from 1 ${max === undefined ? 'on' : `to ${max}`}.`);
  return number;
}

/** `node:util`'s parser with its mistakes as `UsageError`. */
export const parseLine: typeof parseArgs = (config) => {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
};

/** Says something that is no result: on standard error. */
export function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

/** Characters of a line on the terminal that standard output is; `undefined` where it is none. One that does not say has 80. */
export function terminalWidth(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns || 80 : undefined;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
