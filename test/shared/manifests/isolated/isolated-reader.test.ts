import { afterEach, describe, expect, it } from 'vitest';
import { createIsolatedReader, type IsolatedReader } from '../../../../shared/manifests/isolated/isolated-reader.ts';
import { DEFAULT_SETTINGS, type ReadingSettings } from '../../../../shared/model/settings/settings.ts';
import { callersThreadReader } from '../callers-thread-reader.ts';
import { bytesOf } from '../reading.ts';

const READING = DEFAULT_SETTINGS.reading;
const LOCK = '{"lockfileVersion":3,"packages":{"":{},"node_modules/ms":{"version":"2.1.3"}}}';

let opened: IsolatedReader | undefined;

function open(): IsolatedReader {
  opened = createIsolatedReader();
  return opened;
}

afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

const files = (content: Readonly<Record<string, string>>) => async (path: string) => {
  const text = content[path];
  return text === undefined ? undefined : bytesOf(text);
};

function limited(limits: Partial<ReadingSettings['limits']>): ReadingSettings {
  return { ...READING, limits: { ...READING.limits, ...limits } };
}

describe('an isolated reader', () => {
  it('finds and reads as the thread of the caller does, files that a lock file names included', async () => {
    const reader = open();
    const repository = files({ 'a/requirements.txt': '-r base.txt\nflask==2.0.0\n', 'a/base.txt': 'six==1.16.0\n' });
    const paths = ['README.md', 'a/requirements.txt', 'yarn.lock', 'node_modules/x/yarn.lock'];
    expect(await reader.find(paths, READING)).toEqual(await callersThreadReader.find(paths, READING));
    expect(await reader.read('a/requirements.txt', repository, READING)).toEqual(
      await callersThreadReader.read('a/requirements.txt', repository, READING),
    );
  });

  it('passes on what the caller could not read', async () => {
    const failure = new Error('the source is away');
    const reader = open();
    await expect(reader.read('yarn.lock', () => Promise.reject(failure), READING)).rejects.toBe(failure);
    const half = (path: string) => (path === 'requirements.txt' ? Promise.resolve(bytesOf('-r b.txt\n')) : Promise.reject(failure));
    await expect(reader.read('requirements.txt', half, READING)).rejects.toBe(failure);
    expect((await reader.read('package-lock.json', files({ 'package-lock.json': LOCK }), READING)).content).toMatchObject({
      status: 'read',
    });
  });

  it('reads many files at once, each with its own answer', async () => {
    const reader = open();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        reader.read(`${index}/go.mod`, files({ [`${index}/go.mod`]: `module m\nrequire a.example/m v1.0.${index}\n` }), READING),
      ),
    );
    expect(results.map(({ content }) => (content.status === 'read' ? content.packages[0]?.version : content.reason))).toEqual(
      Array.from({ length: 20 }, (_, index) => `v1.0.${index}`),
    );
  });

  it('ends a file that takes too long, says so, and reads the next one', async () => {
    const reader = open();
    await reader.find([], limited({ seconds: 5 }));
    const entries = Array.from({ length: 60_000 }, (_, index) => `"node_modules/p${index}":{"version":"1.0.0"}`).join(',');
    const huge = `{"lockfileVersion":3,"packages":{"":{},${entries}}}`;
    const slow = await reader.read('package-lock.json', files({ 'package-lock.json': huge }), limited({ seconds: 0.001 }));
    expect(slow).toMatchObject({
      content: { status: 'error', reason: 'reading it took longer than 0.001 s, and was ended' },
      wasEnded: true,
    });
    expect((await reader.read('package-lock.json', files({ 'package-lock.json': LOCK }), READING)).content).toMatchObject({
      status: 'read',
    });
  });

  it('ends a file that takes too much memory, says so, and reads the next one', async () => {
    const reader = open();
    // Some 35 MB of heap: well above the limit, at which V8 is not exact.
    const texts = Array.from({ length: 600_000 }, (_, index) => `"${index} is a text of its own"`).join(',');
    const values = `{"lockfileVersion":3,"packages":{"":{"x":[${texts}]}}}`;
    const small = limited({ heapMegabytes: 20, seconds: 60 });
    const { content, wasEnded } = await reader.read('package-lock.json', files({ 'package-lock.json': values }), small);
    expect(content).toEqual({ status: 'error', reason: 'reading it took more than 20 MB, and was ended' });
    expect(wasEnded).toBe(true);
    expect((await reader.read('package-lock.json', files({ 'package-lock.json': LOCK }), small)).content).toMatchObject({ status: 'read' });
  });

  it('counts no time while it waits for a file', async () => {
    const reader = open();
    await reader.find([], READING);
    const patient = limited({ seconds: 0.5 });
    const slowly = async (path: string) => {
      await new Promise((resolve) => setTimeout(resolve, 700));
      return files({ 'package-lock.json': LOCK })(path);
    };
    expect((await reader.read('package-lock.json', slowly, patient)).content).toMatchObject({ status: 'read' });
  });
});
