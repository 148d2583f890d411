import { endQuietlyOnClosedPipe } from '../local/terminal/screen.ts';
import { run as auth } from './auth.ts';
import { run as key } from './key.ts';
import { run as limit } from './limit.ts';
import { run as packages } from './packages.ts';
import { run as query } from './query.ts';
import { run as report } from './report.ts';
import { run as rescan } from './rescan.ts';
import { run as standIn } from './safedep-serve.ts';
import { run as settings } from './settings.ts';

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

const EXIT_USAGE = 3;

endQuietlyOnClosedPipe(process.stdout);

process.exitCode = await main(process.argv.slice(2));

async function main([command, ...args]: string[]): Promise<number> {
  switch (command) {
    case 'auth':
      return auth(args);
    case 'key':
      return key(args);
    case 'limit':
      return limit(args);
    case 'packages':
      return packages(args);
    case 'query':
      return query(args);
    case 'report':
      return report(args);
    case 'rescan':
      return rescan(args);
    case 'settings':
      return settings(args);
    case 'safedep':
      return standIn(args);
    case '--help':
    case undefined:
      process.stdout.write(`${USAGE}\n`);
      return command === undefined ? EXIT_USAGE : 0;
  }
  process.stderr.write(`There is no command ${[command, args[0]].filter(Boolean).join(' ')}.\n\n${USAGE}\n`);
  return EXIT_USAGE;
}
