import { createRequire } from 'node:module';
import { isRecord } from './intrinsics.ts';

/** Expressions of ours are some dozens; one with a name in it (a batch number, a transition) comes in as many forms as there are names. */
const REMEMBERED_MAX = 1_000;
/** These are refused for some values and taken for others of the same type: each is parsed. */
const VALUE_DEPENDENT = /\bbetween\b|\battribute_type\b/i;

interface ParseContext {
  readonly attrNames?: Readonly<Record<string, string>> | null;
  readonly attrVals?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | null;
  unusedAttrNames: Record<string, boolean>;
  unusedAttrVals: Record<string, boolean>;
}

interface Parser {
  parse(expression: string, options: { readonly context: ParseContext }): unknown;
}

/** A parsed expression whose values are named, not there. */
interface Remembered {
  readonly template: unknown;
  readonly usedNames: readonly string[];
  readonly usedValues: readonly string[];
}

/** Where a value stood. */
class ValueSlot {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Makes dynalite parse each expression once for each set of names and of types of values: its parsers take half of the time of a
 * write, and what they find does not depend on the values themselves. What they refuse is parsed again each time.
 */
export function rememberExpressions(): void {
  const require = createRequire(import.meta.url);
  for (const name of ['conditionParser', 'updateParser']) {
    const parser = require(`dynalite/db/${name}`) as Parser;
    const parse = parser.parse;
    const remembered = new Map<string, Remembered>();
    parser.parse = (expression, options) => {
      const { context } = options;
      if (VALUE_DEPENDENT.test(expression)) return parse(expression, options);
      const key = keyOf(expression, context);
      let known = remembered.get(key);
      if (!known) {
        const all: ParseContext = { ...context, unusedAttrNames: flags(context.attrNames), unusedAttrVals: flags(context.attrVals) };
        const parsed = parse(expression, { context: all });
        // A text says what is wrong with it.
        if (!isRecord(parsed)) return parse(expression, options);
        known = {
          template: toTemplate(parsed, new Map(Object.entries(context.attrVals ?? {}).map(([valueName, value]) => [value, valueName]))),
          usedNames: Object.keys(context.attrNames ?? {}).filter((each) => !all.unusedAttrNames[each]),
          usedValues: Object.keys(context.attrVals ?? {}).filter((each) => !all.unusedAttrVals[each]),
        };
        if (remembered.size >= REMEMBERED_MAX) remembered.clear();
        remembered.set(key, known);
      }
      for (const used of known.usedNames) delete context.unusedAttrNames[used];
      for (const used of known.usedValues) delete context.unusedAttrVals[used];
      return fill(known.template, context);
    };
  }
}

function keyOf(expression: string, { attrNames, attrVals }: ParseContext): string {
  let key = expression;
  for (const name in attrNames) key += `\n${name} ${attrNames[name]}`;
  for (const name in attrVals) key += `\n${name} ${Object.keys(attrVals[name] ?? {})}`;
  return key;
}

function flags(of: object | null | undefined): Record<string, boolean> {
  return Object.fromEntries(Object.keys(of ?? {}).map((name) => [name, true]));
}

function toTemplate(part: unknown, valueNames: ReadonlyMap<unknown, string>): unknown {
  const name = valueNames.get(part);
  if (name !== undefined) return new ValueSlot(name);
  if (Array.isArray(part)) return part.map((each) => toTemplate(each, valueNames));
  if (typeof part !== 'object' || part === null) return part;
  const copy: Record<string, unknown> = Object.create(Object.getPrototypeOf(part));
  for (const [property, value] of Object.entries(part)) copy[property] = toTemplate(value, valueNames);
  return copy;
}

/** A copy of its own each time: dynalite writes into what it parsed. */
function fill(template: unknown, context: ParseContext): unknown {
  if (typeof template !== 'object' || template === null) return template;
  if (template instanceof ValueSlot) return context.attrVals?.[template.name];
  if (Array.isArray(template)) return template.map((each) => fill(each, context));
  const copy: Record<string, unknown> = Object.create(Object.getPrototypeOf(template));
  for (const property in template) copy[property] = fill((template as Record<string, unknown>)[property], context);
  return copy;
}
