import { describe, expect, it } from 'vitest';
import { mergeTemplates, type Template } from '../../../infra/aws/merge-templates.ts';

const exporting: Template = {
  Resources: { Table: { Type: 'AWS::DynamoDB::GlobalTable', DeletionPolicy: 'Retain' } },
  Outputs: {
    ExportsOutputTable: { Value: { Ref: 'Table' }, Export: { Name: 'state:Table' } },
    TableName: { Value: { Ref: 'Table' } },
  },
};

const importing: Template = {
  Resources: {
    Policy: {
      Type: 'AWS::IAM::Policy',
      Properties: { Resources: [{ 'Fn::Join': ['', [{ 'Fn::ImportValue': 'state:Table' }, '/index/due']] }] },
    },
  },
};

describe('mergeTemplates', () => {
  it('makes plain references of imports, however deep, and drops the exports', () => {
    expect(mergeTemplates([exporting, importing])).toEqual({
      Resources: {
        Table: { Type: 'AWS::DynamoDB::GlobalTable', DeletionPolicy: 'Retain' },
        Policy: { Type: 'AWS::IAM::Policy', Properties: { Resources: [{ 'Fn::Join': ['', [{ Ref: 'Table' }, '/index/due']] }] } },
      },
      Outputs: { TableName: { Value: { Ref: 'Table' } } },
    });
  });

  it('does not care for the order of the stacks', () => {
    expect(mergeTemplates([importing, exporting])).toEqual(mergeTemplates([exporting, importing]));
  });

  it('refuses an import that no stack exports', () => {
    expect(() => mergeTemplates([importing])).toThrow('no stack exports "state:Table"');
  });

  it('refuses two resources with one name', () => {
    expect(() => mergeTemplates([exporting, { Resources: exporting.Resources }])).toThrow('two stacks have something named Table');
  });
});
