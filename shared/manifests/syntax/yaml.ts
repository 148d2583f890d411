import { FAILSAFE_SCHEMA, loadAll, realMapTag, YAMLException } from 'js-yaml';
import { whyUnreadable } from '../text.ts';
import type { Parsed } from './parsed.ts';

/** js-yaml takes up to 150 bytes of memory for each character of a hostile document (measured). */
const YAML_MAX_CHARACTERS = 768 * 1024;
/** A pnpm lock nests 6 deep. */
const YAML_MAX_DEPTH = 20;
/** Maps become `Map`, scalars stay strings: `__proto__` is a key like any other, and `5.3` is not rounded. */
const YAML_SCHEMA = FAILSAFE_SCHEMA.withTags(realMapTag);

/**
 * Every document of a YAML stream, maps as `Map` and scalars as strings. Anchors may stand there; aliases as many as `maxAliases`
 * says, each the very object that its anchor names: who walks over them must not visit one twice.
 */
export function parseYaml(text: string, maxAliases = 0): Parsed<readonly unknown[]> {
  if (text.length > YAML_MAX_CHARACTERS) {
    return {
      reason: `too large to be read as YAML of any layout: ${text.length} characters; up to ${YAML_MAX_CHARACTERS} are read`,
    };
  }
  try {
    return { value: loadAll(text, { schema: YAML_SCHEMA, maxAliases, maxDepth: YAML_MAX_DEPTH }) };
  } catch (error) {
    const detail = error instanceof YAMLException ? `: ${error.reason}` : '';
    return { reason: whyUnreadable(text) ?? `not valid YAML${detail}` };
  }
}
