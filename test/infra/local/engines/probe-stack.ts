import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** A folder of its own for a test file; `remove` takes it away. */
export function makeTemporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'engines-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Bundles the probe as the app's functions are bundled: one ES module. */
export async function bundleProbe(directory: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('./probe/index.mjs', import.meta.url))],
    outfile: join(directory, 'index.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    minify: true,
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'silent',
  });
}

export const PROBE_ASSET = 'probe.zip';

/** A function of the probe's code; `properties` win. */
export const probeFunction = (properties: Readonly<Record<string, unknown>> = {}): unknown => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    Runtime: 'nodejs24.x',
    Handler: 'index.handler',
    Code: { S3Bucket: { 'Fn::Sub': `assets-\${AWS::AccountId}-\${AWS::Region}` }, S3Key: PROBE_ASSET },
    Role: { 'Fn::GetAtt': ['ProbeRole', 'Arn'] },
    Timeout: 5,
    MemorySize: 256,
    ...properties,
  },
});
