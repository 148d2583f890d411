import { resolve } from 'node:path';
import { BundleError, bundleFunctions } from './bundle.ts';
import { CONTEXT_OPTIONS, ContextError, readContextArguments } from './context-options.ts';
import { makeApp } from './make-app.ts';
import { checkTemplates, describeFindings } from './template-checks.ts';

/** `npm run synth`, and what the CDK CLI runs: bundles, synthesises and checks both stacks. Needs no network and no account. */

const EXIT_REJECTED = 1;
const EXIT_USAGE = 3;

const USAGE = `usage: npm run synth [-- -c NAME=VALUE]...

Bundles the functions and writes both stacks as CloudFormation to cdk.out. Needs no network and no AWS account.

${Object.entries(CONTEXT_OPTIONS)
  .map(
    ([name, { values, default: byDefault, about }]) =>
      `  ${name.padEnd(20)} ${about}\n${' '.repeat(23)}${values}${byDefault === '' ? '' : ` (default: ${byDefault})`}`,
  )
  .join('\n')}

npm run deploy -- -c NAME=VALUE takes the same. Exit codes: 0 written; 1 the templates break a rule; 3 usage, or code that does not bundle.
`;

async function main(args: string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(USAGE);
    return 0;
  }
  const context = readContextArguments(args);
  const bundles = await bundleFunctions();
  const outdir = resolve(process.env['CDK_OUTDIR'] ?? 'cdk.out');
  const app = makeApp({ bundles, context, outdir });
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
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof BundleError) && !(error instanceof ContextError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = EXIT_USAGE;
}
