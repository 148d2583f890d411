import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { Reading, unreadable } from '../reading.ts';
import { parseYaml } from '../syntax/yaml.ts';
import { decodeText } from '../text.ts';
import { addAction, addWorkflow, isMap } from './jobs.ts';
import { linesOfUses } from './uses.ts';

/** GitHub runs workflows of up to 512 KiB. */
const WORKFLOW_MAX_BYTES = 768 * 1024;
/** GitHub knows aliases since 2025; a real workflow has a handful. */
const MAX_ALIASES = 1_000;

const WORKFLOW = /(?:^|\/)\.github\/workflows\/[^/]+\.ya?ml$/;
const ACTION = /^action\.ya?ml$/;

/**
 * GitHub's workflows, and actions that are made of steps. The version of an action is the ref as it stands there: a commit, a tag, a
 * branch; what a comment says of it counts for nothing.
 */
export const githubActions: ManifestFormat = {
  name: 'github-actions',
  files: ['.github/workflows/*.yml', '.github/workflows/*.yaml', 'action.yml', 'action.yaml'],
  ecosystems: ['GITHUB_ACTIONS', 'DOCKER'],
  lists: 'exact',
  maxBytes: WORKFLOW_MAX_BYTES,
  matches: (path) => WORKFLOW.test(path) || ACTION.test(baseName(path)),
  matchesOnRequest: (path) => /\.ya?ml$/.test(path),
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseYaml(decoded.text, MAX_ALIASES);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const [file, ...more] = parsed.value;
    if (!isMap(file) || more.length > 0) return unreadable('not a workflow, and not an action: not one map');
    const reading = new Reading('GITHUB_ACTIONS', decoded);
    const lines = linesOfUses(decoded.text);
    const problem = file.has('jobs') ? addWorkflow(file, lines, reading) : addAction(file, lines, reading);
    return problem === undefined ? reading.content() : unreadable(problem);
  },
};
