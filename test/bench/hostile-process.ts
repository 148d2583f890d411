import { createIsolatedReader } from '../../shared/manifests/isolated/isolated-reader.ts';
import { formatOnRequest, maxBytesOf } from '../../shared/manifests/registry.ts';
import { DEFAULT_SETTINGS } from '../../shared/model/settings/settings.ts';
import { HOSTILE_PAYLOADS } from '../shared/manifests/hostile-payloads.ts';
import { bytesOf } from '../shared/manifests/reading.ts';

/** How one hostile file of the largest size ended. */
export interface HostileRun {
  readonly payload: string;
  readonly bytes: number;
  readonly ms: number;
  /** Memory of the process above what it had before, sampled while it read. */
  readonly peakMegabytes: number;
  readonly end: 'read' | 'error' | 'ended';
  readonly reason: string;
  /** Whether the file after it was read. */
  readonly isNeighbourRead: boolean;
}

const SAMPLE_EVERY_MS = 10;
const READING = DEFAULT_SETTINGS.reading;
const NEIGHBOUR = bytesOf('module m\nrequire a.example/m v1.0.0\n');

/** One format's hostile files in a process of their own: prints a line of JSON for each. */
const path = process.argv[2] ?? '';
const format = formatOnRequest(path);
if (!format) throw new Error(`no format reads ${path}`);
const maxBytes = maxBytesOf(format, READING);
const reader = createIsolatedReader();
for (const { name, make } of HOSTILE_PAYLOADS) {
  const bytes = bytesOf(make(maxBytes)).slice(0, maxBytes);
  await reader.find([], READING);
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  let peak = before;
  const sampler = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, SAMPLE_EVERY_MS);
  const startedAtMs = performance.now();
  const { content, wasEnded } = await reader.read(path, async (asked) => (asked === path ? bytes : undefined), READING);
  const ms = performance.now() - startedAtMs;
  clearInterval(sampler);
  const neighbour = await reader.read('go.mod', async () => NEIGHBOUR, READING);
  const run: HostileRun = {
    payload: name,
    bytes: bytes.length,
    ms,
    peakMegabytes: (peak - before) / 1024 ** 2,
    end: wasEnded ? 'ended' : content.status,
    reason: content.status === 'error' ? content.reason : '',
    isNeighbourRead: neighbour.content.status === 'read' && neighbour.content.packages.length === 1,
  };
  process.stdout.write(`${JSON.stringify(run)}\n`);
}
await reader.close();
