import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

/** One exchange with GitHub's REST API, as its description is asked about it. */
interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly requestBody?: unknown;
  readonly status: number;
  readonly body?: unknown;
}

export interface GitHubContract {
  /** What contradicts GitHub's description; empty where nothing does. */
  exchange(exchange: Exchange): string[];
}

const shared = join(import.meta.dirname, '..', '..', '..', '..', 'shared');
const toolPath = join(shared, 'tools', 'github-contract.mjs');
const slicePath = join(shared, 'reference', 'github-openapi-slice.json');

/** Whether GitHub's own description lies beside this repository. Without it the stand-in works, unchecked. */
export const HAS_GITHUB_CONTRACT = existsSync(toolPath) && existsSync(slicePath);

/** GitHub's description as a check; `undefined` where `HAS_GITHUB_CONTRACT` is false. */
export async function loadGitHubContract(): Promise<GitHubContract | undefined> {
  if (!HAS_GITHUB_CONTRACT) return undefined;
  const { contract } = await import(pathToFileURL(toolPath).href);
  return contract(JSON.parse(readFileSync(slicePath, 'utf8')), { Ajv, addFormats });
}
