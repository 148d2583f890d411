import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { REPOSITORY_ROOT } from '../../infra/aws/content-digest.ts';

/** An AWS emulator in Python that deploys whole templates, runs the bundles and judges every call by the role's policies. */

const MINISTACK_VERSION = '1.5.33';
const PYTHON_MINIMUM = [3, 10] as const;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5_000;

export class PythonMissingError extends Error {
  override readonly name = 'PythonMissingError';
}

const run = promisify(execFile);

/** Path of the emulator's command in `.venv`, installed there when it is missing or of another version. */
export async function installMinistack(say: (line: string) => void): Promise<string> {
  const folder = join(REPOSITORY_ROOT, '.venv');
  const command = join(folder, 'bin', 'ministack');
  if (existsSync(command) && (await installedVersion(folder)) === MINISTACK_VERSION) return command;
  const python = await findPython();
  say(`installing ministack ${MINISTACK_VERSION} into .venv, once`);
  await run(python, ['-m', 'venv', folder]).catch((error: { stderr?: string }) => {
    throw new PythonMissingError(
      `npm run test:aws needs Python's venv module: ${error.stderr?.trim().split('\n')[0] ?? 'python -m venv failed'}`,
    );
  });
  await run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', `ministack==${MINISTACK_VERSION}`]);
  return command;
}

async function installedVersion(folder: string): Promise<string | undefined> {
  const script = "from importlib.metadata import version; print(version('ministack'))";
  // A damaged or half-made environment is made again.
  const answer = await run(join(folder, 'bin', 'python'), ['-c', script]).catch(() => undefined);
  return answer?.stdout.trim();
}

async function findPython(): Promise<string> {
  const script = 'import sys; print(*sys.version_info[:2])';
  for (const python of ['python3', 'python']) {
    const answer = await run(python, ['-c', script]).catch(() => undefined);
    const [major = 0, minor = 0] = answer?.stdout.trim().split(' ').map(Number) ?? [];
    if (major === PYTHON_MINIMUM[0] && minor >= PYTHON_MINIMUM[1]) return python;
  }
  throw new PythonMissingError(`npm run test:aws needs Python ${PYTHON_MINIMUM.join('.')} or newer, and found none as python3 or python`);
}

export interface Ministack {
  readonly endpoint: string;
  readonly port: number;
  /** What the emulator has written so far: its own refusals stand here too. */
  log(): Promise<string>;
  /** Ends it and everything that it started, and removes what it wrote. */
  stop(): Promise<void>;
}

/** Starts it on a free port of the loopback interface, with the functions' rights enforced and Node 24 for the functions. */
export async function startMinistack(command: string): Promise<Ministack> {
  const folder = await mkdtemp(join(tmpdir(), 'safedep-watch-ministack-'));
  const port = await freePort();
  const logPath = join(folder, 'ministack.log');
  const logFile = await open(logPath, 'w');
  const child = spawn(command, [], {
    cwd: folder,
    // A group of its own, so that stopping it reaches the functions' processes too.
    detached: true,
    stdio: ['ignore', logFile.fd, logFile.fd],
    env: {
      PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
      HOME: folder,
      TMPDIR: folder,
      // Only this very word switches it on.
      AUTH: 'true',
      GATEWAY_PORT: String(port),
      BIND_HOST: '127.0.0.1',
      S3_DATA_DIR: join(folder, 's3'),
    },
  });
  await logFile.close();
  const stop = async () => {
    await endGroup(child);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await waitForHealth(endpoint, child);
  } catch (error) {
    const text = await readFile(logPath, 'utf8');
    await stop();
    throw new Error(`${(error as Error).message}; its last lines:\n${text.trim().split('\n').slice(-10).join('\n')}`);
  }
  return { endpoint, port, stop, log: () => readFile(logPath, 'utf8') };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no free port on 127.0.0.1');
  return address.port;
}

async function waitForHealth(endpoint: string, child: ChildProcess): Promise<void> {
  const deadlineMs = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadlineMs) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('ministack ended at its start');
    const answer = await fetch(`${endpoint}/_ministack/health`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(100);
  }
  throw new Error(`ministack did not answer within ${START_TIMEOUT_MS / 1000} s`);
}

async function endGroup(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  const ended = new Promise((done) => child.once('exit', done));
  const isRunning = child.exitCode === null && child.signalCode === null;
  signalGroup(pid, 'SIGTERM');
  if (isRunning) await Promise.race([ended, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
  // Whoever of the group did not follow.
  signalGroup(pid, 'SIGKILL');
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
