import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundleFunctions, FUNCTION_NAMES } from '../../infra/aws/bundle.ts';
import { functionLogicalId } from '../../infra/aws/constructs/logical-id.ts';
import { makeApp } from '../../infra/aws/make-app.ts';
import type { Template } from '../../infra/aws/merge-templates.ts';
import { createBucket, createStack, type DeployedStack, uploadAsset } from './deploy.ts';
import { forMinistack } from './for-ministack.ts';
import { installMinistack, type Ministack, PythonMissingError, startMinistack } from './ministack.ts';
import { pushThrough } from './push-through.ts';
import { REGION } from './signed-request.ts';
import { type Surroundings, startSurroundings } from './surroundings.ts';

/**
 * `npm run test:aws`: deploys both synthesised stacks into an emulator that judges every call by the functions' roles, and sends pushes
 * through. What it proves: the templates deploy, each function may do what it does, and nothing more is needed.
 */

const EXIT_FAILED = 1;
const EXIT_NO_PYTHON = 3;

const startedAtMs = Date.now();

function say(line: string): void {
  process.stdout.write(`${((Date.now() - startedAtMs) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
}

async function main(): Promise<void> {
  const closing: (() => Promise<void>)[] = [];
  const end = async () => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  const interrupted = () => {
    void end().finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    const command = await installMinistack(say);
    const ministack = await startMinistack(command);
    closing.push(ministack.stop);
    say(`ministack listens on ${ministack.endpoint}, rights enforced`);
    const surroundings = await startSurroundings();
    closing.push(surroundings.close);
    say('stand-ins of GitHub, SafeDep and a sink are up');
    const deployed = await deploy(ministack, join(dirname(command), 'python'), surroundings);
    await pushThrough({ ministack, deployed, surroundings, say });
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    await end();
  }
}

async function deploy(ministack: Ministack, python: string, surroundings: Surroundings): Promise<DeployedStack> {
  const { endpoint } = ministack;
  const bundles = await bundleFunctions();
  const outdir = await mkdtemp(join(tmpdir(), 'safedep-watch-synth-'));
  try {
    const { stacks } = makeApp({ bundles, outdir, options: { tenant: 'default', reports: 'on' } }).synth();
    say('synthesised');

    const bucket = `cdk-hnb659fds-assets-000000000000-${REGION}`;
    await createBucket(endpoint, bucket);
    const templates = stacks.map(({ template }) => template as Template);
    for (const name of FUNCTION_NAMES) {
      const code = templates.map(({ Resources }) => Resources[functionLogicalId(name)]?.Properties?.['Code']).find(Boolean) as {
        S3Key: string;
      };
      await uploadAsset(endpoint, python, bundles[name], bucket, code.S3Key);
    }
    say(`${FUNCTION_NAMES.length} bundles uploaded`);

    const resources = new Map<string, string>();
    const outputs: Record<string, string> = {};
    const adapted = forMinistack(templates, { region: REGION, variables: surroundings.variables });
    for (const [index, template] of adapted.entries()) {
      const stackName = stacks[index]?.stackName ?? '';
      const stack = await createStack(endpoint, bucket, stackName, template);
      for (const [logicalId, physicalId] of stack.resources) resources.set(logicalId, physicalId);
      Object.assign(outputs, stack.outputs);
      const left = Object.keys(templates[index]?.Resources ?? {}).length - stack.resources.size;
      const note = left > 0 ? ` (${left} left out: policies that only refuse plain HTTP, and the schedule of a rotation)` : '';
      say(`${stackName}: ${stack.resources.size} of ${Object.keys(template.Resources).length} resources created${note}`);
    }
    return { outputs, resources };
  } finally {
    await rm(outdir, { recursive: true, force: true });
  }
}

try {
  await main();
  say('passed');
} catch (error) {
  const isUsage = error instanceof PythonMissingError;
  process.stderr.write(`${isUsage ? error.message : error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = isUsage ? EXIT_NO_PYTHON : EXIT_FAILED;
}
