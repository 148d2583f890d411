// Runs before every npm script: installs what is missing or changed, then stays out of the way. Plain JavaScript for
// Node 20, because it runs before anything is installed; all output on stderr, because stdout belongs to the script.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const markerPath = join(root, 'node_modules', '.installed-lock-digest');
const EXIT_USAGE = 3;

const major = Number(process.versions.node.split('.')[0]);
const bringsOwnNode = process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64');
const neededMajor = bringsOwnNode ? 20 : 24;

if (major < neededMajor) {
  fail(`safedep-watch needs Node ${neededMajor} or newer on ${process.platform}/${process.arch}; this is Node ${process.versions.node}.`);
}

const lockDigest = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');
if (!existsSync(markerPath) || readFileSync(markerPath, 'utf8') !== lockDigest) await install();

async function install() {
  const startedAtMs = Date.now();
  const isTerminal = process.stderr.isTTY;
  const line = () => `Installing packages, once (usually under a minute): ${Math.round((Date.now() - startedAtMs) / 1000)} s`;
  if (!isTerminal) process.stderr.write('Installing packages, once (usually under a minute).\n');
  const ticker = isTerminal ? setInterval(() => process.stderr.write(`\r\x1b[K${line()}`), 250) : undefined;

  const output = [];
  const code = await new Promise((resolve) => {
    // npm's own script names its command line; a bare `npm` is looked up on PATH.
    const npm = process.env.npm_execpath;
    const [command, args] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
    const child = spawn(command, [...args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32' && command === 'npm',
    });
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('error', (error) => {
      output.push(Buffer.from(error.message));
      resolve(1);
    });
    child.on('exit', (exitCode) => resolve(exitCode ?? 1));
  });
  if (ticker) clearInterval(ticker);
  if (isTerminal) process.stderr.write('\r\x1b[K');

  if (code !== 0) {
    process.stderr.write(Buffer.concat(output).toString());
    fail('Installing the packages failed (npm ci, above). Check the network and run the same command again.');
  }
  writeFileSync(markerPath, lockDigest);
  process.stderr.write(`Installed in ${Math.round((Date.now() - startedAtMs) / 1000)} s.\n`);
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(EXIT_USAGE);
}
