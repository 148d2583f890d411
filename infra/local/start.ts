import { SettingsError } from '../../shared/model/settings/settings.ts';
import { PortInUseError } from './engines/loopback-server.ts';
import { EXIT, HELP, parseOptions, UsageError } from './options.ts';
import { UnreachableError } from './safedep-source.ts';
import { run } from './scan/run.ts';
import { createScreen, endQuietlyOnClosedPipe } from './terminal/screen.ts';
import { RepositoryError } from './watch/resolve-repository.ts';

/** `npm start`: reads the command line, runs, and turns what went wrong into one sentence and an exit code. */

/** What a person can do something about: one sentence, no stack trace. */
const FOR_THE_READER = [UsageError, SettingsError, RepositoryError, PortInUseError] as const;

// Whoever stops listening ends the run: what was not found out by then is not known, and no success.
for (const stream of [process.stdout, process.stderr]) endQuietlyOnClosedPipe(stream, EXIT.incomplete);
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupt.abort(new Error(signal)));

process.exitCode = await main();
// What was written to a pipe must have left before the process ends.
await new Promise((resolve) => process.stdout.write('', resolve));
// Nothing may keep the process: what was started is ended, and a hanging socket is no reason to stay.
process.exit();

async function main(): Promise<number> {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options === 'help') {
      process.stdout.write(HELP);
      return EXIT.accepted;
    }
    return await run(options, {
      screen: createScreen(options.json ? process.stderr : process.stdout, Date.now),
      writeDocument: (text) => process.stdout.write(text),
      variables: process.env,
      signal: interrupt.signal,
      nowMs: Date.now,
    });
  } catch (error) {
    if (interrupt.signal.aborted) return EXIT.interrupted;
    if (error instanceof UnreachableError) {
      process.stderr.write(`${error.message}\n`);
      return EXIT.incomplete;
    }
    const isForReader = FOR_THE_READER.some((kind) => error instanceof kind);
    process.stderr.write(
      isForReader
        ? `${(error as Error).message}\n`
        : `safedep-watch failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    return EXIT.usage;
  }
}
