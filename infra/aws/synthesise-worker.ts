import { parentPort, workerData } from 'node:worker_threads';
import type { FunctionName } from './bundle.ts';
import { makeApp } from './make-app.ts';
import type { Template } from './merge-templates.ts';

/** Thread of `synthesise`: both templates with the default options, whatever context a CDK CLI may have left in the environment. */
const { bundles, outdir } = workerData as { bundles: Record<FunctionName, string>; outdir: string };
const app = makeApp({ bundles, outdir, options: { tenant: 'default', reports: 'on' } });
const templates = app.synth().stacks.map(({ template }) => template as Template);
parentPort?.postMessage(templates);
