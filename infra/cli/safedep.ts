import { showCalls } from '../local/safedep/calls-command.ts';
import { ofThisProcess, serve } from '../local/safedep/serve.ts';

const USAGE = `usage: npm run cli -- safedep COMMAND

  serve --port N   the SafeDep stand-in alone, until Ctrl-C: address, key, tenant, sign-in
  calls [--url U]  what a running one was asked

Each has --help.`;

const OUTPUT = {
  out: (line: string) => void process.stdout.write(`${line}\n`),
  err: (line: string) => void process.stderr.write(`${line}\n`),
};

/** `cli safedep serve|calls …`. Resolves with the exit code. */
export async function run([command, ...args]: string[]): Promise<number> {
  switch (command) {
    case 'serve':
      return serve(args, ofThisProcess(args));
    case 'calls':
      return showCalls(args, OUTPUT, process.env);
    case '--help':
      OUTPUT.out(USAGE);
      return 0;
    default:
      OUTPUT.err(`safedep: ${command === undefined ? 'a command is missing' : `there is no ${command}`}\n\n${USAGE}`);
      return 3;
  }
}
