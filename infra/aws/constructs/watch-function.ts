import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type IGrantable, type IPrincipal, type Policy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, RecursiveLoop, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { FunctionName } from '../bundle.ts';
import type { DeployedEnvironment } from '../environments.ts';
import { functionLogicalId, pinLogicalId } from './logical-id.ts';
import type { StaticEgress } from './static-egress.ts';

export interface WatchFunctionProps<N extends FunctionName> {
  readonly name: N;
  readonly description: string;
  /** Folder with the bundled `index.mjs`. */
  readonly bundle: string;
  readonly environment: DeployedEnvironment<N>;
  readonly timeout: Duration;
  /** Lambda gives processor time in proportion: 1,769 MiB are one whole core. */
  readonly memorySizeMiB: number;
  /** Executions that are kept for this function, and its most. @default - shares the account's */
  readonly reservedConcurrentExecutions?: number;
  /**
   * Set where the function sends to the queue that it reads. Lambda takes that for an accident after some 16 hops and stops the
   * chain, which here would silently end a fan-out. @default false
   */
  readonly sendsToItsOwnQueue?: boolean;
  /** Where its calls go out from one address. @default - Lambda's own network */
  readonly egress?: StaticEgress;
}

/** A handler of `functions/` with a role and a log group of its own. The role can write that log and nothing else until granted. */
export class WatchFunction<N extends FunctionName = FunctionName> extends Construct implements IGrantable {
  readonly function: LambdaFunction;
  readonly timeout: Duration;
  readonly grantPrincipal: IPrincipal;
  readonly #role: Role;

  constructor(scope: Construct, id: string, props: WatchFunctionProps<N>) {
    super(scope, id);
    this.timeout = props.timeout;
    const logGroup = new LogGroup(this, 'Logs', { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY });
    // Without a role of our own the construct attaches AWS's managed policy, which may write every log group of the account.
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    this.#role = role;
    this.grantPrincipal = role.grantPrincipal;
    props.egress?.grantEntry(this);
    this.function = new LambdaFunction(this, 'Function', {
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(props.bundle),
      handler: 'index.handler',
      environment: { ...props.environment },
      timeout: props.timeout,
      memorySize: props.memorySizeMiB,
      role,
      logGroup,
      ...(props.reservedConcurrentExecutions === undefined ? {} : { reservedConcurrentExecutions: props.reservedConcurrentExecutions }),
      ...(props.egress ? { vpc: props.egress.vpc, securityGroups: [props.egress.securityGroup] } : {}),
      recursiveLoop: props.sendsToItsOwnQueue ? RecursiveLoop.ALLOW : RecursiveLoop.TERMINATE,
    });
    pinLogicalId(this.function, functionLogicalId(props.name));
  }

  /** A policy of its own beside the role's, for rights that name the function itself. */
  attach(policy: Policy): void {
    policy.attachToRole(this.#role);
  }
}
