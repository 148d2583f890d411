/** An element of a document, by its local name: prefixes of namespaces are cut off. */
export class XmlElement {
  readonly name: string;
  /** What stands right in it, entities decoded, without the white space around it. Child elements' texts are not part of it. */
  readonly text: string;
  readonly #children: readonly XmlElement[];
  readonly #attributes: ReadonlyMap<string, string>;

  constructor(qualifiedName: string, attributes: ReadonlyMap<string, string>, children: readonly XmlElement[], text: string) {
    this.name = qualifiedName.slice(qualifiedName.indexOf(':') + 1);
    this.text = text.trim();
    this.#children = children;
    this.#attributes = attributes;
  }

  /** The child elements, of this name if one is given, in order. */
  elements(name?: string): readonly XmlElement[] {
    return name === undefined ? this.#children : this.#children.filter((child) => child.name === name);
  }

  /** The first child element of this name. */
  element(name: string): XmlElement | undefined {
    return this.#children.find((child) => child.name === name);
  }

  /** All attributes, namespaces included, as they are named in the document. */
  attributes(): [name: string, value: string][] {
    return [...this.#attributes];
  }

  /** An attribute's value, without the white space around it; `undefined` where there is none of this name. */
  attribute(name: string): string | undefined {
    return this.#attributes.get(name);
  }
}
