import { resolve } from 'node:path';
import { BundleError, bundleFunctions } from './bundle.ts';
import { ContextError, makeApp } from './make-app.ts';
import { checkTemplates, describeFindings } from './template-checks.ts';

/** `npm run synth`, and what the CDK CLI runs: bundles, synthesises and checks both stacks. Needs no network and no account. */

const EXIT_REJECTED = 1;
const EXIT_USAGE = 3;

async function main(): Promise<number> {
  const bundles = await bundleFunctions();
  const outdir = resolve(process.env['CDK_OUTDIR'] ?? 'cdk.out');
  const app = makeApp({ bundles, outdir });
  const { stacks } = app.synth();
  const findings = checkTemplates(app);
  if (findings.length > 0) {
    process.stderr.write(
      `${describeFindings(findings)}\n${findings.length} findings in the templates. Mend them, or acknowledge each where it arises, with its reason.\n`,
    );
    return EXIT_REJECTED;
  }
  process.stderr.write(`Synthesised ${stacks.map(({ stackName }) => stackName).join(' and ')} into ${outdir}\n`);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof BundleError) && !(error instanceof ContextError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = EXIT_USAGE;
}
