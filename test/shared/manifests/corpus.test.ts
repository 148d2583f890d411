import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SHARED = fileURLToPath(new URL('../../../../shared/', import.meta.url));
const CHECKER = join(SHARED, 'tools/check-corpus.mjs');
const CORPUS = join(SHARED, 'corpus');

/** Runs the checker on our batch command; its report where there is a difference. */
function checkCorpus(folder: string, ...options: string[]): string {
  const command = fileURLToPath(new URL('../../../infra/cli/packages.ts', import.meta.url));
  const script = `import(${JSON.stringify(command)}).then((cli) => cli.run(['--stdin-paths'])).then((code) => { process.exitCode = code; })`;
  const checked = spawnSync(process.execPath, [CHECKER, '--batch', ...options, folder, '--', process.execPath, '-e', script], {
    encoding: 'utf8',
  });
  return checked.status === 0 ? 'no difference' : `${checked.stdout}${checked.stderr}`;
}

describe.skipIf(!existsSync(CHECKER))('the corpus of real lock files (skipped where ../shared is absent)', () => {
  it('finds exactly the packages that are expected', () => {
    expect(checkCorpus(CORPUS)).toBe('no difference');
  });

  it('ends every hostile file as it must end', () => {
    expect(checkCorpus(CORPUS, '--hostile')).toBe('no difference');
  });

  it('ends every generated, large hostile file as it must end', () => {
    const folder = mkdtempSync(join(tmpdir(), 'safedep-watch-hostile-'));
    try {
      const generated = spawnSync(process.execPath, [join(CORPUS, 'hostile/generate.mjs'), join(folder, 'hostile')], { encoding: 'utf8' });
      expect(generated.stderr).toBe('');
      expect(checkCorpus(folder, '--hostile')).toBe('no difference');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
