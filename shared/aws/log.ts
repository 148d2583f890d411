/**
 * One JSON object a line on stdout: a static message for each situation, data in fields. Ids and counts only: never a body, a
 * signature, a token or a whole event.
 */
export type LogFields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

function write(level: 'info' | 'warn' | 'error', message: string, fields: LogFields): void {
  process.stdout.write(`${JSON.stringify({ level, message, ...fields })}\n`);
}

export const log = {
  info: (message: string, fields: LogFields = {}): void => write('info', message, fields),
  warn: (message: string, fields: LogFields = {}): void => write('warn', message, fields),
  error: (message: string, fields: LogFields = {}): void => write('error', message, fields),
};

export type Log = typeof log;

/** What went wrong, in one line: the message only, because stacks and causes may carry what was being processed. */
export function errorText(error: unknown): string {
  if (error instanceof Error) return `${error.name}: ${error.message}`.slice(0, 500);
  return String(error).slice(0, 500);
}
