/** `npm run bench -- NAME [options]`: exit 1 where a bar is missed. */
const BENCHES: Readonly<Record<string, readonly [description: string, load: () => Promise<{ run(): Promise<boolean> }>]>> = {
  'push-to-finding': ['1,000 packages, cold and warm [--packages N] [--runs N]', () => import('./push-to-finding.ts')],
  calls: ['ten repositories with the same packages at once: rate, and calls a package', () => import('./calls.ts')],
  backfill: ['live pushes beside an onboarding of 20 repositories', () => import('./backfill.ts')],
  webhook: ['100 signed pushes a second and a burst of 500', () => import('./webhook.ts')],
  large: ['a lock file of 20,000 packages [--packages N]', () => import('./large.ts')],
  'safedep-client': ['processor time of a call to SafeDep, by transport [--json]', () => import('./safedep-client.ts')],
  size: ['bytes and import time of each function', () => import('./size.ts')],
  faults: ['workers killed 20 times in one scan; SafeDep away in four ways', () => import('./faults.ts')],
  reports: ['1,000 packages reported, then 10 that changed; the report function killed 20 times [--json]', () => import('./reports.ts')],
  rotation: [
    '10,000 calls while API key and service JWT are rotated five times each and workers are killed [--json]',
    () => import('./rotation.ts'),
  ],
  manifests: ['each format beside a bare parse of the same bytes [--format TEXT] [--json]', () => import('./manifests.ts')],
  hostile: ['hostile lock files of the largest size, by format [--path PATH]', () => import('./hostile.ts')],
  limiter: [
    'the limiter alone, and a peer, with faulty clocks and processes [--seconds N] [--runs N] [--workers N] [--no-faults] [--json]',
    () => import('./limiter.ts'),
  ],
};

const name = process.argv[2] ?? '';
const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (bench) {
  const { run } = await bench[1]();
  process.exitCode = (await run()) ? 0 : 1;
} else {
  const width = Math.max(...Object.keys(BENCHES).map((each) => each.length));
  const list = Object.entries(BENCHES).map(([each, [description]]) => `  ${each.padEnd(width)}  ${description}\n`);
  process.stdout.write(`npm run bench -- NAME\n\n${list.join('')}`);
  if (name !== '') process.exitCode = 3;
}
