import { App, DefaultStackSynthesizer, type IReusableStackSynthesizer } from 'aws-cdk-lib';
import type { FunctionName } from './bundle.ts';
import { type PipelineOptions, PipelineStack } from './stacks/pipeline.ts';
import { StateStack } from './stacks/state.ts';

const STATE_STACK_NAME = 'safedep-watch-state';
const PIPELINE_STACK_NAME = 'safedep-watch-pipeline';

/** Of CDK's feature flags those that change our templates; the others are about services that we do not use. */
const FEATURE_FLAGS = {
  '@aws-cdk/aws-iam:minimizePolicies': true,
  '@aws-cdk/core:enablePartitionLiterals': true,
  '@aws-cdk/core:target-partitions': ['aws', 'aws-us-gov', 'aws-cn'],
  '@aws-cdk/core:checkSecretUsage': true,
  // What the pipeline uses cannot be taken away from under it.
  '@aws-cdk/core:defaultCrossStackReferences': 'strong',
};

export interface AppProps {
  readonly bundles: Readonly<Record<FunctionName, string>>;
  /** Reads `tenant`, `reports`, `alarmEmail`, `rotateApiKey`, `signInMaxAgeDays` and `staticEgress` from the context where it is not given. */
  readonly options?: PipelineOptions;
  /** @default - `CDK_OUTDIR`, else a temporary folder */
  readonly outdir?: string;
}

export class ContextError extends Error {
  override readonly name = 'ContextError';
}

/** Both stacks, for any account and region. Throws `ContextError` for a context value that makes no sense. */
export function makeApp({ bundles, options, outdir }: AppProps): App {
  const app = new App({
    analyticsReporting: false,
    context: FEATURE_FLAGS,
    // The rule compares with a parameter that the CLI checks anyway, and that no local engine has. The cast is for the library's types,
    // which exactOptionalPropertyTypes finds fault with.
    defaultStackSynthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }) as IReusableStackSynthesizer,
    ...(outdir ? { outdir } : {}),
  });
  const state = new StateStack(app, STATE_STACK_NAME);
  new PipelineStack(app, PIPELINE_STACK_NAME, { state, bundles, ...(options ?? optionsFromContext(app)) });
  return app;
}

function optionsFromContext(app: App): PipelineOptions {
  const tenant: unknown = app.node.tryGetContext('tenant') ?? 'default';
  if (typeof tenant !== 'string' || !/^[A-Za-z0-9._-]{1,64}$/.test(tenant)) {
    throw new ContextError(`-c tenant=${String(tenant)}: expected 1 to 64 letters, digits, dots, dashes and underscores`);
  }
  const reports: unknown = app.node.tryGetContext('reports') ?? 'on';
  if (reports !== 'on' && reports !== 'off') throw new ContextError(`-c reports=${String(reports)}: expected on or off`);
  const alarmEmail: unknown = app.node.tryGetContext('alarmEmail');
  if (alarmEmail !== undefined && (typeof alarmEmail !== 'string' || !/^[^@\s]+@[^@\s]+$/.test(alarmEmail))) {
    throw new ContextError(`-c alarmEmail=${String(alarmEmail)}: expected an address`);
  }
  const rotateApiKey: unknown = app.node.tryGetContext('rotateApiKey') ?? 'on';
  if (rotateApiKey !== 'on' && rotateApiKey !== 'off')
    throw new ContextError(`-c rotateApiKey=${String(rotateApiKey)}: expected on or off`);
  const maxAge: unknown = app.node.tryGetContext('signInMaxAgeDays');
  if (maxAge !== undefined && !/^[1-9]\d{0,3}$/.test(String(maxAge))) {
    throw new ContextError(`-c signInMaxAgeDays=${String(maxAge)}: expected a whole number of days`);
  }
  const staticEgress: unknown = app.node.tryGetContext('staticEgress') ?? 'false';
  if (!['true', 'false'].includes(String(staticEgress))) {
    throw new ContextError(`-c staticEgress=${String(staticEgress)}: expected true or false`);
  }
  return {
    tenant,
    reports,
    rotateApiKey,
    staticEgress: String(staticEgress) === 'true',
    ...(alarmEmail === undefined ? {} : { alarmEmail }),
    ...(maxAge === undefined ? {} : { signInMaxAgeDays: Number(maxAge) }),
  };
}
