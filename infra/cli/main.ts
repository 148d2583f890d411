import { endQuietlyOnClosedPipe } from '../local/terminal/screen.ts';

/** `npm run cli -- COMMAND …`: what an operator does by hand. Each command resolves to its exit code. */

const USAGE = `usage: npm run cli -- COMMAND [ARGUMENTS]

  auth login|status|verify|... sign in to SafeDep, for yourself or for a deployed stack, and see whether it works
  key create|list|rotate|...   the tenant's API keys
  limit show|set               how the shared rate limit stands; lower it, or take that back
  packages FILE|FOLDER...      what safedep-watch reads from lock files and SBOMs
  query "SQL" | --schema       ask SafeDep what it knows of your tenant
  report show|resend           what SafeDep was told of each repository, and why it waits; tell it again
  rescan --due-before TIME     ask SafeDep again about what is due, without reading any repository
  settings check|apply FILE    check a settings document, or write it to a deployed stack
  safedep serve|calls          a stand-in for SafeDep on this machine, with made-up answers; what it was asked

Every command has --help. Exit codes: 0 done, 2 incomplete or not reachable, 3 usage`;

/** Each is loaded when it is asked for: most need a room or two of the house. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  auth: () => import('./auth.ts'),
  key: () => import('./key.ts'),
  limit: () => import('./limit.ts'),
  packages: () => import('./packages.ts'),
  query: () => import('./query.ts'),
  report: () => import('./report.ts'),
  rescan: () => import('./rescan.ts'),
  safedep: () => import('./safedep.ts'),
  settings: () => import('./settings.ts'),
};

const EXIT_USAGE = 3;

endQuietlyOnClosedPipe(process.stdout);

process.exitCode = await main(process.argv.slice(2));

interface Command {
  /** Resolves to the exit code. */
  run(args: string[]): Promise<number>;
}

async function main([name = '', ...args]: string[]): Promise<number> {
  if (Object.hasOwn(COMMANDS, name)) return (await COMMANDS[name]?.())?.run(args) ?? EXIT_USAGE;
  if (name === '' || name === '--help') {
    process.stdout.write(`${USAGE}\n`);
    return name === '' ? EXIT_USAGE : 0;
  }
  process.stderr.write(`There is no command ${[name, args[0]].filter(Boolean).join(' ')}.\n\n${USAGE}\n`);
  return EXIT_USAGE;
}
