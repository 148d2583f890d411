/**
 * Names that npm's registry can hold, old ones with capitals and `!~*'()` included. No name begins with a dot, nor an
 * unscoped one with an underscore: `__proto__`, `..` and paths are none.
 */
const NAME = /^(?:@[A-Za-z0-9_\-~!*'()][A-Za-z0-9._\-~!*'()]*\/[A-Za-z0-9_\-~!*'()]|[A-Za-z0-9\-~!*'()])[A-Za-z0-9._\-~!*'()]*$/;

/** Nearly every one, told faster. */
const USUAL_NAME = /^[a-z0-9-]+$/;

export function isNpmName(text: unknown): text is string {
  return typeof text === 'string' && (USUAL_NAME.test(text) || NAME.test(text));
}

/** Splits `name@rest` at the `@` that ends the name, scoped or not; `rest` is empty where there is none. */
export function splitNpmSpec(spec: string): { readonly name: string; readonly rest: string } {
  const at = spec.indexOf('@', 1);
  return at < 0 ? { name: spec, rest: '' } : { name: spec.slice(0, at), rest: spec.slice(at + 1) };
}
