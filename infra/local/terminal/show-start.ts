import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import { formatOf, isIgnored } from '../../../shared/manifests/registry.ts';
import type { Run } from '../scan/run-state.ts';
import { findUncommittedChanges } from '../watch/uncommitted-changes.ts';
import { count } from './describe-result.ts';

/** What runs, where answers come from, what is watched: in this order, before anything else. */
export function showStart({ screen, pipeline, safedep, repositories, nowMs }: Run, startedAtMs: number): void {
  const { plan } = pipeline.engines;
  const label = (text: string) => screen.paint('bold', text.padEnd(9));
  screen.line(
    `${label('engines')} SQS (fauxqs), DynamoDB (dynalite), ${count(plan.functions.length, 'function')} as processes, from the synthesised template: ready in ${((nowMs() - startedAtMs) / 1000).toFixed(1)} s`,
  );
  screen.line(`${label('answers')} ${safedep.answers === 'stand-in' ? screen.paint('yellow', safedep.description) : safedep.description}`);
  for (const { name, path } of repositories)
    screen.line(`${label('watching')} ${toTerminalText(name)}  ${screen.paint('dim', toTerminalText(path))}`);
}

/** Commits are read, not files: said once, where it makes a difference. */
export async function showUncommitted({ repositories, screen, settings }: Run): Promise<void> {
  for (const repository of repositories) {
    // A changed manifest is of interest by what its lock file makes of it.
    const isOfInterest = (path: string): boolean => {
      const format = formatOf(path);
      return format !== undefined && !format.lockedBy && !isIgnored(path, settings.reading);
    };
    const changes = await findUncommittedChanges(repository, isOfInterest);
    if (changes.kind === 'known' && changes.paths.length > 0) {
      screen.line(
        `${toTerminalText(repository.name)}: commits are read, not files; ${changes.paths.slice(0, 3).map(toTerminalText).join(', ')} ${changes.paths.length === 1 ? 'has' : 'have'} changes that are not committed`,
      );
    }
  }
}
