import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FUNCTION_NAMES } from '../../../infra/aws/bundle.ts';
import { functionLogicalId } from '../../../infra/aws/constructs/logical-id.ts';
import { type Synthesised, synthesise } from '../../../infra/aws/synthesise.ts';
import { packagesLoadedBy, writeSource, writeTinyFunctions } from './tiny-functions.ts';

const SYNTHESISE_MODULE = new URL('../../../infra/aws/synthesise.ts', import.meta.url).href;

let folder: string;
let options: { functionsFolder: string; cacheFolder: string };
let first: Synthesised;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'safedep-watch-synthesise-test-'));
  options = { functionsFolder: join(folder, 'functions'), cacheFolder: join(folder, 'cache') };
  writeTinyFunctions(options.functionsFolder);
  first = await synthesise(options);
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('synthesise', () => {
  it('gives one template without imports, with the bundle of every function', () => {
    expect(JSON.stringify(first.template)).not.toMatch(/Fn::ImportValue|Fn::Sub|Fn::If/);
    expect(first.template.Resources['WorkerFunction']?.Properties).toMatchObject({
      Code: { S3Key: 'WorkerFunction' },
      Environment: { Variables: { INSIGHTS_TABLE_NAME: { Ref: 'InsightsTable' }, LOOKUPS_LIVE_QUEUE_URL: { Ref: 'LookupsLiveQueue' } } },
    });
    expect(Object.keys(first.assets).sort()).toEqual(FUNCTION_NAMES.map(functionLogicalId).sort());
    expect(readFileSync(join(first.assets['WorkerFunction'] ?? '', 'index.mjs'), 'utf8')).toContain('worker');
  });

  it('gives the same again without esbuild and the CDK', async () => {
    const statements = `
      const { synthesise } = await import(${JSON.stringify(SYNTHESISE_MODULE)});
      await synthesise(${JSON.stringify(options)});`;
    expect(await packagesLoadedBy(statements, ['esbuild', 'aws-cdk-lib', 'constructs'])).toEqual([]);
    expect(await synthesise(options)).toEqual(first);
  });

  it('bundles a changed handler and keeps the template', async () => {
    const recordPath = join(options.cacheFolder, 'template.json');
    const writtenAtMs = statSync(recordPath).mtimeMs;
    writeSource(options.functionsFolder, 'alert/name.ts', "export const name = 'changed';\n");
    const { template, assets } = await synthesise(options);
    expect(template).toEqual(first.template);
    expect(Object.keys(assets).filter((key) => assets[key] !== first.assets[key])).toEqual(['AlertFunction']);
    expect(statSync(recordPath).mtimeMs).toBe(writtenAtMs);
  });

  it('makes the template from the stacks and what they are built of', () => {
    const { inputs } = JSON.parse(readFileSync(join(options.cacheFolder, 'template.json'), 'utf8')) as { inputs: string[] };
    expect(inputs).toEqual(
      expect.arrayContaining([
        'infra/aws/stacks/pipeline.ts',
        'infra/aws/merge-templates.ts',
        'shared/aws/tables.ts',
        'shared/messages/bus-events.ts',
      ]),
    );
    expect(inputs.filter((input) => basename(input) === 'handler.ts')).toEqual([]);
  });

  it('leaves no half-written file', () => {
    expect(readdirSync(options.cacheFolder).sort()).toEqual(['bundles', 'template.json']);
  });
});
