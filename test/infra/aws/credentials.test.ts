import { describe, expect, it } from 'vitest';
import { checkTemplates, describeFindings } from '../../../infra/aws/template-checks.ts';
import { byId, resourcesOfType, synthesiseStacks } from './synthesised-stacks.ts';

describe('the rotation of the API key', () => {
  const { pipeline, merged } = synthesiseStacks({ tenant: 'default', reports: 'on' });

  it('begins two thirds into the life of a key, and with no deployment', () => {
    const [schedule, ...others] = resourcesOfType(merged, 'AWS::SecretsManager::RotationSchedule');
    expect(others).toEqual([]);
    expect(schedule?.properties).toEqual({
      SecretId: { Ref: 'SafeDepApiKeySecret' },
      RotationLambdaARN: { 'Fn::GetAtt': ['RotateFunction', 'Arn'] },
      RotationRules: { AutomaticallyAfterDays: 60 },
      RotateImmediatelyOnUpdate: false,
    });
  });

  it('waits for the right of Secrets Manager to call the function, which it tries at once', () => {
    const [schedule] = resourcesOfType(pipeline, 'AWS::SecretsManager::RotationSchedule');
    const permissions = resourcesOfType(pipeline, 'AWS::Lambda::Permission').map(({ logicalId }) => logicalId);
    expect(permissions).toContain([schedule?.resource.DependsOn].flat()[0]);
  });

  it('leaves no run of rotate longer than the time between two', () => {
    expect(byId(resourcesOfType(pipeline, 'AWS::Lambda::Function'), 'RotateFunction').properties.Timeout).toBeLessThan(300);
  });

  it('can be left to the operator, with everything else as it is', () => {
    const { pipeline: without } = synthesiseStacks({ tenant: 'default', reports: 'on', rotateApiKey: 'off' });
    expect(() => resourcesOfType(without, 'AWS::SecretsManager::RotationSchedule')).toThrow('has no');
    expect(resourcesOfType(without, 'AWS::Lambda::Function')).toHaveLength(resourcesOfType(pipeline, 'AWS::Lambda::Function').length);
  });

  it('warns of an old sign-in when the deployment says', () => {
    const { pipeline: patient } = synthesiseStacks({ tenant: 'default', reports: 'on', signInMaxAgeDays: 300 });
    const alarms = resourcesOfType(patient, 'AWS::CloudWatch::Alarm');
    expect(alarms.find(({ properties }) => properties.MetricName === 'refreshTokenAgeDays')?.properties.Threshold).toBe(300);
  });
});

describe('a static egress address', () => {
  it('is not there, and costs nothing, unless it is asked for', () => {
    const { merged } = synthesiseStacks({ tenant: 'default', reports: 'on' });
    expect(Object.values(merged.Resources).filter(({ Type }) => Type.startsWith('AWS::EC2::'))).toEqual([]);
  });

  describe('where it is asked for', () => {
    const { app, pipeline } = synthesiseStacks({ tenant: 'default', reports: 'on', staticEgress: true });

    it('is one, outlives the stack, and is what the one NAT gateway has', () => {
      const [address, ...others] = resourcesOfType(pipeline, 'AWS::EC2::EIP');
      expect(others).toEqual([]);
      expect([address?.logicalId, address?.resource.DeletionPolicy]).toEqual(['EgressAddress', 'Retain']);
      expect(resourcesOfType(pipeline, 'AWS::EC2::NatGateway').map(({ properties }) => properties.AllocationId)).toEqual([
        { 'Fn::GetAtt': ['EgressAddress', 'AllocationId'] },
      ]);
      expect(pipeline.Outputs?.['EgressAddress']).toMatchObject({
        Value: { Ref: 'EgressAddress' },
        Description: expect.stringMatching(/USD a month/),
      });
    });

    it('is taken by the functions that call SafeDep, and by no other', () => {
      const inside = resourcesOfType(pipeline, 'AWS::Lambda::Function').filter(({ properties }) => properties.VpcConfig);
      expect(inside.map(({ logicalId }) => logicalId).sort()).toEqual(['ReportFunction', 'RotateFunction', 'WorkerFunction']);
    });

    it('lets nothing in', () => {
      for (const { properties } of resourcesOfType(pipeline, 'AWS::EC2::SecurityGroup')) {
        expect(properties.SecurityGroupIngress).toBeUndefined();
      }
    });

    it('passes the AwsSolutions rules', () => {
      expect(describeFindings(checkTemplates(app))).toBe('');
    });
  });
});
