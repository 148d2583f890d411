import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatOf, formatOnRequest } from '../../../../shared/manifests/registry.ts';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'go.sum';
const HASH = `h1:${'Ab0+/'.repeat(8)}abc=`;

describe('go.sum', () => {
  it('is read on request only', () => {
    expect(formatOf(FILE)).toBeUndefined();
    expect(formatOnRequest(FILE)?.name).toBe('go-sum');
    expect(formatOnRequest('a/go.work.sum')?.name).toBe('go-sum');
  });

  it('lists modules with the hash of a zip, not those with the hash of a go.mod only', async () => {
    const content = await read(
      FILE,
      `example.com/a v1.0.0 ${HASH}\nexample.com/a v1.0.0/go.mod ${HASH}\nexample.com/b v1.0.0/go.mod ${HASH}\r\nexample.com/C/v2 v2.0.0+incompatible ${HASH}\n`,
    );
    expect(packagesOf(content)).toEqual(['example.com/C/v2@v2.0.0+incompatible', 'example.com/a@v1.0.0']);
    expect(content.packages[1]).toMatchObject({ integrity: HASH, line: 1 });
    expect(content).toMatchObject({ gaps: [], warnings: [] });
  });

  it('makes gaps of illegal paths and versions', async () => {
    const content = await read(FILE, `../x v1.0.0 ${HASH}\nexample.com/a master ${HASH}\n`);
    expect(gapsOf(content)).toEqual(['unresolved ../x v1.0.0', 'unresolved example.com/a master']);
  });

  it('reports two digests of one version', async () => {
    const content = await read(FILE, `example.com/a v1.0.0 ${HASH}\nexample.com/a v1.0.0 ${HASH.replace('A', 'B')}\n`);
    expect(poisoningsOf(content)).toEqual(['changed-integrity example.com/a@v1.0.0']);
  });

  it('accepts an empty file: a module without dependencies', async () => {
    expect(await read(FILE, '')).toMatchObject({ packages: [], gaps: [] });
  });

  it.each([
    ['text', 'hello world\n', /line 1 is no line of a go.sum/],
    ['cut in a hash', `example.com/a v1.0.0 ${HASH}\nexample.com/b v1.0.0 h1:abc`, /line 2 is no line of a go.sum/],
    ['one endless line', 'x'.repeat(1_000_000), /line 1 has 1000000 characters/],
    ['a merge conflict', '<<<<<<< HEAD\n=======\n>>>>>>> topic\n', /unfinished merge/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back what was written', async () => {
    const path = fc.stringMatching(/^[a-z]{1,6}\.[a-z]{2,3}(\/[A-Za-z][A-Za-z0-9_-]{0,8}){1,3}$/);
    const version = fc.stringMatching(/^v\d{1,2}\.\d{1,2}\.\d{1,2}(-[a-z0-9]{1,6})?$/);
    const entry = fc.record({ path, version, hasZip: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 20 }), async (entries) => {
        const text = entries
          .map(({ path: name, version: found, hasZip }) => `${name} ${found}${hasZip ? '' : '/go.mod'} ${HASH}\n`)
          .join('');
        const wanted = new Set(entries.filter(({ hasZip }) => hasZip).map(({ path: name, version: found }) => `${name}@${found}`));
        expect(packagesOf(await read(FILE, text)).sort()).toEqual([...wanted].sort());
      }),
      { numRuns: 60 },
    );
  });

  it('passes over no damage in silence', async () => {
    await expectNoSilentLoss(FILE, `example.com/first v1.0.0 ${HASH}\ngit.example/second v2.1.0 ${HASH}\n`);
  });
});
