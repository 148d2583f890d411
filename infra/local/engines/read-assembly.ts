import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRecord } from './intrinsics.ts';
import { TemplateError } from './plan.ts';
import type { StackTemplate } from './stacks.ts';

/**
 * Reads the stacks of a folder that CDK has synthesised (`cdk.out`), with the folders of their assets. Nested assemblies (CDK stages)
 * are not followed. Throws `TemplateError` when the folder holds no stack.
 */
export function readAssembly(directory: string): StackTemplate[] {
  const manifest = readJson(join(directory, 'manifest.json'));
  const artifacts = isRecord(manifest['artifacts']) ? Object.entries(manifest['artifacts']) : [];
  const stacks = artifacts.flatMap(([id, artifact]) => {
    if (!isRecord(artifact) || artifact['type'] !== 'aws:cloudformation:stack' || !isRecord(artifact['properties'])) return [];
    const { properties } = artifact;
    const template = readJson(join(directory, String(properties['templateFile'])));
    return [{ stackName: String(properties['stackName'] ?? id), template, assets: readAssets(directory, `${id}.assets.json`) }];
  });
  if (stacks.length === 0) throw new TemplateError(`${directory} holds no synthesised stack`);
  return stacks;
}

function readAssets(directory: string, file: string): Record<string, string> {
  const { files } = readJson(join(directory, file));
  const assets: Record<string, string> = {};
  for (const asset of isRecord(files) ? Object.values(files) : []) {
    if (!isRecord(asset) || !isRecord(asset['source']) || !isRecord(asset['destinations'])) continue;
    for (const destination of Object.values(asset['destinations'])) {
      if (isRecord(destination)) assets[String(destination['objectKey'])] = join(directory, String(asset['source']['path']));
    }
  }
  return assets;
}

function readJson(path: string): Record<string, unknown> {
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (!isRecord(parsed)) throw new TemplateError(`${path}: expected a JSON object`);
  return parsed;
}
