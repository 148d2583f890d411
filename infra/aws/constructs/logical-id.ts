import type { CfnResource } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { FunctionName } from '../bundle.ts';

/**
 * Fixes the logical id of what holds state or is named from outside. CloudFormation replaces a resource whose logical id changes, so
 * without this a construct that moves in the tree would take its table or queue with it; a test lists the ids.
 */
export function pinLogicalId(construct: IConstruct, logicalId: string): void {
  const resource = construct.node.defaultChild as CfnResource | undefined;
  if (!resource) throw new Error(`${construct.node.path} has no resource of its own to name ${logicalId}`);
  resource.overrideLogicalId(logicalId);
}

/** `lookups-live` -> `LookupsLive`. */
export function toPascalCase(kebabCase: string): string {
  return kebabCase.replace(/(^|-)([a-z])/g, (_match, _dash, letter: string) => letter.toUpperCase());
}

/** `worker` -> `WorkerFunction`. */
export function functionLogicalId(name: FunctionName): string {
  return `${toPascalCase(name)}Function`;
}
