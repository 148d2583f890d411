import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createObjectReader, type ObjectReader } from '../../../../shared/scm/git/object-reader.ts';
import { temporaryFolder } from '../../../fakes/temporary-repository.ts';

/** A program called `git` that misbehaves as no real one does on demand; the rest of this room is tested on real repositories. */

const folder = temporaryFolder();
const { PATH } = process.env;
let reader: ObjectReader | undefined;
let count = 0;

afterEach(async () => {
  await reader?.close();
  process.env['PATH'] = PATH;
});
afterAll(() => folder.remove());

const shaOf = (content: string): string =>
  createHash('sha1')
    .update(`blob ${Buffer.byteLength(content)}\0${content}`)
    .digest('hex');

/** `answer` is the body of a function of (sha, write, numberOfThisQuestion). */
function readerWith(answer: string): ObjectReader {
  count += 1;
  const bin = join(folder.path, String(count));
  mkdirSync(bin);
  const contents = JSON.stringify(Object.fromEntries(CONTENTS.map((content) => [shaOf(content), content])));
  const script = `#!${process.execPath}
const contents = ${contents};
const write = (text) => process.stdout.write(text);
const object = (sha) => sha + ' blob ' + Buffer.byteLength(contents[sha]) + '\\n' + contents[sha] + '\\n';
let asked = 0;
require('node:readline').createInterface({ input: process.stdin }).on('line', (sha) => { asked += 1; ${answer} });
`;
  writeFileSync(join(bin, 'git'), script, { mode: 0o755 });
  process.env['PATH'] = `${bin}${delimiter}${PATH}`;
  reader = createObjectReader(folder.path);
  return reader;
}

const CONTENTS = ['first', '', 'größe\nline\n', 'a'.repeat(64)];

async function readAll(from: ObjectReader): Promise<string[]> {
  const results = await Promise.allSettled(CONTENTS.map((content) => from.read(shaOf(content))));
  return results.map((result) =>
    result.status === 'fulfilled' ? Buffer.from(result.value).toString() : `refused: ${result.reason.message}`,
  );
}

describe('an object reader', () => {
  test('puts answers together that come byte by byte', async () => {
    const oneByOne =
      "const all = Buffer.from(object(sha)); for (let i = 0; i < all.length; i += 1) require('node:fs').writeSync(1, all, i, 1);";
    expect(await readAll(readerWith(oneByOne))).toEqual(CONTENTS);
  });

  test('divides answers that come all at once', async () => {
    const atOnce = 'globalThis.all = (globalThis.all ?? "") + object(sha); if (asked === 4) write(globalThis.all);';
    expect(await readAll(readerWith(atOnce))).toEqual(CONTENTS);
  });

  test.each([
    ['nothing it documents', "write('garbage\\n');"],
    ['a line without an end', "write('x'.repeat(5000));"],
    ['more than it was asked', 'write(object(sha) + object(sha));'],
  ])('refuses what it cannot take for the object, where git answers %s', async (_, answer) => {
    const results = await readAll(readerWith(answer));
    expect(results.length).toBe(4);
    expect(results.filter((result) => result.startsWith('refused: blob '))).not.toEqual([]);
    for (const [index, result] of results.entries()) expect([CONTENTS[index], expect.stringMatching(/^refused: /)]).toContainEqual(result);
  });

  test('refuses the object during which git ended, as something to try again, and reads the others', async () => {
    const endsAtSecond = `if (sha === '${shaOf('')}') process.kill(process.pid, 'SIGKILL'); else write(object(sha));`;
    const from = readerWith(endsAtSecond);
    const [first, second, third, fourth] = await Promise.allSettled(CONTENTS.map((content) => from.read(shaOf(content))));
    expect([first, third, fourth].map((result) => result?.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(second).toMatchObject({ status: 'rejected', reason: { name: 'SourceError', retryable: true } });
  });

  test('refuses what was asked and not answered when it is closed', async () => {
    const from = readerWith('');
    const reading = readAll(from);
    await from.close();
    expect(await reading).toEqual(
      CONTENTS.map((content) => `refused: blob ${shaOf(content)} could not be read: the repository was closed`),
    );
  });
});
