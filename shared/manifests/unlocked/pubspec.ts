import { PUB_NAME } from '../pub/names.ts';
import { parseYaml } from '../syntax/yaml.ts';
import { Requests } from './requests.ts';
import type { ReadRequests } from './unlocked-manifest.ts';

const EXACT = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;

/** `pubspec.yaml` of Dart and Flutter. */
export const readPubspec: ReadRequests = (_bytes, text, reading) => {
  const parsed = parseYaml(text);
  if ('reason' in parsed) return parsed.reason;
  const [pubspec] = parsed.value;
  if (!(pubspec instanceof Map)) return 'not a map';
  const requests = new Requests(reading, 'PUB', (name) => PUB_NAME.test(name));
  for (const section of ['dependencies', 'dev_dependencies', 'dependency_overrides']) {
    const requested: unknown = pubspec.get(section);
    if (!(requested instanceof Map)) continue;
    for (const [name, request] of requested) addRequest(String(name), request, section === 'dev_dependencies', requests);
  }
  return undefined;
};

function addRequest(name: string, request: unknown, isDevelopment: boolean, requests: Requests): void {
  const told = (key: string): unknown => (request instanceof Map ? request.get(key) : undefined);
  const place = told('path') ?? told('sdk');
  const repository = told('git');
  if (place !== undefined) {
    requests.addOwn(name, textOf(place));
  } else if (repository !== undefined) {
    requests.addOfRepository(name, textOf(repository instanceof Map ? repository.get('url') : repository));
  } else {
    const range = textOf(request instanceof Map ? request.get('version') : request).trim();
    if (EXACT.test(range)) requests.addPinned(name, range, isDevelopment);
    else requests.addOpen(name, range);
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
