/** A CloudFormation template, as far as we look into it. */
export interface Template {
  readonly Resources: Readonly<Record<string, TemplateResource>>;
  readonly Outputs?: Readonly<Record<string, TemplateOutput>>;
}

export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly Metadata?: unknown;
}

export interface TemplateOutput {
  readonly Value: unknown;
  readonly Description?: string;
  readonly Export?: { readonly Name: unknown };
}

/**
 * Several stacks as one: what one imports from another becomes a plain reference, and the exports are gone. Throws where two stacks
 * use one name, and where an import has no export.
 */
export function mergeTemplates(templates: readonly Template[]): Template {
  const exported = new Map<unknown, unknown>();
  for (const { Outputs = {} } of templates) {
    for (const output of Object.values(Outputs)) if (output.Export) exported.set(output.Export.Name, output.Value);
  }
  const outputs = templates.map(({ Outputs = {} }) => Object.fromEntries(Object.entries(Outputs).filter(([, output]) => !output.Export)));
  const merged = {
    Resources: mergeUnique(templates.map(({ Resources }) => Resources)),
    Outputs: mergeUnique(outputs),
  };
  return resolveImports(merged, exported) as Template;
}

function mergeUnique<T>(parts: readonly Readonly<Record<string, T>>[]): Record<string, T> {
  const merged: Record<string, T> = {};
  for (const [name, value] of parts.flatMap((part) => Object.entries(part))) {
    if (Object.hasOwn(merged, name)) throw new Error(`two stacks have something named ${name}`);
    merged[name] = value;
  }
  return merged;
}

function resolveImports(node: unknown, exported: ReadonlyMap<unknown, unknown>): unknown {
  if (Array.isArray(node)) return node.map((item) => resolveImports(item, exported));
  if (typeof node !== 'object' || node === null) return node;
  if ('Fn::ImportValue' in node) {
    const name = node['Fn::ImportValue'];
    if (!exported.has(name)) throw new Error(`no stack exports ${JSON.stringify(name)}`);
    return exported.get(name);
  }
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, resolveImports(value, exported)]));
}
