import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { parseServeArguments, USAGE, UsageError } from './arguments.ts';
import { PortInUseError } from './one-port.ts';
import { ScenarioError } from './scenario/scenario.ts';
import { type SafeDepStandIn, startSafeDepStandIn } from './stand-in.ts';

/** Where the sentences go, and what ends the server. Of the process, unless a test says otherwise. */
export interface ServeSurroundings {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  /** Resolves with the signal that asks to end. */
  readonly ended: Promise<string>;
}

/**
 * Runs the stand-in until it is told to end, and says on standard output how to reach it.
 *
 * @returns the exit code: 0 after SIGTERM, 130 after SIGINT, 3 for wrong options, a scenario that cannot be read or a port in use.
 */
export async function serve(args: readonly string[], { out, err, ended }: ServeSurroundings): Promise<number> {
  if (args.includes('--help')) {
    out(USAGE);
    return 0;
  }
  let standIn: SafeDepStandIn;
  try {
    standIn = await startSafeDepStandIn(parseServeArguments(args));
  } catch (error) {
    if (error instanceof UsageError) err(`safedep serve: ${error.message}\n\n${USAGE}`);
    else if (error instanceof ScenarioError || error instanceof PortInUseError) err(`safedep serve: ${error.message}`);
    else throw error;
    return 3;
  }
  for (const line of describe(standIn)) out(line);
  const signal = await ended;
  const { total, maxInAnySecond, longestStallMs, cpuMicroseconds } = standIn.calls();
  await standIn.close();
  const cpuPerCall = total === 0 ? 0 : Math.round(cpuMicroseconds / total);
  out(
    `${total} calls, at most ${maxInAnySecond} in any second; longest stall ${longestStallMs} ms; ${cpuPerCall} us of processor time a call`,
  );
  return signal === 'SIGINT' ? 130 : 0;
}

/** One `NAME=value` a line, so that a shell can read them: `export $(... | grep =)`. */
function describe(standIn: SafeDepStandIn): string[] {
  const { identityProvider } = standIn;
  return [
    'SafeDep stand-in: everything it answers is made up.',
    `What it is asked: ${standIn.url}/ in a browser, or npm run cli -- safedep calls --url ${standIn.url}`,
    '',
    'Lines to paste:',
    `SAFEDEP_DATA_PLANE_URL=${standIn.url}`,
    `SAFEDEP_CONTROL_PLANE_URL=${standIn.controlPlaneUrl}`,
    `SAFEDEP_COMMUNITY_URL=${standIn.communityUrl}`,
    `SAFEDEP_API_KEY=${standIn.apiKey}`,
    `SAFEDEP_TENANT_ID=${standIn.tenantId}`,
    ...(identityProvider ? [`SAFEDEP_ISSUER=${identityProvider.issuer}`, `SAFEDEP_CLIENT_ID=${identityProvider.clientId}`] : []),
    '',
    `A sign-in, good for a day${identityProvider ? '; without this line npm run cli -- auth login makes one' : ''}:`,
    `SAFEDEP_ACCESS_TOKEN=${standIn.accessToken}`,
    '',
    'Ready; Ctrl-C ends it.',
  ];
}

/** Standard output and error of this process, and its first SIGINT or SIGTERM. */
export function ofThisProcess(args: readonly string[]): ServeSurroundings {
  const untilInputEnds = args.includes('--until-input-ends');
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    ended: Promise.race([
      once(process, 'SIGINT').then(() => 'SIGINT'),
      once(process, 'SIGTERM').then(() => 'SIGTERM'),
      ...(untilInputEnds ? [once(process.stdin.resume(), 'end').then(() => 'end of input')] : []),
    ]),
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const args = process.argv.slice(2);
  process.exitCode = await serve(args, ofThisProcess(args));
}
