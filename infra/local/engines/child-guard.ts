import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Reads `+PID` and `-PID` lines and kills what is left when its input ends. A stopped process cannot see that its parent is gone, and
 * nobody else would ever wake or end it.
 */
const WARDEN_SCRIPT = `trap '' INT TERM HUP
pids=' '
while read -r line; do
  pid=\${line#?}
  case $line in
    +*) pids="$pids$pid " ;;
    -*) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -9 "$pid" 2>/dev/null; done`;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Children of every guard in this process: a signal or the end of this process ends them all. */
const living = new Set<ChildProcess>();

function killAll(): void {
  for (const child of living) child.kill('SIGKILL');
}

function onSignal(signal: NodeJS.Signals): void {
  killAll();
  // With a listener Node no longer dies of the signal. Where ours is the only one, that is put right.
  if (process.listenerCount(signal) > 1) return;
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}

function watchProcess(): void {
  process.on('exit', killAll);
  for (const signal of SIGNALS) process.on(signal, onSignal);
}

function unwatchProcess(): void {
  process.off('exit', killAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

/**
 * Sees to it that no child outlives this process, also when it ends by a signal, by SIGKILL, or while the child is stopped. The warden
 * is a small shell; where there is none (Windows), a child ends by its standard input alone.
 */
export class ChildGuard {
  #warden: ChildProcess | undefined;
  readonly #children = new Set<ChildProcess>();

  /** Watches a child until it ends. */
  add(child: ChildProcess): void {
    if (child.pid === undefined) return;
    if (living.size === 0) watchProcess();
    living.add(child);
    this.#children.add(child);
    this.#tell(`+${child.pid}`);
    child.once('exit', () => {
      living.delete(child);
      this.#children.delete(child);
      this.#tell(`-${child.pid}`);
      if (living.size === 0) unwatchProcess();
    });
  }

  /** Ends every child of this guard, also stopped ones, and waits until they are gone. */
  async stop(): Promise<void> {
    const gone = [...this.#children].map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all(gone);
    const warden = this.#warden;
    this.#warden = undefined;
    if (warden === undefined || warden.exitCode !== null) return;
    const ended = new Promise((resolve) => warden.once('exit', resolve));
    warden.ref();
    warden.stdin?.end();
    await ended;
  }

  #tell(line: string): void {
    if (process.platform === 'win32') return;
    if (this.#warden === undefined) {
      if (line.startsWith('-')) return;
      const warden = spawn('/bin/sh', ['-c', WARDEN_SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'] });
      this.#warden = warden;
      warden.unref();
      const forget = (): void => {
        if (this.#warden === warden) this.#warden = undefined;
      };
      // Without a shell the children still end by their standard input and by the handlers above.
      warden.on('error', forget);
      warden.on('exit', forget);
      warden.stdin?.on('error', forget);
    }
    this.#warden?.stdin?.write(`${line}\n`);
  }
}
