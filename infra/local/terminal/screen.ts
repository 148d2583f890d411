import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** What a person sees: plain lines on a pipe; on a terminal colour, and a last line that is written over. */
export interface Screen {
  line(text: string): void;
  /** Replaces the last progress; on a pipe it is written at most every few seconds. */
  progress(text: string): void;
  /** Takes the progress line away. */
  clearProgress(): void;
  paint(style: Style, text: string): string;
}

/** On a pipe, progress is a line of its own: one in five seconds is enough to see that something happens. */
const PIPE_PROGRESS_EVERY_MS = 5_000;

export function createScreen(stream: NodeJS.WriteStream, nowMs: () => number): Screen {
  const isTerminal = stream.isTTY === true;
  let hasProgress = false;
  let nextPipeProgressMs = nowMs() + PIPE_PROGRESS_EVERY_MS;
  const clearProgress = (): void => {
    if (hasProgress) stream.write('\r\x1b[K');
    hasProgress = false;
  };
  return {
    line(text) {
      clearProgress();
      stream.write(`${text}\n`);
    },
    progress(text) {
      if (isTerminal) {
        const columns = (stream as WriteStream).columns || 80;
        const shown = Array.from(text)
          .slice(0, columns - 1)
          .join('');
        stream.write(`\r\x1b[K${shown}`);
        hasProgress = true;
      } else if (nowMs() >= nextPipeProgressMs) {
        nextPipeProgressMs = nowMs() + PIPE_PROGRESS_EVERY_MS;
        stream.write(`${text}\n`);
      }
    },
    clearProgress,
    paint: (style, text) => styleText(style, text, { stream, validateStream: true }),
  };
}

/**
 * Who reads a pipe may stop before the end (`| head`): that is the end of what there is to say, without a complaint. The exit code is the
 * command's where it has come to one, else `codeBeforeEnd`.
 */
export function endQuietlyOnClosedPipe(stream: NodeJS.WriteStream, codeBeforeEnd = 0): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode ?? codeBeforeEnd);
  });
}
