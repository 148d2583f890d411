import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const START = new URL('../../../infra/local/start.ts', import.meta.url).pathname;

const CLI = new URL('../../../infra/cli/main.ts', import.meta.url).pathname;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `npm start` without npm: processes whose home and cache are in a folder. */
export function startIn(folder: string) {
  const environment = (variables: Readonly<Record<string, string>>) => ({
    PATH: process.env['PATH'],
    HOME: folder,
    XDG_CACHE_HOME: join(folder, 'cache'),
    ...variables,
  });
  const start = (args: readonly string[], variables: Readonly<Record<string, string>> = {}): ChildProcess =>
    spawn(process.execPath, [START, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: environment(variables) });
  const run = (args: readonly string[], variables?: Readonly<Record<string, string>>): Promise<Ended> => ended(start(args, variables));
  const runCli = (args: readonly string[]): Promise<Ended> =>
    ended(spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: environment({}) }));
  return { start, run, runCli };
}

async function ended(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** Some six times what the longest of these takes on two busy cores. */
const HEAR_MAX_MS = 40_000;

/** Follows what a process says, until it ends. */
export function listen(child: ChildProcess) {
  const end = ended(child);
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  return {
    end,
    /** Resolves when the pattern was said so many times; throws with all that was said when the process ends before, or says it too late. */
    async hear(pattern: RegExp, times = 1): Promise<void> {
      const untilMs = performance.now() + HEAR_MAX_MS;
      while ((output.match(new RegExp(pattern, 'g')) ?? []).length < times) {
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} before it said ${pattern}:\n${output}`);
        if (performance.now() > untilMs) throw new Error(`did not say ${pattern} within ${HEAR_MAX_MS / 1000} s:\n${output}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

/** Processes whose parents lead to this one, by Linux's process table. */
export function processesBelow(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...processesBelow(child)]);
}

export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
