import { isRecord } from './intrinsics.ts';

/** A pattern that EventBridge would refuse, or that is not run here. */
export class EventPatternError extends Error {
  override readonly name = 'EventPatternError';
}

type Matches = (event: unknown) => boolean;
/** Judges one value of the event; `undefined` is a field that is not there. */
type MatchesValue = (value: unknown) => boolean;

/**
 * Makes the test of an EventBridge event pattern: values, `prefix`, `suffix`, `anything-but`, `exists`, `numeric`, `equals-ignore-case`,
 * `wildcard`, `$or`, nested fields, and arrays on either side (one element in common is a match). Throws `EventPatternError`.
 */
export function compilePattern(pattern: unknown): Matches {
  if (!isRecord(pattern) || Object.keys(pattern).length === 0)
    throw new EventPatternError('a pattern is an object with at least one field');
  const tests = Object.entries(pattern).map(([field, inner]): Matches => {
    if (field === '$or') return compileAlternatives(inner);
    if (Array.isArray(inner)) {
      if (inner.length === 0) throw new EventPatternError(`the list of values for ${field} is empty`);
      const matchers = inner.map((matcher) => compileMatcher(matcher, field));
      return (event) => {
        const value = isRecord(event) ? event[field] : undefined;
        const candidates = Array.isArray(value) ? value : [value];
        return candidates.some((candidate) => matchers.some((matches) => matches(candidate)));
      };
    }
    const nested = compilePattern(inner);
    return (event) => {
      const value = isRecord(event) ? event[field] : undefined;
      // An absent object still has to be looked at: `exists: false` may stand below it.
      return Array.isArray(value) ? value.some(nested) : nested(value);
    };
  });
  return (event) => tests.every((matches) => matches(event));
}

function compileAlternatives(alternatives: unknown): Matches {
  if (!Array.isArray(alternatives) || alternatives.length < 2) throw new EventPatternError('$or needs a list of two patterns or more');
  const tests = alternatives.map(compilePattern);
  return (event) => tests.some((matches) => matches(event));
}

function compileMatcher(matcher: unknown, field: string): MatchesValue {
  if (matcher === null || ['string', 'number', 'boolean'].includes(typeof matcher)) return (value) => value === matcher;
  const [kind, argument, ...more] = isRecord(matcher) ? Object.entries(matcher).flat() : [];
  if (typeof kind !== 'string' || more.length > 0) throw new EventPatternError(`${field}: ${JSON.stringify(matcher)} is no matcher`);
  switch (kind) {
    case 'exists':
      if (typeof argument !== 'boolean') break;
      return (value) => (value !== undefined && !isRecord(value)) === argument;
    case 'anything-but':
      return compileAnythingBut(argument, field);
    case 'numeric':
      return compileNumeric(argument, field);
    default: {
      const matches = compileTextMatcher(kind, argument);
      if (matches) return matches;
    }
  }
  throw new EventPatternError(`${field}: the matcher ${JSON.stringify(matcher)} is not understood`);
}

function compileTextMatcher(kind: string, argument: unknown): MatchesValue | undefined {
  if ((kind === 'prefix' || kind === 'suffix') && isRecord(argument) && typeof argument['equals-ignore-case'] === 'string') {
    const matches = compileTextMatcher(kind, argument['equals-ignore-case'].toLowerCase());
    return (value) => typeof value === 'string' && matches?.(value.toLowerCase()) === true;
  }
  if (typeof argument !== 'string') return undefined;
  switch (kind) {
    case 'prefix':
      return (value) => typeof value === 'string' && value.startsWith(argument);
    case 'suffix':
      return (value) => typeof value === 'string' && value.endsWith(argument);
    case 'equals-ignore-case':
      return (value) => typeof value === 'string' && value.toLowerCase() === argument.toLowerCase();
    case 'wildcard': {
      const expression = toExpression(argument);
      return (value) => typeof value === 'string' && expression.test(value);
    }
    default:
      return undefined;
  }
}

function compileAnythingBut(argument: unknown, field: string): MatchesValue {
  const [kind, texts] = isRecord(argument) ? (Object.entries(argument)[0] ?? []) : [undefined, argument];
  const excluded = (Array.isArray(texts) ? texts : [texts]).map((text): MatchesValue => {
    if (kind !== undefined) {
      const matches = compileTextMatcher(kind, text);
      if (matches) return matches;
    } else if (typeof text === 'string' || typeof text === 'number') {
      return (value) => value === text;
    }
    throw new EventPatternError(`${field}: anything-but with ${JSON.stringify(argument)} is not understood`);
  });
  return (value) => value !== undefined && !isRecord(value) && !excluded.some((matches) => matches(value));
}

function compileNumeric(argument: unknown, field: string): MatchesValue {
  const parts: unknown[] = Array.isArray(argument) ? argument : [];
  if (
    (parts.length !== 2 && parts.length !== 4) ||
    !parts.every((part, index) => typeof part === (index % 2 === 0 ? 'string' : 'number'))
  ) {
    throw new EventPatternError(`${field}: numeric with ${JSON.stringify(argument)} is not understood`);
  }
  const tests: ((value: number) => boolean)[] = [];
  for (let index = 0; index < parts.length; index += 2)
    tests.push(compileComparison(String(parts[index]), Number(parts[index + 1]), field));
  return (value) => typeof value === 'number' && tests.every((matches) => matches(value));
}

function compileComparison(operator: string, bound: number, field: string): (value: number) => boolean {
  switch (operator) {
    case '=':
      return (value) => value === bound;
    case '<':
      return (value) => value < bound;
    case '<=':
      return (value) => value <= bound;
    case '>':
      return (value) => value > bound;
    case '>=':
      return (value) => value >= bound;
    default:
      throw new EventPatternError(`${field}: ${operator} is no comparison`);
  }
}

/** `*` stands for any text, `\*` for itself. */
function toExpression(wildcard: string): RegExp {
  const parts = wildcard.split(/(\\[*\\]|\*)/).map((part) => {
    if (part === '*') return '.*';
    return part.replace(/^\\([*\\])$/, '$1').replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`, 's');
}
