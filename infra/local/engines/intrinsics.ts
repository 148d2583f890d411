import { ACCOUNT, REGION, TemplateError } from './plan.ts';

/** What `Ref` and `Fn::GetAtt` need to know of a stack. Both throw `TemplateError` for what the engines have no value for. */
export interface References {
  readonly stackName: string;
  ref(logicalId: string): string;
  getAttribute(logicalId: string, attribute: string): string;
  importValue(exportName: string): unknown;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Resolves every intrinsic inside a template value. `where` names the resource and property for errors. */
export function resolveIntrinsics(value: unknown, references: References, where: string): unknown {
  const resolve = (inner: unknown): unknown => resolveIntrinsics(inner, references, where);
  if (Array.isArray(value)) return value.map(resolve).filter((item) => item !== undefined);
  if (!isRecord(value)) return value;
  const keys = Object.keys(value);
  const key = keys[0];
  if (keys.length === 1 && key !== undefined && (key === 'Ref' || key.startsWith('Fn::'))) {
    return resolveIntrinsic(key, value[key], references, where);
  }
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, inner]) => [name, resolve(inner)] as const)
      .filter(([, inner]) => inner !== undefined),
  );
}

function resolveIntrinsic(name: string, argument: unknown, references: References, where: string): unknown {
  const resolve = (inner: unknown): unknown => resolveIntrinsics(inner, references, where);
  const fail = (): never => {
    throw new TemplateError(`${where}: ${name} with ${JSON.stringify(argument)} is not understood by the local engines`);
  };
  switch (name) {
    case 'Ref':
      return typeof argument === 'string' ? resolveRef(argument, references) : fail();
    case 'Fn::GetAtt': {
      const [logicalId, attribute] = typeof argument === 'string' ? splitOnce(argument, '.') : Array.isArray(argument) ? argument : [];
      if (typeof logicalId !== 'string' || typeof attribute !== 'string') return fail();
      return references.getAttribute(logicalId, attribute);
    }
    case 'Fn::Join': {
      const [delimiter, parts] = Array.isArray(argument) ? argument : [];
      const resolved = resolve(parts);
      if (typeof delimiter !== 'string' || !Array.isArray(resolved)) return fail();
      return resolved.map(String).join(delimiter);
    }
    case 'Fn::Split': {
      const [delimiter, source] = Array.isArray(argument) ? argument : [];
      const resolved = resolve(source);
      if (typeof delimiter !== 'string' || typeof resolved !== 'string') return fail();
      return resolved.split(delimiter);
    }
    case 'Fn::Select': {
      const [index, list] = Array.isArray(argument) ? argument : [];
      const resolved = resolve(list);
      const picked = Array.isArray(resolved) ? resolved[Number(resolve(index))] : undefined;
      return picked === undefined ? fail() : picked;
    }
    case 'Fn::Sub': {
      const [template, variables] = Array.isArray(argument) ? argument : [argument, {}];
      if (typeof template !== 'string' || !isRecord(variables)) return fail();
      return template.replaceAll(/\$\{([^}]+)\}/g, (_whole, inner: string) => {
        if (inner.startsWith('!')) return `\${${inner.slice(1)}}`;
        if (inner in variables) return String(resolve(variables[inner]));
        const [logicalId, attribute] = splitOnce(inner, '.');
        return String(attribute === undefined ? resolveRef(logicalId, references) : references.getAttribute(logicalId, attribute));
      });
    }
    case 'Fn::ImportValue': {
      const exportName = resolve(argument);
      return typeof exportName === 'string' ? references.importValue(exportName) : fail();
    }
    default:
      return fail();
  }
}

function resolveRef(name: string, references: References): string | undefined {
  switch (name) {
    case 'AWS::AccountId':
      return ACCOUNT;
    case 'AWS::Region':
      return REGION;
    case 'AWS::Partition':
      return 'aws';
    case 'AWS::URLSuffix':
      return 'amazonaws.com';
    case 'AWS::StackName':
      return references.stackName;
    case 'AWS::StackId':
      return `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${references.stackName}/local`;
    case 'AWS::NoValue':
      return undefined;
    default:
      return references.ref(name);
  }
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
