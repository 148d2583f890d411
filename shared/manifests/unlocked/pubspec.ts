import { parseYaml } from '../syntax/yaml.ts';
import type { Requests } from './requests.ts';
import type { ReadRequests } from './unlocked-manifest.ts';

type YamlMap = ReadonlyMap<unknown, unknown>;

/** `pubspec.yaml` of Dart and Flutter. An override replaces what is asked for. */
export const readPubspec: ReadRequests = ({ text }, requests) => {
  const parsed = parseYaml(text);
  if ('reason' in parsed) return parsed.reason;
  const [pubspec] = parsed.value;
  if (!(pubspec instanceof Map)) return 'not a map';
  const sections = ['dependencies', 'dev_dependencies', 'dependency_overrides'].map((name) => mapOf(pubspec.get(name)));
  const requested = new Map(sections.flatMap((section) => [...section]));
  for (const [name, request] of requested) addRequest(String(name), request, requests);
  return undefined;
};

function addRequest(name: string, request: unknown, requests: Requests): void {
  const told = mapOf(request);
  const place = told.get('path') ?? told.get('sdk');
  const repository = told.get('git');
  if (place !== undefined) requests.addOwn(name, textOf(place));
  else if (repository !== undefined) requests.addOfRepository(name, textOf(repository) || textOf(mapOf(repository).get('url')));
  else requests.addOpen(name, textOf(request) || textOf(told.get('version')));
}

function mapOf(value: unknown): YamlMap {
  return value instanceof Map ? value : new Map();
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
