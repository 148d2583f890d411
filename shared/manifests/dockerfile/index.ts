import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { checkEntryCount, Reading, unreadable } from '../reading.ts';
import { decodeText, whyUnreadable } from '../text.ts';
import { parseImage } from './image.ts';
import { type Instruction, parseInstructions } from './instructions.ts';
import { expand, type Variables } from './variables.ts';
import { unquoted, wordsOf } from './words.ts';

const DOCKERFILE_MAX_BYTES = 1024 * 1024;
const FILE_NAME = /^(?:dockerfile|containerfile)(?:\.(?!dockerignore$).+)?$|\.(?:dockerfile|containerfile)$/i;
const KEYWORDS = new Set([
  ...['FROM', 'RUN', 'CMD', 'LABEL', 'MAINTAINER', 'EXPOSE', 'ENV', 'ADD', 'COPY', 'ENTRYPOINT', 'VOLUME', 'USER', 'WORKDIR', 'ARG'],
  ...['ONBUILD', 'STOPSIGNAL', 'HEALTHCHECK', 'SHELL'],
]);
/** The image of nothing. */
const SCRATCH = 'scratch';

/** Dockerfiles: the images that stages are built on. Read by `packages` only: images are not what this product looks after. */
export const dockerfile: ManifestFormat = {
  name: 'dockerfile',
  files: ['Dockerfile', 'Dockerfile.*', '*.Dockerfile', 'Containerfile'],
  ecosystems: ['DOCKER'],
  lists: 'declared',
  isOnRequestOnly: true,
  maxBytes: DOCKERFILE_MAX_BYTES,
  matches: (path) => FILE_NAME.test(baseName(path)),
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const reason = whyUnreadable(decoded.text);
    if (reason !== undefined) return unreadable(reason);
    const instructions = parseInstructions(decoded.text);
    if ('reason' in instructions) return unreadable(`not a Dockerfile: ${instructions.reason}`);
    checkEntryCount(instructions.length);
    const reading = new Reading('DOCKER', decoded);
    const problem = addInstructions(instructions, reading);
    return problem === undefined ? reading.content() : unreadable(`not a Dockerfile: ${problem}`);
  },
};

/** Gives why the file is none. */
function addInstructions(instructions: readonly Instruction[], reading: Reading): string | undefined {
  const variables = new Map<string, string | undefined>();
  const stages = new Set<string>();
  let stageCount = 0;
  for (const instruction of instructions) {
    const { keyword, rest, line } = instruction;
    if (!KEYWORDS.has(keyword)) return `line ${line}: ${JSON.stringify(keyword.slice(0, 40))} is no instruction`;
    if (keyword === 'FROM') {
      const stage = addStage(instruction, variables, stages, reading);
      stages.add(String(stageCount++));
      if (stage !== undefined) stages.add(stage);
    } else if (keyword === 'ARG') {
      // Those of a stage are not seen by the next FROM.
      if (stageCount === 0) declare(rest, variables);
    } else if (stageCount === 0) {
      return `line ${line}: ${keyword} before the first FROM`;
    } else {
      addSources(instruction, stages, reading);
    }
  }
  return stageCount === 0 ? 'no FROM stands in it' : undefined;
}

/** `FROM [--platform=P] IMAGE [AS NAME]`. Gives the stage's name. */
function addStage({ rest, line }: Instruction, variables: Variables, stages: ReadonlySet<string>, reading: Reading): string | undefined {
  const words = rest.split(/\s+/).filter((word) => !word.startsWith('--'));
  const [written = '', as, stage, ...more] = words;
  const isNamed = as?.toUpperCase() === 'AS' && stage !== undefined;
  if (written === '' || more.length > 0 || (as !== undefined && !isNamed)) {
    reading.addUnresolved(rest, '', `line ${line}: not of the form FROM IMAGE [AS NAME]`);
    return isNamed ? stage.toLowerCase() : undefined;
  }
  addBase(unquoted(written), line, variables, stages, reading);
  return isNamed ? stage.toLowerCase() : undefined;
}

function addBase(written: string, line: number, variables: Variables, stages: ReadonlySet<string>, reading: Reading): void {
  const expanded = expand(written, variables);
  if (typeof expanded !== 'string') {
    reading.addUnresolved(written, '', expanded.reason);
  } else if (stages.has(expanded.toLowerCase())) {
    reading.addLocal(expanded, '', 'a stage of this file');
  } else if (expanded !== SCRATCH) {
    const image = parseImage(expanded);
    if (!image) reading.addUnresolved(expanded, '', 'not the name of an image');
    else if (image.version === '') reading.addUnresolved(image.name, '', 'names neither a tag nor a digest');
    else reading.addPackage(image.name, image.version, { relationship: 'direct', line, registryHost: image.host });
  }
}

/** `ARG NAME[=VALUE] ...` before the first FROM. */
function declare(rest: string, variables: Map<string, string | undefined>): void {
  for (const word of wordsOf(rest)) {
    const equals = word.indexOf('=');
    const value = equals < 0 ? undefined : expand(unquoted(word.slice(equals + 1)), variables);
    variables.set(equals < 0 ? word : word.slice(0, equals), typeof value === 'string' ? value : undefined);
  }
}

/** Images whose files are copied or mounted: they are no base, but their content gets in. */
function addSources({ keyword, rest, line }: Instruction, stages: ReadonlySet<string>, reading: Reading): void {
  const words = rest.replace(/^(?:COPY|ADD|RUN)\s+/i, '');
  const isOnBuild = keyword === 'ONBUILD';
  if (keyword !== 'COPY' && keyword !== 'ADD' && keyword !== 'RUN' && !isOnBuild) return;
  for (const word of (isOnBuild ? words : rest).split(/\s+/)) {
    if (!word.startsWith('--')) return;
    const source = unquoted(/^--from=(.+)$/.exec(word)?.[1] ?? /^--mount=(?:.*,)?from=([^,]+)/.exec(word)?.[1] ?? '');
    if (source === '' || stages.has(source.toLowerCase()) || source === SCRATCH) continue;
    reading.addUnsupported(source, '', `line ${line}: files of an image that no stage is built on`);
  }
}
