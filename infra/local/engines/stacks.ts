import { isRecord, type References, resolveIntrinsics } from './intrinsics.ts';
import { TemplateError } from './plan.ts';
import { Properties } from './properties.ts';
import { generatedName, type Identity, RUNNABLE_TYPES, TYPES_WITHOUT_LOCAL_MEANING } from './resource-identity.ts';

/** One synthesised stack: its template as parsed JSON, and where the assets are that it names. */
export interface StackTemplate {
  readonly stackName: string;
  readonly template: unknown;
  /** Object key in the assets' bucket -> folder (or file) on this machine. */
  readonly assets: Readonly<Record<string, string>>;
}

/** A resource that the engines run, with its identity; `properties` remembers what has been read. */
export interface TemplateResource {
  readonly stackName: string;
  readonly logicalId: string;
  readonly type: string;
  readonly identity: Identity;
  readonly properties: Properties;
  readonly assets: Readonly<Record<string, string>>;
}

interface Stack {
  readonly stackName: string;
  readonly assets: Readonly<Record<string, string>>;
  readonly resources: Readonly<Record<string, Record<string, unknown>>>;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly references: References;
}

/** Attributes of a resource in a template that change nothing here. `Condition` and `CreationPolicy` are not among them. */
const RESOURCE_KEYS = new Set(['Type', 'Properties', 'Metadata', 'DependsOn', 'DeletionPolicy', 'UpdateReplacePolicy']);

/** Sections that the engines read or that only talk about deployment. */
const TEMPLATE_KEYS = new Set([
  'AWSTemplateFormatVersion',
  'Conditions',
  'Description',
  'Mappings',
  'Metadata',
  'Outputs',
  'Parameters',
  'Resources',
  'Rules',
]);

/** All stacks of an app together, so that one can import what another exports. Throws `TemplateError` for types that nothing runs. */
export class Stacks {
  readonly #stacks: readonly Stack[];
  readonly #identities = new Map<string, Identity>();
  readonly #parameterValues: Readonly<Record<string, string>>;

  constructor(templates: readonly StackTemplate[], parameterValues: Readonly<Record<string, string>>) {
    this.#parameterValues = parameterValues;
    this.#stacks = templates.map((template) => this.#index(template));
  }

  /** Every resource that the engines run, in the order of the templates. */
  resources(): TemplateResource[] {
    return this.#stacks.flatMap((stack) =>
      Object.entries(stack.resources).flatMap(([logicalId, resource]) => {
        const type = String(resource['Type']);
        if (TYPES_WITHOUT_LOCAL_MEANING.has(type)) return [];
        const where = `${stack.stackName}/${logicalId} (${type})`;
        if (!(type in RUNNABLE_TYPES)) throw new TemplateError(`${where}: the local engines cannot run this type of resource`);
        const unknown = Object.keys(resource).filter((key) => !RESOURCE_KEYS.has(key));
        if (unknown.length > 0) throw new TemplateError(`${where}: ${unknown.join(', ')}: not understood by the local engines`);
        const properties = new Properties(where, resource['Properties'] ?? {}, stack.references);
        const identity = this.#identity(stack, logicalId);
        return [{ stackName: stack.stackName, logicalId, type, identity, properties, assets: stack.assets }];
      }),
    );
  }

  /** Outputs of every stack as `StackName.OutputName`; one that speaks of a resource without local meaning is left out. */
  outputs(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const stack of this.#stacks) {
      for (const [name, output] of Object.entries(stack.outputs)) {
        if (!isRecord(output) || this.#mentionsNothingLocal(stack, output['Value'])) continue;
        found[`${stack.stackName}.${name}`] = String(
          resolveIntrinsics(output['Value'], stack.references, `${stack.stackName}/Outputs.${name}`),
        );
      }
    }
    return found;
  }

  #index({ stackName, template, assets }: StackTemplate): Stack {
    if (!isRecord(template) || !isRecord(template['Resources'])) {
      throw new TemplateError(`${stackName}: this is no CloudFormation template: it has no Resources`);
    }
    const unknown = Object.keys(template).filter((key) => !TEMPLATE_KEYS.has(key));
    if (unknown.length > 0) throw new TemplateError(`${stackName}: ${unknown.join(', ')}: not understood by the local engines`);
    const resources: Record<string, Record<string, unknown>> = {};
    for (const [logicalId, resource] of Object.entries(template['Resources'])) {
      if (!isRecord(resource)) throw new TemplateError(`${stackName}/${logicalId}: expected an object`);
      resources[logicalId] = resource;
    }
    const section = (name: string): Record<string, unknown> => (isRecord(template[name]) ? template[name] : {});
    const stack: Stack = {
      stackName,
      assets,
      resources,
      parameters: section('Parameters'),
      outputs: section('Outputs'),
      references: {
        stackName,
        ref: (logicalId) => this.#ref(stack, logicalId),
        getAttribute: (logicalId, attribute) => {
          const value = this.#identity(stack, logicalId).attributes[attribute];
          if (value !== undefined) return value;
          const type = String(resources[logicalId]?.['Type']);
          throw new TemplateError(`${stackName}/${logicalId} (${type}): the local engines have no value for its attribute ${attribute}`);
        },
        importValue: (exportName) => this.#importValue(stackName, exportName),
      },
    };
    return stack;
  }

  #ref(stack: Stack, logicalId: string): string {
    const parameter = stack.parameters[logicalId];
    if (parameter === undefined) return this.#identity(stack, logicalId).ref;
    const given = this.#parameterValues[logicalId];
    if (given !== undefined) return given;
    // The default of an SSM parameter is where its value stands, not the value.
    if (isRecord(parameter) && parameter['Default'] !== undefined && !String(parameter['Type']).startsWith('AWS::SSM::')) {
      return String(parameter['Default']);
    }
    throw new TemplateError(`${stack.stackName}: the parameter ${logicalId} has no value on this machine; give it one`);
  }

  #importValue(importer: string, exportName: string): unknown {
    for (const stack of this.#stacks) {
      for (const [name, output] of Object.entries(stack.outputs)) {
        if (!isRecord(output) || !isRecord(output['Export'])) continue;
        if (resolveIntrinsics(output['Export']['Name'], stack.references, `${stack.stackName}/Outputs.${name}`) !== exportName) continue;
        return resolveIntrinsics(output['Value'], stack.references, `${stack.stackName}/Outputs.${name}`);
      }
    }
    throw new TemplateError(`${importer}: imports ${exportName}, which no given stack exports`);
  }

  #identity(stack: Stack, logicalId: string): Identity {
    const key = `${stack.stackName}/${logicalId}`;
    const known = this.#identities.get(key);
    if (known) return known;
    const resource = stack.resources[logicalId];
    if (!resource) throw new TemplateError(`${key}: referred to, but the template has no such resource or parameter`);
    const type = String(resource['Type']);
    const naming = RUNNABLE_TYPES[type];
    if (!naming) {
      throw new TemplateError(`${key} (${type}): something that runs here refers to it, and it does not exist on this machine`);
    }
    const given = naming.nameProperty && isRecord(resource['Properties']) ? resource['Properties'][naming.nameProperty] : undefined;
    const name =
      given === undefined
        ? generatedName(stack.stackName, logicalId, naming.maximumLength)
        : String(resolveIntrinsics(given, stack.references, `${key}.${naming.nameProperty}`));
    const identity = naming.identify(name);
    this.#identities.set(key, identity);
    return identity;
  }

  #mentionsNothingLocal(stack: Stack, value: unknown): boolean {
    if (Array.isArray(value)) return value.some((item) => this.#mentionsNothingLocal(stack, item));
    if (!isRecord(value)) return false;
    const target = value['Ref'] ?? (Array.isArray(value['Fn::GetAtt']) ? value['Fn::GetAtt'][0] : undefined);
    const type = typeof target === 'string' ? stack.resources[target]?.['Type'] : undefined;
    if (typeof type === 'string') return TYPES_WITHOUT_LOCAL_MEANING.has(type);
    return Object.values(value).some((item) => this.#mentionsNothingLocal(stack, item));
  }
}
