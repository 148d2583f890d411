import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import {
  CfnEIP,
  GatewayVpcEndpointAwsService,
  type ISecurityGroup,
  type IVpc,
  NatProvider,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct, type IConstruct } from 'constructs';
import { pinLogicalId } from './logical-id.ts';

/** For whoever turns it on: NAT gateway and address by the hour, in the dearer half of the regions more. */
export const STATIC_EGRESS_COST = 'about 37 USD a month for the NAT gateway and its address, and 0.045 USD a GB';

/**
 * One address that functions call out from, for SafeDep's IP allow lists: a VPC with one NAT gateway. One, because two would be two
 * addresses; while its zone is down those functions wait, and their queues with them. DynamoDB is reached without it.
 */
export class StaticEgress extends Construct {
  readonly vpc: IVpc;
  readonly securityGroup: ISecurityGroup;
  readonly address: string;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const address = new CfnEIP(this, 'Address', { domain: 'vpc' });
    // It stands in somebody's allow list.
    address.applyRemovalPolicy(RemovalPolicy.RETAIN);
    address.overrideLogicalId('EgressAddress');
    this.address = address.ref;
    const vpc = new Vpc(this, 'Vpc', {
      maxAzs: 2,
      natGateways: 1,
      natGatewayProvider: NatProvider.gateway({ eipAllocationIds: [address.attrAllocationId] }),
      subnetConfiguration: [
        { name: 'Public', subnetType: SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
        { name: 'Private', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 20 },
      ],
      gatewayEndpoints: { DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB } },
    });
    pinLogicalId(vpc, 'EgressVpc');
    Validations.of(vpc).acknowledge({
      id: 'AwsSolutions-VPC7',
      reason: 'Only our functions stand in it, which take no connections and log what they do; flow logs would cost more than the gateway',
    });
    // For the library's types, which exactOptionalPropertyTypes finds fault with.
    this.vpc = vpc as IVpc;
    this.securityGroup = new SecurityGroup(this, 'Functions', {
      vpc: this.vpc,
      description: 'safedep-watch: functions that call SafeDep; nothing comes in',
    });
  }

  /** The right to stand in the VPC, for a role of our own: Lambda makes the interfaces with it. */
  grantEntry(grantee: IGrantable & IConstruct): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['ec2:CreateNetworkInterface', 'ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets', 'ec2:DeleteNetworkInterface'],
        resources: ['*'],
      }),
    );
    Validations.of(grantee).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'The interfaces do not exist yet, and EC2 knows no resource for describing them; AWS asks for exactly this',
    });
  }
}
