import { checkEntryCount, type Reading } from '../reading.ts';
import { addImage, addUses } from './uses.ts';

export type YamlMap = ReadonlyMap<unknown, unknown>;

const WORKFLOW_KEYS = new Set(['name', 'run-name', 'on', 'permissions', 'env', 'defaults', 'concurrency', 'jobs', 'description']);
const JOB_KEYS = new Set([
  ...['name', 'permissions', 'needs', 'if', 'runs-on', 'environment', 'concurrency', 'outputs', 'env', 'defaults', 'steps', 'snapshot'],
  ...['timeout-minutes', 'strategy', 'continue-on-error', 'container', 'services', 'uses', 'with', 'secrets', 'cancel-timeout-minutes'],
]);
const STEP_KEYS = new Set([
  ...['id', 'if', 'name', 'uses', 'run', 'working-directory', 'shell', 'with', 'env', 'continue-on-error', 'timeout-minutes'],
]);
const RUNS_KEYS = new Set([
  ...['using', 'steps', 'main', 'pre', 'pre-if', 'post', 'post-if', 'image', 'entrypoint', 'pre-entrypoint', 'post-entrypoint'],
  ...['args', 'env', 'plugin'],
]);

type Lines = ReadonlyMap<string, number>;

export function isMap(value: unknown): value is YamlMap {
  return value instanceof Map;
}

/** Adds what the jobs of a workflow use. Gives why the file is none. */
export function addWorkflow(file: YamlMap, lines: Lines, reading: Reading): string | undefined {
  const jobs = file.get('jobs');
  if (!isMap(jobs)) return 'not a workflow: its "jobs" are no map';
  checkEntryCount(jobs.size);
  warnOfUnknown(file, WORKFLOW_KEYS, 'the workflow', reading);
  const steps = new StepReader(lines, reading);
  for (const [id, job] of jobs) {
    const name = `job ${String(id)}`;
    if (!isMap(job)) {
      reading.addUnresolved(name, textOf(job), 'a job that is no map');
      continue;
    }
    warnOfUnknown(job, JOB_KEYS, 'a job', reading);
    addContainer(job.get('container'), name, reading);
    addServices(job.get('services'), name, reading);
    const uses = job.get('uses');
    if (uses !== undefined) steps.addUses(uses, name);
    if (job.has('steps')) steps.addSteps(job.get('steps'), name);
    if (uses === undefined && !job.has('steps')) reading.addUnresolved(name, '', 'a job without steps that uses nothing');
  }
  return undefined;
}

/** Adds what the steps of a composite action use; actions of other kinds are code of their own. Gives why the file is none. */
export function addAction(file: YamlMap, lines: Lines, reading: Reading): string | undefined {
  const runs = file.get('runs');
  if (!isMap(runs)) return 'not a workflow, and not an action: neither "jobs" nor "runs" stand in it';
  const using = textOf(runs.get('using'));
  warnOfUnknown(runs, RUNS_KEYS, 'what the action runs', reading);
  if (using === 'composite') {
    if (!runs.has('steps')) return 'not a composite action: it has no steps';
    new StepReader(lines, reading).addSteps(runs.get('steps'), 'the action');
  } else if (using === 'docker') {
    const image = textOf(runs.get('image'));
    if (image.startsWith('docker://')) addUses(image, lines, reading);
    else if (image === '') reading.addUnresolved('the action', '', 'runs in an image that it does not name');
    else reading.addLocal(image, '', 'the image of the action itself');
  } else if (!/^node\d+$/.test(using)) {
    reading.addUnresolved('the action', using, 'runs by something that is not known');
  } else if (runs.has('steps')) {
    reading.addUnresolved('the action', using, 'has steps, which only a composite action runs');
  }
  return undefined;
}

/** Reads steps. A list or a step that stands there again, by an alias, is read once. */
class StepReader {
  readonly #lines: Lines;
  readonly #reading: Reading;
  readonly #seen = new Set<unknown>();
  #stepCount = 0;

  constructor(lines: Lines, reading: Reading) {
    this.#lines = lines;
    this.#reading = reading;
  }

  addUses(uses: unknown, where: string): void {
    if (typeof uses === 'string') addUses(uses, this.#lines, this.#reading);
    else this.#reading.addUnresolved(where, textOf(uses), 'its "uses" is no text');
  }

  addSteps(steps: unknown, where: string): void {
    if (this.#seen.has(steps)) return;
    if (!Array.isArray(steps)) {
      this.#reading.addUnresolved(where, textOf(steps), 'its steps are no list');
      return;
    }
    this.#seen.add(steps);
    this.#stepCount += steps.length;
    checkEntryCount(this.#stepCount);
    for (const step of steps as readonly unknown[]) {
      if (this.#seen.has(step)) continue;
      if (isMap(step)) {
        this.#seen.add(step);
        this.#addStep(step, where);
      } else {
        this.#reading.addUnresolved(where, textOf(step), 'a step that is no map');
      }
    }
  }

  #addStep(step: YamlMap, where: string): void {
    warnOfUnknown(step, STEP_KEYS, 'a step', this.#reading);
    if (step.has('uses')) this.addUses(step.get('uses'), where);
    else if (!step.has('run')) this.#reading.addUnresolved(where, '', 'a step that neither uses nor runs anything');
    if (step.has('uses') && step.has('run'))
      this.#reading.addWarning(`a step of ${where} both uses and runs something, which GitHub refuses`);
  }
}

function addContainer(container: unknown, where: string, reading: Reading): void {
  if (container === undefined || container === '') return;
  const image = isMap(container) ? container.get('image') : container;
  if (typeof image !== 'string') reading.in('DOCKER').addUnresolved(where, '', 'its container names no image');
  // GitHub runs a job without a container where the image is empty.
  else if (image !== '') addImage(image, reading);
}

function addServices(services: unknown, where: string, reading: Reading): void {
  if (services === undefined || services === '') return;
  if (!isMap(services)) {
    reading.in('DOCKER').addUnresolved(where, textOf(services), 'its services are no map');
    return;
  }
  for (const service of services.values()) addContainer(service, where, reading);
}

function warnOfUnknown(map: YamlMap, known: ReadonlySet<string>, where: string, reading: Reading): void {
  for (const key of map.keys()) {
    if (!known.has(String(key))) reading.addWarning(`${where} has a "${String(key)}", which is not known and was not read`);
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
