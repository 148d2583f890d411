import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { packagesOf, read } from './reading.ts';

const SAMPLE = new URL('../../fixtures/manifests/sample/', import.meta.url);

function linesOf(file: string): string[] {
  return readFileSync(new URL(file, SAMPLE), 'utf8').split('\n').filter(Boolean).sort();
}

describe('one project, locked by each package manager', () => {
  it.each([
    ['npm-1', 'package-lock.json'],
    ['npm-2', 'package-lock.json'],
    ['npm-3', 'package-lock.json'],
    ['pnpm-5', 'pnpm-lock.yaml'],
    ['pnpm-6', 'pnpm-lock.yaml'],
    ['pnpm-9', 'pnpm-lock.yaml'],
    ['yarn-1', 'yarn.lock'],
  ])('reads from %s/%s what npm itself lists', async (folder, file) => {
    const content = await read(file, readFileSync(new URL(`${folder}/${file}`, SAMPLE)));
    expect(packagesOf(content).sort()).toEqual(linesOf('expected.txt'));
    expect(content.gaps).toEqual([]);
    expect(content.warnings).toEqual([]);
  });

  it('reads from yarn-4/yarn.lock what yarn itself lists', async () => {
    const content = await read('yarn.lock', readFileSync(new URL('yarn-4/yarn.lock', SAMPLE)));
    expect(packagesOf(content).sort()).toEqual(linesOf('yarn-4/expected.txt'));
    expect(content.gaps).toEqual([]);
  });
});
