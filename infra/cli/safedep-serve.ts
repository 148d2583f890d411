import { ofThisProcess, serve } from '../local/safedep/serve.ts';

/** `cli safedep serve --port N …`: the SafeDep stand-in alone, until Ctrl-C. Resolves with the exit code. */
export function run(args: string[]): Promise<number> {
  return serve(args, ofThisProcess(args));
}
