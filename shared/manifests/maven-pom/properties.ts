/** No version or name is longer: a property that grows beyond is a trap. */
const MAX_CHARACTERS = 1_000;
/** Properties that refer to one another, one within the other. */
const MAX_DEPTH = 32;

/** A text with its properties filled in, or why that could not be done, in words that end a sentence. */
export type Filled = { readonly text: string } | { readonly reason: string };

const EXPRESSION = /\$\{([^{}]*)\}/g;

/** Fills in `${NAME}` by what `lookUp` gives for it, and what stands in that in turn. Cycles and unknown names are told. */
export class Properties {
  readonly #lookUp: (name: string) => Filled;
  readonly #known = new Map<string, Filled>();
  readonly #open = new Set<string>();

  constructor(lookUp: (name: string) => Filled) {
    this.#lookUp = lookUp;
  }

  fill(text: string): Filled {
    if (!text.includes('${')) return { text };
    if (text.length > MAX_CHARACTERS) return { reason: `a text of more than ${MAX_CHARACTERS} characters with properties in it` };
    let filled = '';
    let end = 0;
    for (const expression of text.matchAll(EXPRESSION)) {
      const value = this.#valueOf(expression[1] ?? '');
      if ('reason' in value) return value;
      filled += text.slice(end, expression.index) + value.text;
      end = expression.index + expression[0].length;
    }
    filled += text.slice(end);
    if (filled.length > MAX_CHARACTERS) return { reason: `its properties make a text of more than ${MAX_CHARACTERS} characters` };
    return filled.includes('${') ? { reason: 'a property that is not closed' } : { text: filled };
  }

  #valueOf(name: string): Filled {
    const known = this.#known.get(name);
    if (known) return known;
    if (this.#open.has(name)) return { reason: `the property ${name} refers to itself` };
    if (this.#open.size >= MAX_DEPTH) return { reason: `more than ${MAX_DEPTH} properties refer to one another` };
    this.#open.add(name);
    const found = this.#lookUp(name);
    const value = 'reason' in found ? found : this.fill(found.text);
    this.#open.delete(name);
    // What fails within a cycle or too deep may be right from elsewhere.
    if (this.#open.size === 0 || !('reason' in value)) this.#known.set(name, value);
    return value;
  }
}
