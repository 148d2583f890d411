import { App, DefaultStackSynthesizer, type IReusableStackSynthesizer } from 'aws-cdk-lib';
import type { FunctionName } from './bundle.ts';
import { optionsFromContext } from './context-options.ts';
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
  /** @default - the context says, see `CONTEXT_OPTIONS` */
  readonly options?: PipelineOptions;
  /** Wins over the context that the CDK CLI hands over. */
  readonly context?: Readonly<Record<string, string>>;
  /** @default - `CDK_OUTDIR`, else a temporary folder */
  readonly outdir?: string;
}

/** Both stacks, for any account and region. Throws `ContextError` for a context value that makes no sense. */
export function makeApp({ bundles, options, context, outdir }: AppProps): App {
  const app = new App({
    analyticsReporting: false,
    context: FEATURE_FLAGS,
    // The rule compares with a parameter that the CLI checks anyway, and that no local engine has. The cast is for the library's types,
    // which exactOptionalPropertyTypes finds fault with.
    defaultStackSynthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }) as IReusableStackSynthesizer,
    ...(outdir ? { outdir } : {}),
  });
  const state = new StateStack(app, STATE_STACK_NAME);
  new PipelineStack(app, PIPELINE_STACK_NAME, {
    state,
    bundles,
    ...(options ?? optionsFromContext((name) => context?.[name] ?? app.node.tryGetContext(name))),
  });
  return app;
}
