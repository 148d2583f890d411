import { ArnFormat, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct, type IConstruct } from 'constructs';
import { pinLogicalId } from './logical-id.ts';

/** Every secret of ours is below this; settings documents name more of them, and rights are given by these prefixes. */
const NAMESPACE = 'safedep-watch';
export const FORGE_SECRETS = `${NAMESPACE}/forges`;
export const SINK_SECRETS = `${NAMESPACE}/sinks`;

export interface OperatorSecretProps {
  readonly logicalId: string;
  /** Below `safedep-watch/`. */
  readonly name: string;
  /** Shown in the console: what belongs in it and where it comes from. */
  readonly description: string;
  /** Why Secrets Manager has no schedule for it in this stack; said to the checks of the template. */
  readonly notRotatedBecause: string;
  /**
   * `generated`: Secrets Manager makes 64 random letters and digits, to be pasted elsewhere. `by-operator`: it is made without a
   * value, so that reading it fails and says so, where a random one would look like a key that SafeDep refuses.
   */
  readonly value: 'generated' | 'by-operator';
}

const GENERATED_LENGTH_CHARACTERS = 64;

/** A secret that people fill in or paste elsewhere. It outlives its stack. */
export class OperatorSecret extends Construct {
  readonly secretName: string;
  readonly secretArn: string;

  constructor(scope: Construct, id: string, props: OperatorSecretProps) {
    super(scope, id);
    this.secretName = `${NAMESPACE}/${props.name}`;
    // The L2 construct gives every secret a random value.
    const secret = new CfnSecret(this, 'Resource', {
      name: this.secretName,
      description: props.description,
      ...(props.value === 'generated'
        ? { generateSecretString: { passwordLength: GENERATED_LENGTH_CHARACTERS, excludePunctuation: true } }
        : {}),
    });
    secret.applyRemovalPolicy(RemovalPolicy.RETAIN);
    pinLogicalId(this, props.logicalId);
    Validations.of(secret).acknowledge({ id: 'AwsSolutions-SMG4', reason: props.notRotatedBecause });
    this.secretArn = secret.ref;
  }

  grantRead(grantee: IGrantable): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [this.secretArn] }),
    );
  }

  /** To read every version of it, and to put a new one in the current one's place. */
  grantReplace(grantee: IGrantable): void {
    const actions = ['GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage', 'DescribeSecret'];
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: actions.map((action) => `secretsmanager:${action}`), resources: [this.secretArn] }),
    );
  }
}

/** Settings documents name secrets by themselves, so their names are not known at deployment: the prefix is the boundary. */
export function grantSecretsBelow(reader: IGrantable & IConstruct, prefix: typeof FORGE_SECRETS | typeof SINK_SECRETS): void {
  const resourceName = `${prefix}/*`;
  const arn = Stack.of(reader).formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  reader.grantPrincipal.addToPrincipalPolicy(new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [arn] }));
  Validations.of(reader).acknowledge({
    id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:${resourceName}]`,
    reason: `The settings document names further secrets below ${prefix}/; they are made after the deployment`,
  });
}
